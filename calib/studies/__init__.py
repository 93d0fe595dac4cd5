"""Studies of recovery that compare our numbers with those of the paper."""
