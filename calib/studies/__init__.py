"""Studies of recovery that set our numbers beside the paper's."""
