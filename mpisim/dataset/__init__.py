"""Families of system matrices on disk."""
