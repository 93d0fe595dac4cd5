"""Options that describe a scanner, its voxels and the sample, in the units of the command line."""

from __future__ import annotations

import argparse
import math
from dataclasses import fields
from typing import Any

from mpisim.cli.options import integers, number, read_toml, size
from mpisim.errors import require

__all__ = ["add_scanner_arguments", "grid_of_options", "in_range", "sample_of_options", "scanner_options"]

_RANGES = {  # what a user can mean on the command line, in its units
    "sf-gradient": (0.01, 50.0, "T/m"),
    "particle-diameter": (1.0, 200.0, "nm"),
    "fov": (0.1, 2000.0, "mm"),
}


def add_scanner_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--grid", default="32", help="voxels: 32, 32x64 (default: 32)")
    parser.add_argument("--fov", default="32", help="field of view in mm: 32, 32x64 (default: 32)")
    parser.add_argument("--angle-step", help="degrees between angles in [0, 180) (default: 3)")
    parser.add_argument("--harmonics", help="harmonics of the drive: 2:9 with both ends (the default), or 2,3,5")
    parser.add_argument("--drive-amplitude", help="mT; default: gradient x field of view / 2")
    parser.add_argument("--drive-frequency", help="kHz (default: 23.2)")
    parser.add_argument("--sample-size", help="edges of the sample in mm: 2, 2x4; default: one voxel")
    parser.add_argument("--thick", action="store_true", help="average over the sample's height too")
    parser.add_argument("--scanner", metavar="FILE.toml", help="keys of mpisim.OpenSidedFFL in SI units; options win")


def grid_of_options(options: argparse.Namespace) -> Any:
    from mpisim.data.grid import Grid

    shape = size("grid", options.grid)
    fov = tuple(in_range("fov", f) for f in size("fov", options.fov))
    return Grid(shape, tuple(f * 1e-3 for f in fov))  # type: ignore[arg-type]


def in_range(name: str, value: float) -> float:
    """Refuse numbers that can only be slips of the unit."""
    low, high, unit = _RANGES[name]
    require(low <= value <= high, name, f"from {low:g} to {high:g} {unit}", f"{value:g}")
    return value


def sample_of_options(options: argparse.Namespace) -> Any:
    from mpisim.simulation.sample import Sample

    edges = None if options.sample_size is None else tuple(s * 1e-3 for s in size("sample-size", options.sample_size))
    return Sample(size=edges, thick=options.thick)  # type: ignore[arg-type]


def scanner_options(options: argparse.Namespace) -> dict[str, Any]:
    from mpisim.scanner.ffl import OpenSidedFFL

    known = [f.name for f in fields(OpenSidedFFL) if f.name != "sf_gradient"]
    values = read_toml(options.scanner, known, "scanner") if options.scanner is not None else {}
    if options.angle_step is not None or "angles" not in values:
        step = number("angle-step", options.angle_step or "3")
        require(1e-3 <= step <= 180, "angle-step", "from 0.001 to 180 degrees", options.angle_step)
        values["angles"] = [math.radians(i * step) for i in range(math.ceil(180 / step - 1e-9))]
    if options.harmonics is not None or "harmonics" not in values:
        values["harmonics"] = integers("harmonics", options.harmonics or "2:9")
    if options.drive_frequency is not None:
        values["drive_frequency"] = number("drive-frequency", options.drive_frequency) * 1e3
    if options.drive_amplitude is not None:
        values["drive_amplitude"] = number("drive-amplitude", options.drive_amplitude) * 1e-3
    return values
