"""The subcommand `recover`."""

from __future__ import annotations

import argparse

from mpisim.cli.command import Result, as_typed
from mpisim.cli.noise_options import NOISE_FLAGS, add_noise_options, given_noise

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "out": "file of the fine matrix",
    "method": "method of recovery that was used",
    "reason": "why it was used where none was named; null where one was",
    "rows": "rows of the matrix",
    "grid": "voxels of the fine matrix along x, y",
    "diagnostics": "page that was written; null where none was asked for",
    "noise": "of the coarse matrix: noise_std, snr in dB, whether estimated, an upper bound, by_row; null if not known",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("coarse", help="coarse system matrix (.nc)")
    parser.add_argument(
        "--method",
        help="a name that `mpisim methods` lists (default: transms where its weights were trained on such matrices, "
        "else a method that presumes less)",
    )
    parser.add_argument("--weights", help="weights of `mpisim train` (default: those bundled with the package)")
    parser.add_argument(
        "--prior",
        metavar="FILE|FOLDER",
        help="known matrices for linear-bayes: a file of `mpisim prior`, or a folder of fine matrices (default: the "
        "bundled ones, of simulated imperfect scanners)",
    )
    add_noise_options(parser)
    parser.add_argument("--out", required=True, help="fine system matrix (.nc) to write")
    parser.add_argument(
        "--diagnostics", metavar="FILE.html", help="write one page on the result: what to distrust, chi2, the scanner"
    )


def run(options: argparse.Namespace) -> Result:
    """Recover the matrix and return the name of the fine one."""
    from calib.files import recover_file
    from mpisim.io.atomic import expect_file, not_an_input

    not_an_input(options.out, options.weights, options.prior)
    if options.diagnostics is not None:
        expect_file(options.diagnostics, (".html",), options.coarse, options.weights, options.out, name="--diagnostics")
    noise = given_noise(options)
    with as_typed(NOISE_FLAGS):
        chosen = {"method": options.method, "weights": options.weights, "prior": options.prior}
        result = recover_file(options.coarse, options.out, **chosen, **noise)
    if options.diagnostics is not None:
        from calib.diagnostics import write_diagnostics
        from mpisim.io import read

        write_diagnostics(options.diagnostics, read(options.out), read(options.coarse))
    return {"out": options.out, "diagnostics": options.diagnostics, **result}
