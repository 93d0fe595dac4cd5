"""The subcommand `downsample`."""

from __future__ import annotations

import argparse
from functools import partial

import mpisim
from mpisim.cli.command import Result, argument_type, as_typed
from mpisim.cli.options import integer, number
from mpisim.data.grid import Grid
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.data.sampling import Sampling
from mpisim.data.views import as_images
from mpisim.io import expect_output

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "out": "file of the coarse matrix",
    "rows": "rows of the matrix",
    "grid": "voxels of the coarse matrix along x, y; the number of positions and 1 for those",
    "fine_grid": "voxels along x, y of the fine matrix that is recovered from it",
    "noise_std": "complex noise standard deviation of whole blocks, the largest of the rows; null where not known",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    factor = argument_type("factor", partial(integer, least=2))
    parser.add_argument("fine", help="fine system matrix (.nc)")
    parser.add_argument(
        "--factor",
        type=factor,
        required=True,
        help="voxels per block edge, such as 4: a divisor of the grid's sides, or see --edge",
    )
    parser.add_argument(
        "--edge",
        metavar="fill|crop",
        help="for a grid that the factor does not divide. fill: the last samples reach over the edge and fill n of "
        "S x S voxels, with S x S / n times the noise of their mean. crop: the last voxels that are no complete block "
        "are left out",
    )
    parser.add_argument("--sampling", default="box", help="box (large sample), strided or random (small sample)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--positions",
        metavar="FILE",
        help="table (.csv) of large samples at any positions: columns x_mm, y_mm and, where they are not of --factor "
        "voxels, size_x_mm and size_y_mm",
    )
    keep = argument_type("keep", integer)
    where.add_argument("--keep", type=keep, help="measure so many whole blocks only, drawn at random by --seed")
    level = parser.add_mutually_exclusive_group()
    level.add_argument(
        "--snr",
        type=argument_type("snr", number),
        default=PROTOCOL_SNR,
        help="RMS of the block means over the noise in dB (default: %(default)s)",
    )
    level.add_argument("--noiseless", action="store_true", help="add no noise")
    seed = argument_type("seed", integer)
    parser.add_argument("--seed", type=seed, default=0, help="seed of the noise and of the random choice")
    parser.add_argument("--out", required=True, help="coarse system matrix (.nc) to write")


def run(options: argparse.Namespace) -> Result:
    """Measure the matrix coarsely and return the name, the size and the noise of the coarse one."""
    from mpisim.data.downsampling import downsample
    from mpisim.io.positions_file import read_positions

    expect_output(options.out, options.fine)
    snr = None if options.noiseless else options.snr
    positions = None if options.positions is None else read_positions(options.positions)
    with as_typed({"edge": "--edge", "positions": "--positions", "keep": "--keep", "sampling": "--sampling"}):
        fine = mpisim.read(options.fine)
        coarse = downsample(
            fine,
            options.factor,
            options.sampling,
            snr,
            options.seed,
            options.edge,
            positions=positions,
            keep=options.keep,
        )
    mpisim.write(coarse, options.out)
    return {
        "out": options.out,
        "rows": len(as_images(coarse)),
        "grid": list(reversed(as_images(coarse).shape[-2:])),
        "fine_grid": list(Sampling.of(coarse).fine_grid(Grid.of(coarse)).shape[:2]),
        "noise_std": float(coarse["noise_std"].max()) if "noise_std" in coarse else None,
    }
