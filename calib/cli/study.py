"""The subcommand `study`."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from mpisim.cli.command import Result, argument_type
from mpisim.cli.options import integer, integers, number
from mpisim.errors import one_of, positive

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "study": "name of the study",
    "quick": "whether it is the short form",
    "table": "the numbers, a list of rows",
    "files": "what was written",
    "*": "further numbers, which differ from study to study",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    from calib.studies.harness.study import studies

    listed = "; ".join(f"{study.name}: {study.summary}" for study in studies().values())
    parser.add_argument("name", help=listed)
    parser.add_argument(
        "--quick", action="store_true", help="the short form: three matrices, few factors, trainings of four steps"
    )
    parser.add_argument(
        "--data",
        help="folder of `mpisim dataset --preset transms`, or --preset realistic for studies of realistic scanners "
        "(default: matrices are simulated)",
    )
    parser.add_argument("--methods", type=_names, help="only these, such as bicubic,transms")
    parser.add_argument("--factors", type=argument_type("factors", integers), help="only these, such as 2,4")
    scanners = argument_type("scanners", partial(integer, least=1))
    parser.add_argument("--scanners", type=scanners, help="most scanners of each level, in studies of realistic ones")
    parser.add_argument(
        "--calibrations", metavar="FOLDER", help="open-mpi: folder with 7.mdf, 8.mdf, 9.mdf and 10.mdf of Open MPI data"
    )
    parser.add_argument(
        "--measurement", metavar="FILE", help="open-mpi: a measurement, such as resolutionPhantom/3.mdf"
    )
    parser.add_argument(
        "--rows",
        choices=("lines", "bands"),
        default="lines",
        help="table7, fig11, fig13: harmonics alone, or bands of 500 Hz around them (default: lines)",
    )
    _add_training_arguments(parser)
    parser.add_argument("--cache", help="folder of trained weights and finished results (default: cache in the output)")
    parser.add_argument("--out", default="study", help="folder to write (default: study)")


def _add_training_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--train", action="store_true", help="train missing weights (hours)")
    length = parser.add_mutually_exclusive_group()
    steps = argument_type("steps", partial(integer, least=1))
    length.add_argument("--steps", type=steps, help="steps of every training, in place of the budget")
    length.add_argument(
        "--share",
        type=argument_type("share", _positive_number),
        default=1.0,
        help="fraction of the budget of every training, such as 0.25 (not of bundled weights)",
    )
    parser.add_argument("--device", default="cpu", help="where to train: cpu, cuda, ... (default: cpu)")


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _positive_number(name: str, text: str) -> float:
    return positive(name, number(name, text))


def run(options: argparse.Namespace) -> Result:
    """Run the study and return its result."""
    from calib.studies.harness.study import studies

    table = studies()
    study = table[one_of("study", options.name, tuple(table))]
    return study(
        options.out,
        options.quick,
        options.data,
        cache=None if options.cache is None else Path(options.cache),
        methods=options.methods,
        factors=options.factors,
        scanners=options.scanners,
        steps=options.steps,
        budget_fraction=options.share,
        train=options.train,
        device=options.device,
        calibrations=None if options.calibrations is None else Path(options.calibrations),
        measurement=None if options.measurement is None else Path(options.measurement),
        rows=options.rows,
    )
