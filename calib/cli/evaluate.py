"""The subcommand `evaluate`."""

from __future__ import annotations

import argparse

import numpy as np

from mpisim.cli.command import Result

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "nrmse": "Frobenius norm of the error over that of the reference, a fraction",
    "harmonics": "harmonics of the drive, where the file states them",
    "nrmse_by_harmonic": "nRMSE of the rows of each harmonic; null where the reference is zero",
    "nrmse_by_channel": "nRMSE of the rows of each receive channel, where there are several; null as above",
    "row_nrmse_median": "median of the rows' nRMSE",
    "row_nrmse_90_percent": "nRMSE that 90 % of the rows stay below",
    "row_nrmse_max": "largest nRMSE of a row",
    "coverage_68": "where the matrix states its standard deviation: share of the errors (real and imaginary parts) "
    "within its intervals of 68 %",
    "coverage_95": "the same for intervals of 95 %",
    "std_over_rmse": "RMS of that standard deviation over that of the errors, 1 where it is right",
    "coverage_68_by_harmonic": "the same for the rows of each harmonic",
    "coverage_95_by_harmonic": "the same",
    "std_over_rmse_by_harmonic": "the same; null where there are no errors",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("found", help="recovered system matrix (.nc)")
    parser.add_argument("--reference", required=True, help="reference system matrix (.nc)")
    parser.add_argument("--rows", metavar="FILE", help="write the error of every row to a .csv file")


def run(options: argparse.Namespace) -> Result:
    """Return the errors of a matrix: of all of it, quantiles of those of its rows (fractions), and its coverage."""
    from calib.evaluation import evaluate_files
    from mpisim.io.atomic import expect_file

    if options.rows is not None:
        expect_file(options.rows, (".csv",), options.found, options.reference, name="--rows")
    result = evaluate_files(options.found, options.reference)
    if options.rows is not None:
        _write_rows(options.rows, result.row_nrmse)
    return result.figures()


def _write_rows(file: str, errors: np.ndarray) -> None:
    """Write a line `row,nrmse` for every row."""
    import pandas as pd

    from mpisim.io.atomic import write_text

    table = pd.DataFrame({"row": np.arange(len(errors)), "nrmse": errors})
    write_text(file, table.to_csv(index=False, float_format="%.9g", na_rep="nan", lineterminator="\n"))
