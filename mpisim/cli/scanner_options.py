"""Options that describe a scanner, its voxels and the sample, in the units of the command line."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from mpisim.cli.command import argument_type
from mpisim.cli.options import counts, harmonics, lengths_mm, ranged, read_toml

if TYPE_CHECKING:
    from mpisim.data.grid import Grid
    from mpisim.simulation.sample import Sample

__all__ = ["add_scanner_arguments", "chosen_grid", "chosen_sample", "chosen_scanner"]


def add_scanner_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""

    def add(name: str, parse: Callable[[str, str], object], text: str, default: str | None = None) -> None:
        parser.add_argument(f"--{name}", type=argument_type(name, parse), default=default, help=text)

    add("grid", counts, "voxels: 32, 32x64 (default: 32)", "32")
    add("fov", lengths_mm(0.1, 2000), "field of view in mm: 32, 32x64 (default: 32)", "32")
    add("angle-step", ranged(0.1, 180, "degrees"), "degrees between angles in [0, 180) (default: 3)")
    add("harmonics", harmonics, "harmonics of the drive: 2:9 with both ends (the default), or 2,3,5")
    add("drive-amplitude", ranged(0.1, 1000, "mT", 1e-3), "mT; default: gradient x field of view / 2")
    add("drive-frequency", ranged(0.1, 1000, "kHz", 1e3), "kHz (default: 23.2)")
    add("sample-size", lengths_mm(0.05, 500), "edges of the sample in mm: 2, 2x4; default: one voxel")
    parser.add_argument("--thick", action="store_true", help="average over the sample's height too")
    parser.add_argument("--scanner", metavar="FILE.toml", help="keys of mpisim.OpenSidedFFL in SI units; options win")


def chosen_grid(options: argparse.Namespace) -> Grid:
    """Return the voxels."""
    from mpisim.data.grid import Grid

    return Grid(options.grid, options.fov)


def chosen_sample(options: argparse.Namespace) -> Sample:
    """Return the sample."""
    from mpisim.simulation.sample import Sample

    return Sample(size=options.sample_size, thick=options.thick)


def chosen_scanner(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `mpisim.open_sided_ffl` except the gradient: those of the file, then the options."""
    from mpisim.scanner.ffl import OpenSidedFFL

    known = [f.name for f in fields(OpenSidedFFL) if f.name != "sf_gradient"]
    values = read_toml(options.scanner, known, "scanner") if options.scanner is not None else {}
    if options.angle_step is not None or "angles" not in values:
        step = options.angle_step or 3.0
        values["angles"] = [math.radians(i * step) for i in range(math.ceil(180 / step - 1e-9))]
    values.setdefault("harmonics", tuple(range(2, 10)))
    typed = ("harmonics", "drive_frequency", "drive_amplitude")
    return values | {name: getattr(options, name) for name in typed if getattr(options, name) is not None}
