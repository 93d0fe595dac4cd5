"""The subcommand `recover`."""

from __future__ import annotations

import argparse

from mpisim.cli.command import Result

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("coarse", help="coarse system matrix (.nc)")
    parser.add_argument("--method", default="transms", help="a name that `mpisim methods` lists (default: transms)")
    parser.add_argument("--weights", help="weights of `mpisim train`; default: those that ship with the package")
    parser.add_argument("--out", required=True, help="fine system matrix (.nc) to write")


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
    from calib.files import recover_file

    found = recover_file(options.coarse, options.out, options.method, options.weights)
    return {"out": options.out, "method": options.method, **found}
