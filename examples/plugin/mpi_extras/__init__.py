"""A method of recovery, a solver, a scanner and a file format for mpisim."""
