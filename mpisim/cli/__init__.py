"""The console command `mpisim`: it parses, makes one call, and prints."""

from mpisim.cli.main import main

__all__ = ["main"]
