"""Matplotlib under any environment: figures are written to files, which needs no backend of a display."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from mpisim.errors import warn

__all__ = ["load_matplotlib"]


def load_matplotlib() -> None:
    """Import Matplotlib; call it before long work that ends in figures.

    Matplotlib cannot be imported where MPLBACKEND names no backend. It is then imported without that variable, which
    stays as it is, and a `DataWarning` says so.
    """
    try:
        import_module("matplotlib")
    except ValueError:
        named = os.environ.pop("MPLBACKEND", None)
        for module in [m for m in sys.modules if m.split(".")[0] == "matplotlib"]:  # loaded in part
            del sys.modules[module]
        try:
            import_module("matplotlib")
        finally:
            if named is not None:
                os.environ["MPLBACKEND"] = named
        warn(f"MPLBACKEND is {named!r}, which is no backend of Matplotlib: figures are written without it.")
