"""The subcommand `recover`."""

from __future__ import annotations

import argparse

from mpisim.cli.command import Result

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("coarse", help="coarse system matrix (.nc)")
    parser.add_argument("--method", default="transms", help="a name that `mpisim methods` lists (default: transms)")
    parser.add_argument("--weights", help="weights of `mpisim train` (default: those bundled with the package)")
    parser.add_argument("--out", required=True, help="fine system matrix (.nc) to write")


def run(options: argparse.Namespace) -> Result:
    """Recover the matrix and return the name of the fine one."""
    from calib.files import recover_file

    result = recover_file(options.coarse, options.out, options.method, options.weights)
    return {"out": options.out, "method": options.method, **result}
