"""The subcommand `prior`."""

from __future__ import annotations

import argparse
import os
from functools import partial

from mpisim.cli.command import Result, argument_type, as_typed
from mpisim.cli.options import integer, number

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "out": "file of the prior",
    "matrices": "matrices that its bases are made from",
    "members": "matrices whose coefficients it holds",
    "reflections": "reflections that the family is symmetric under, with the identity",
    "grid": "voxels along x, y",
    "left": "largest RMS of what the bases leave of a row, over that of the row",
    "bytes": "size of the file",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument(
        "--data",
        required=True,
        metavar="FOLDER",
        help="folder of fine matrices (.nc) with the same rows and voxels, or a data set with the split train",
    )
    parser.add_argument(
        "--members",
        type=argument_type("members", partial(integer, least=3)),
        help="keep the first matrices only, for a smaller file (default: all)",
    )
    parser.add_argument(
        "--precision",
        type=argument_type("precision", number),
        help="step of the numbers in the file over the RMS of a row (default: 0.0005)",
    )
    parser.add_argument("--out", required=True, help="file of the prior (.npz) to write")


def run(options: argparse.Namespace) -> Result:
    """Make a prior of known matrices and return what it holds."""
    from calib.methods.linear_bayes.prior_file import PRECISION, prior_of_folder, write_prior
    from mpisim.io.atomic import expect_file

    expect_file(options.out, (".npz",), name="--out")
    with as_typed({"prior": "--data"}):
        family = prior_of_folder(options.data, options.members)
    write_prior(family, options.out, PRECISION if options.precision is None else options.precision)
    return {
        "out": options.out,
        "matrices": family.about["matrices"],
        "members": family.members,
        "reflections": len(family.turns),
        "grid": list(family.grid.shape[:2]),
        "left": round(float(family.left.max()) ** 0.5, 6),
        "bytes": os.path.getsize(options.out),
    }
