"""The subcommand `methods`."""

from __future__ import annotations

import argparse
from typing import Any

from mpisim.cli.command import Result

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing to add."""


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
    from calib.learned.bundled import bundled_weights
    from calib.recovery import METHODS

    listed: dict[str, Any] = {}
    for name, method in METHODS.items():
        shipped = [f for f in (2, 4, 8) if bundled_weights(name, f).is_file()] if method.learned else []
        listed[name] = {
            "summary": method.summary,
            "sampling": list(method.samplings),
            "learned": method.learned,
            "shipped_factors": shipped,
            "version": method.version,
        }
    width = max(map(len, listed))
    text = "\n".join(
        f"{name:<{width}}  {about['summary']}"
        + (
            f" (weights ship for {', '.join(f'{f}x' for f in about['shipped_factors']) or 'no factor'})"
            if about["learned"]
            else ""
        )
        for name, about in listed.items()
    )
    return {"methods": listed, "text": text}
