"""Subcommands of calibration."""
