"""Data sets of system matrices on disk."""
