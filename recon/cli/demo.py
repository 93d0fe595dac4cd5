"""The subcommand `demo`."""

from __future__ import annotations

import argparse

from mpisim.cli.command import Result, argument_type
from mpisim.cli.options import CORE_DIAMETER, GRADIENT, integer, ranged
from mpisim.cli.scanner_options import add_scanner_argument, units_as_typed

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "configuration": "scanner, tracer, factor, noise levels and seed",
    "calibration_positions": "positions of the sample in the fine and the coarse calibration",
    "angles": "rotation angles",
    "rows": "rows of the matrix",
    "image_of_zeros_psnr_phantom": "pSNR in dB of an image of zeros against the phantom",
    "methods": "by method: errors of matrix and image",
    "room": "check of the noise ball that the report describes; null where there is none",
    "commands": "the command lines of the demo",
    "report": "file of the report",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("--out", default="demo", help="folder to write (default: demo)")
    factor = argument_type("factor", integer)
    parser.add_argument("--factor", type=factor, default="4", help="2, 4 or 8 (default: 4)")
    gradient = argument_type("sf-gradient", ranged(*GRADIENT))
    parser.add_argument(
        "--sf-gradient", type=gradient, help="of the simulated scanner in T/m (default: that of --scanner, or 0.83)"
    )
    diameter = argument_type("particle-diameter", ranged(*CORE_DIAMETER))
    parser.add_argument(
        "--particle-diameter", type=diameter, help="of the simulated tracer in nm (default: that of --scanner, or 24)"
    )
    add_scanner_argument(parser)
    parser.add_argument("--seed", type=argument_type("seed", integer), default="0", help="seed of the noise")


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
    from recon.studies.demo import demo

    tracer = options.sf_gradient, options.particle_diameter
    with units_as_typed():
        return demo(options.out, options.factor, options.seed, *tracer, options.scanner)
