"""The subcommand `info`, and the description of a dataset that other subcommands print too."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mpisim.cli.command import Result
from mpisim.simulation.engines import with_former_names

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["add_arguments", "describe", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file."""
    parser.add_argument("file", help="a file of any format that `mpisim.read` reads")


def run(options: argparse.Namespace) -> Result:
    """Describe a file."""
    import mpisim

    return describe(mpisim.read(options.file))


def describe(data: xr.Dataset) -> Result:
    """Return kind, size, unit, RMS, noise and all attributes of a dataset of the schema."""
    kind = data.attrs["kind"]
    summary: dict[str, object] = {"kind": kind}
    summary |= {k: data.attrs[k] for k in ("stage", "origin") if k in data.attrs}
    summary["size"] = {str(d): int(n) for d, n in data[kind].sizes.items()}
    summary["unit"] = data[kind].attrs.get("units", "1")
    summary["rms"] = float((abs(data[kind].astype(complex)) ** 2).mean() ** 0.5)
    if "noise_std" in data:
        summary["noise_std"] = float(data["noise_std"].max())
    rest = {str(k): v for k, v in data.attrs.items() if k not in ("kind", "stage", "origin", "format_version")}
    return summary | with_former_names(rest)
