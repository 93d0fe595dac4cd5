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
    """Do the work for parsed options."""
    from calib.evaluation import evaluate

    result = evaluate(mpisim.read(options.found), mpisim.read(options.reference))
    if options.rows:
        from mpisim.io.atomic import write_text

        write_text(options.rows, "row,nrmse\n" + "".join(f"{i},{e:.9g}\n" for i, e in enumerate(result["row_nrmse"])))
    finite_rows = [e for e in result.pop("row_nrmse") if np.isfinite(e)]
    quartiles = np.quantile(finite_rows, (0.5, 0.9, 1.0))
    return {
        **result,
        "row_nrmse_median": float(quartiles[0]),
        "row_nrmse_90_percent": float(quartiles[1]),
        "row_nrmse_max": float(quartiles[2]),
    }
