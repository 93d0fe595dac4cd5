"""The subcommand `convert`."""

from __future__ import annotations

import argparse

from mpisim.cli.command import Result, argument_type
from mpisim.cli.info import describe
from mpisim.cli.options import at_least, counts, lengths_mm
from mpisim.errors import require

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    grid, fov, coarse = (
        argument_type(name, parse) for name, parse in (("grid", counts), ("fov", lengths_mm), ("coarse", at_least(1)))
    )
    parser.add_argument("source", metavar="IN", help="MATLAB file (.mat, any version)")
    parser.add_argument("out", metavar="OUT", help="NetCDF file (.nc) to write")
    parser.add_argument("--variable", help="array in the file; default: the only one")
    parser.add_argument(
        "--grid", type=grid, help="voxels of a system matrix: 8x8; without it the array is a measurement"
    )
    parser.add_argument("--fov", type=fov, help="field of view in mm; default: 1 mm per voxel")
    parser.add_argument(
        "--coarse", type=coarse, metavar="S", help="the sample filled S x S voxels of the grid to be recovered"
    )


def run(options: argparse.Namespace) -> Result:
    """Convert a file."""
    import mpisim

    mpisim.io.expect_output(options.out)
    grid = None
    if options.grid is not None:
        grid = mpisim.Grid(options.grid, options.fov or tuple(n * 1e-3 for n in options.grid))
    require(options.coarse is None or grid is not None, "--coarse", "given together with --grid", "it without")
    data = mpisim.read(options.source, options.variable, grid, options.coarse)
    mpisim.write(data, options.out)
    return {**describe(data), "out": options.out}
