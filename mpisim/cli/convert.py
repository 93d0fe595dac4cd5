"""The subcommand `convert`."""

from __future__ import annotations

import argparse

from mpisim.cli.command import Result
from mpisim.cli.info import describe
from mpisim.cli.options import integer, size
from mpisim.errors import require

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("source", metavar="IN", help="MATLAB file (.mat, any version)")
    parser.add_argument("out", metavar="OUT", help="NetCDF file (.nc) to write")
    parser.add_argument("--variable", help="array in the file; default: the only one")
    parser.add_argument("--grid", help="voxels of a system matrix: 8x8; without it the array is a measurement")
    parser.add_argument("--fov", help="field of view in mm; default: 1 mm per voxel")
    parser.add_argument("--coarse", metavar="S", help="the sample filled S x S voxels of the grid to be recovered")


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
    import mpisim

    mpisim.io.expect_output(options.out)
    grid = None
    if options.grid:
        shape = size("grid", options.grid)
        fov = size("fov", options.fov) if options.fov else shape
        grid = mpisim.Grid(shape, tuple(f * 1e-3 for f in fov))  # type: ignore[arg-type]
    coarse = integer("coarse", options.coarse, 1) if options.coarse else None
    require(coarse is None or grid is not None, "--coarse", "given together with --grid", "it without")
    found = mpisim.read(options.source, options.variable, grid, coarse)
    mpisim.write(found, options.out)
    return describe(found) | {"out": options.out}
