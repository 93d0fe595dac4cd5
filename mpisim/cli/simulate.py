"""The subcommand `simulate`."""

from __future__ import annotations

import argparse

from mpisim.cli.command import Result
from mpisim.cli.info import describe
from mpisim.cli.options import number
from mpisim.cli.scanner_options import (
    add_scanner_arguments,
    grid_of_options,
    in_range,
    sample_of_options,
    scanner_options,
)

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("--sf-gradient", required=True, help="selection-field gradient in T/m")
    parser.add_argument("--particle-diameter", required=True, help="core diameter in nm")
    add_scanner_arguments(parser)
    parser.add_argument("--out", required=True, help="system matrix (.nc) to write")


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
    import mpisim

    mpisim.io.expect_output(options.out)
    grid = grid_of_options(options)
    gradient = in_range("sf-gradient", number("sf-gradient", options.sf_gradient))
    scanner = mpisim.open_sided_ffl(gradient, fov=max(grid.fov[:2]), **scanner_options(options))
    diameter = in_range("particle-diameter", number("particle-diameter", options.particle_diameter))
    particle = mpisim.Particle(diameter * 1e-9)
    found = mpisim.simulate(scanner, particle, grid, sample_of_options(options))
    mpisim.write(found, options.out)
    return describe(found) | {"out": options.out}
