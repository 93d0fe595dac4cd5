"""The subcommand `study`: it parses, checks, and makes one call of the table of studies."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mpisim.command import Command
from mpisim.errors import one_of
from mpisim.options import integer, integers, number

__all__ = ["COMMAND"]


def _arguments(parser: argparse.ArgumentParser) -> None:
    from mpisim.studies import studies

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


def _run(options: argparse.Namespace) -> Mapping[str, Any]:
    from mpisim.studies import studies

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


COMMAND = Command(
    "study", "set our numbers beside the paper's", "mpisim study table3 --quick --out study", _arguments, _run
)
