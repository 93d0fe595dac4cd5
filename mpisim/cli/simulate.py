"""The subcommand `simulate`."""

from __future__ import annotations

import argparse

from mpisim.cli.command import Result, argument_type
from mpisim.cli.info import KEYS as INFO_KEYS
from mpisim.cli.info import described
from mpisim.cli.options import diameters_nm, gradients
from mpisim.cli.scanner_options import add_scanner_arguments, chosen_grid, chosen_sample, chosen_scanner
from mpisim.errors import require

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    **{name: INFO_KEYS[name] for name in ("kind", "stage", "origin", "size", "unit", "rms", "noise", "noise_std", "*")},
    "out": "file of the matrix",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    gradient, diameter = argument_type("sf-gradient", gradients), argument_type("particle-diameter", diameters_nm)
    parser.add_argument("--sf-gradient", required=True, type=gradient, help="selection-field gradient in T/m")
    parser.add_argument("--particle-diameter", required=True, type=diameter, help="core diameter in nm")
    add_scanner_arguments(parser)
    parser.add_argument("--out", required=True, help="system matrix (.nc) to write")


def run(options: argparse.Namespace) -> Result:
    """Simulate a system matrix and write it."""
    import mpisim

    mpisim.io.expect_output(options.out, options.scanner)
    for name in ("sf_gradient", "particle_diameter"):
        values = getattr(options, name)
        require(len(values) == 1, name.replace("_", "-"), "a number", f"{len(values)} numbers")
    grid = chosen_grid(options)
    scanner = mpisim.open_sided_ffl(options.sf_gradient[0], fov=max(grid.fov[:2]), **chosen_scanner(options))
    matrix = mpisim.simulate(scanner, mpisim.Particle(options.particle_diameter[0]), grid, chosen_sample(options))
    mpisim.write(matrix, options.out)
    return {**described(matrix), "out": options.out}
