"""The subcommand `recover`."""

from __future__ import annotations

import argparse

from mpisim.cli.command import Result, argument_type, as_typed
from mpisim.cli.noise_options import NOISE_FLAGS, add_noise_options, given_noise
from mpisim.cli.options import ranged
from mpisim.errors import require, whole

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "out": "file of the fine matrix",
    "method": "method of recovery that was used",
    "reason": "why it was used where none was named; null where one was",
    "rows": "rows of the matrix",
    "grid": "voxels of the fine matrix along x, y",
    "expected_nrmse": "the error that the method expects, a fraction; null where it states none",
    "scanner": "file of the fitted scanner; null where none was asked for",
    "changed": "what changed since the earlier fit, in sentences; null without --prior-scanner",
    "diagnostics": "page that was written; null where none was asked for",
    "noise": "of the coarse matrix: noise_std, snr in dB, whether estimated, an upper bound, by_row; null if not known",
}
"""Keys of `--json`."""
_FITS = ("physical", "auto")
_CHOSEN = ("method", "weights", "prior", "angles", "prior_scanner")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("coarse", help="coarse system matrix (.nc)")
    parser.add_argument(
        "--method",
        help="a name that `mpisim methods` lists (default: auto, which fits the scanner where that explains the "
        "measurement and else takes a method that presumes less; in blocks of a large file transms where its weights "
        "were trained on such matrices, else ridge)",
    )
    parser.add_argument("--weights", help="weights of `mpisim train` (default: those bundled with the package)")
    parser.add_argument(
        "--prior",
        metavar="FILE|FOLDER",
        help="known matrices for linear-bayes: a file of `mpisim prior`, or a folder of fine matrices (default: the "
        "bundled ones, of simulated imperfect scanners)",
    )
    parser.add_argument(
        "--prior-scanner",
        metavar="FILE",
        help="an earlier fit of the same scanner, for auto and physical: a file of --scanner-out, or a matrix that "
        "physical recovered; says what changed",
    )
    parser.add_argument(
        "--angles",
        type=argument_type("angles", _angle_count),
        metavar="N",
        help="recover rows at N equidistant angles in [0, 180) degrees, measured or not, by the fitted scanner of auto "
        "or physical (default: the measured angles)",
    )
    add_noise_options(parser)
    parser.add_argument("--out", required=True, help="fine system matrix (.nc) to write")
    parser.add_argument(
        "--scanner-out", metavar="FILE.toml", help="write the scanner that physical fitted as a scanner file"
    )
    parser.add_argument(
        "--sf-gradient",
        type=argument_type("sf-gradient", ranged(1e-3, 100, "T/m")),
        help="gradient of the fitted scanner in T/m for --scanner-out, where the matrix does not state it",
    )
    parser.add_argument(
        "--diagnostics", metavar="FILE.html", help="write one page on the result: what to distrust, chi2, the scanner"
    )


def _angle_count(name: str, text: str) -> int:
    """Return a number of angles; raise `InputError` unless it is a whole number of 1 or more."""
    return whole(name, float(text) if text.strip().isdigit() else text)


def run(options: argparse.Namespace) -> Result:
    """Recover the matrix and return the name of the fine one."""
    from calib.files import recover_file
    from mpisim.io.atomic import expect_file, not_an_input

    not_an_input(options.out, options.weights, options.prior, options.prior_scanner)
    require(
        options.sf_gradient is None or options.scanner_out is not None,
        "--sf-gradient",
        "left out without --scanner-out",
        options.sf_gradient,
    )
    if options.scanner_out is not None:
        options.method = options.method or "physical"
        fits = options.method in _FITS
        require(fits, "--method", f"{' or '.join(_FITS)} with --scanner-out, or left out", options.method)
        inputs = (options.coarse, options.weights, options.prior_scanner, options.out)
        expect_file(options.scanner_out, (".toml",), *inputs, name="--scanner-out")
    if options.diagnostics is not None:
        expect_file(options.diagnostics, (".html",), options.coarse, options.weights, options.out, name="--diagnostics")
    noise = given_noise(options)
    with as_typed({**NOISE_FLAGS, "prior_scanner": "--prior-scanner"}):
        chosen = {name: getattr(options, name) for name in _CHOSEN}
        result = recover_file(options.coarse, options.out, **chosen, **noise)
    if options.diagnostics is not None:
        from calib.diagnostics import write_diagnostics
        from mpisim.io import read

        write_diagnostics(options.diagnostics, read(options.out), read(options.coarse))
    if options.scanner_out is not None:
        _write_scanner(options)
    written = {"out": options.out, "scanner": options.scanner_out, "diagnostics": options.diagnostics}
    return {**written, "changed": None, **result}


def _write_scanner(options: argparse.Namespace) -> None:
    """Write the fitted scanner of the fine matrix; raise `InputError` where none was fitted."""
    from calib.methods.physical.fit_file import write_fitted_scanner
    from mpisim.io import read

    fine = read(options.out)
    told = fine.attrs["recovery"]
    name = told.get("instead", told["method"])
    must = f"left out, since no scanner could be fitted: {options.out} was recovered by {name}"
    require("parameters" in told, "--scanner-out", must, options.scanner_out)
    with as_typed({"sf_gradient": "--sf-gradient"}):
        write_fitted_scanner(fine, options.scanner_out, options.sf_gradient)
