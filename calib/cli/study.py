"""The subcommand `study`."""

from __future__ import annotations

import argparse
from pathlib import Path

from mpisim.cli.command import Result
from mpisim.cli.options import integer, integers, number
from mpisim.errors import one_of

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    from calib.studies.harness.study import studies

    listed = "; ".join(f"{study.name}: {study.summary}" for study in studies().values())
    parser.add_argument("name", help=listed)
    parser.add_argument(
        "--quick", action="store_true", help="the short form: three matrices, few factors, trainings of four steps"
    )
    parser.add_argument("--data", help="folder of `mpisim dataset --preset transms`; default: simulated anew")
    parser.add_argument("--methods", help="only these, such as bicubic,transms")
    parser.add_argument("--factors", help="only these, such as 2,4")
    parser.add_argument("--train", action="store_true", help="train what weights are missing (hours)")
    parser.add_argument("--steps", help="steps of every training, in place of the budget")
    parser.add_argument("--share", help="share of the budget of every training, such as 0.25 (weights that ship stay)")
    parser.add_argument("--device", default="cpu", help="where to train: cpu, cuda, ... (default: cpu)")
    parser.add_argument("--cache", help="folder of trained weights and finished rows (default: cache in the output)")
    parser.add_argument("--out", default="study", help="folder to write (default: study)")


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
    from calib.studies.harness.study import studies

    table = studies()
    study = table[one_of("study", options.name, tuple(table))]
    return study(
        options.out,
        options.quick,
        None if options.data is None else Path(options.data),
        cache=None if options.cache is None else Path(options.cache),
        methods=None if options.methods is None else tuple(options.methods.split(",")),
        factors=None if options.factors is None else integers("factors", options.factors),
        steps=None if options.steps is None else integer("steps", options.steps, 1),
        share=1.0 if options.share is None else number("share", options.share),
        train=options.train,
        device=options.device,
    )
