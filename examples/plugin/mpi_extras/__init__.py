"""A method of recovery, a solver, a scanner, a magnetisation model and a file format for mpisim."""
