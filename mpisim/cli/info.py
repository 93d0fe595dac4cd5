"""The subcommand `info`, and the description of a dataset that other subcommands print too."""

from __future__ import annotations

import argparse
from typing import Any

from mpisim.cli.command import Result

__all__ = ["add_arguments", "describe", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file."""
    parser.add_argument("file")


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
    import mpisim

    return describe(mpisim.read(options.file))


def describe(data: Any) -> dict[str, Any]:
    kind = data.attrs["kind"]
    about: dict[str, Any] = {"kind": kind}
    about |= {k: data.attrs[k] for k in ("stage", "origin") if k in data.attrs}
    about["size"] = {str(d): int(n) for d, n in data[kind].sizes.items()}
    about["unit"] = data[kind].attrs.get("units", "1")
    about["rms"] = float((abs(data[kind].astype(complex)) ** 2).mean() ** 0.5)
    if "noise_std" in data:
        about["noise_std"] = float(data["noise_std"].max())
    rest = {k: v for k, v in data.attrs.items() if k not in ("kind", "stage", "origin", "format_version")}
    return about | rest
