"""Subcommands of reconstruction."""
