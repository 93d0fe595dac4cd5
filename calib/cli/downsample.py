"""The subcommand `downsample`."""

from __future__ import annotations

import argparse

import mpisim
from mpisim.cli.command import Result
from mpisim.cli.options import integer, number
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.data.views import as_images
from mpisim.io import expect_output

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("fine", help="fine system matrix (.nc)")
    parser.add_argument("--factor", required=True, help="voxels per block edge: 2, 4, 8, 16")
    parser.add_argument("--sampling", default="box", help="box (large sample), strided or random (small sample)")
    level = parser.add_mutually_exclusive_group()
    level.add_argument(
        "--snr", default=str(PROTOCOL_SNR), help="RMS of the block means over the noise in dB (default: %(default)s)"
    )
    level.add_argument("--noiseless", action="store_true", help="add no noise")
    parser.add_argument("--seed", default="0", help="seed of the noise and of the random choice")
    parser.add_argument("--out", required=True, help="coarse system matrix (.nc) to write")


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
    from mpisim.data.sampling import downsample

    expect_output(options.out)
    fine = mpisim.read(options.fine)
    snr = None if options.noiseless else number("snr", options.snr)
    factor, seed = integer("factor", options.factor, 1), integer("seed", options.seed)
    coarse = downsample(fine, factor, options.sampling, snr, seed)
    mpisim.write(coarse, options.out)
    return {
        "out": options.out,
        "rows": len(as_images(coarse)),
        "grid": list(reversed(as_images(coarse).shape[-2:])),
        "noise_std": float(coarse["noise_std"].max()),
    }
