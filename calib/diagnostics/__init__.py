"""One page on a recovered matrix: how far it can be trusted, and what the fit says of the scanner."""

from calib.diagnostics.page import write_diagnostics

__all__ = ["write_diagnostics"]
