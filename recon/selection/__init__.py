"""Numbers of a reconstruction that are chosen from the data."""
