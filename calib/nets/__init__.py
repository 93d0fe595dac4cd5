"""Networks: the table of all of them, and their architectures."""
