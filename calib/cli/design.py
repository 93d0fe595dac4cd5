"""The subcommand `design`."""

from __future__ import annotations

import argparse
from functools import partial

import mpisim
from mpisim.cli.command import Result, argument_type, as_typed
from mpisim.cli.options import integer, number
from mpisim.data.noise import PROTOCOL_SNR

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "out": "file of the positions",
    "positions": "number of positions",
    "first": "the position that tells most, x and y in mm",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    known = parser.add_mutually_exclusive_group()
    known.add_argument("--prior", help="file of mpisim prior, or folder of fine matrices (default: the bundled prior)")
    known.add_argument(
        "--from", dest="measured", metavar="FILE", help="coarse matrix that was measured; positions complete it"
    )
    parser.add_argument(
        "-n", dest="count", type=argument_type("count", integer), required=True, help="number of positions to choose"
    )
    size = argument_type("size", partial(integer, least=1))
    parser.add_argument("--size", type=size, required=True, help="edge of the samples in fine voxels, such as 4")
    parser.add_argument(
        "--criterion",
        default="A",
        help="what is made least, A: variance of all rows, D: volume of the unknown (default: A)",
    )
    parser.add_argument(
        "--snr",
        type=argument_type("snr", number),
        default=PROTOCOL_SNR,
        help="RMS of the values over the noise of such a sample in dB, with a prior (default: %(default)s)",
    )
    parser.add_argument("--out", required=True, help="table of positions (.csv) to write, in mm")


def run(options: argparse.Namespace) -> Result:
    """Choose positions, write them, and return how many and the first."""
    from calib.design.positions import next_positions
    from mpisim.io.atomic import expect_file
    from mpisim.io.positions_file import write_positions

    expect_file(options.out, (".csv",), name="--out")
    with as_typed({"count": "-n", "size": "--size", "criterion": "--criterion"}):
        known = options.prior if options.measured is None else mpisim.read(options.measured)
        found = next_positions(known, options.count, options.size, None, options.criterion, options.snr)
    write_positions(found, options.out)
    return {
        "out": options.out,
        "positions": len(found),
        "first": [round(1e3 * float(v), 6) for v in found[0, :2]],
    }
