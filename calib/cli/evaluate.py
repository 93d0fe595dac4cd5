"""The subcommand `evaluate`."""

from __future__ import annotations

import argparse

import numpy as np

import mpisim
from mpisim.cli.command import Result

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("found", help="recovered system matrix (.nc)")
    parser.add_argument("--reference", required=True, help="reference system matrix (.nc)")
    parser.add_argument("--rows", metavar="FILE", help="write the error of every row to a .csv file")


def run(options: argparse.Namespace) -> Result:
    """Return the errors of a matrix: of all of it, and quantiles of those of its rows (fractions)."""
    from calib.evaluation import evaluate

    result = evaluate(mpisim.read(options.found), mpisim.read(options.reference))
    errors = result.row_nrmse
    if options.rows:
        _write_rows(options.rows, errors)
    median, ninety_percent, largest = np.quantile([e for e in errors if np.isfinite(e)], (0.5, 0.9, 1.0)).tolist()
    by_harmonic = {"harmonics": list(result.harmonics), "nrmse_by_harmonic": list(result.nrmse_by_harmonic)}
    return {
        "nrmse": result.nrmse,
        **(by_harmonic if result.harmonics else {}),
        "row_nrmse_median": median,
        "row_nrmse_90_percent": ninety_percent,
        "row_nrmse_max": largest,
    }


def _write_rows(file: str, errors: np.ndarray) -> None:
    """Write a line `row,nrmse` for every row."""
    import pandas as pd

    from mpisim.io.atomic import write_text

    table = pd.DataFrame({"row": np.arange(len(errors)), "nrmse": errors})
    write_text(file, table.to_csv(index=False, float_format="%.9g", na_rep="nan", lineterminator="\n"))
