"""The subcommand `train`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mpisim.cli.command import Result
from mpisim.cli.options import integer, number, read_toml
from mpisim.errors import one_of, require
from mpisim.progress import say

if TYPE_CHECKING:
    from calib.training.recipe import TrainConfig

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("--method", help="network to train (default: transms)")
    parser.add_argument("--factor", help="super-resolution factor: 2, 4 or 8 (default: 4)")
    parser.add_argument("--data", required=True, help="folder of `mpisim dataset` with the splits train and validation")
    parser.add_argument("--out", required=True, help="folder of the run")
    parser.add_argument("--recipe", default="ours", help="what is not given: ours (default) or published, the paper's")
    parser.add_argument("--config", help="TOML file with any of the keys of calib.training.recipe.TrainConfig")
    parser.add_argument("--steps", help="number of steps")
    parser.add_argument("--batch", help="rows per step")
    parser.add_argument("--snr", help="noise of the coarse rows in dB re RMS")
    parser.add_argument("--precision", help="float32 or bfloat16")
    parser.add_argument("--seed", help="seed of everything drawn")
    parser.add_argument("--start", help="weights of the same network to start from (default: new ones)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, ...")
    parser.add_argument(
        "--threads", help="threads on the CPU; results may differ in the last digits between numbers of threads"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint, if there is one")


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
    config = _train_config(options)
    import torch

    from calib.training.train import train
    from mpisim.dataset.reader import read_split

    if options.threads:
        torch.set_num_threads(integer("threads", options.threads, 1))
    data = {split: read_split(options.data, split) for split in ("train", "validation")}
    return train(
        config,
        data["train"],
        data["validation"],
        options.out,
        initial_weights=options.start,
        resume=options.resume,
        device=options.device,
        report=say,
    )


def _train_config(options: argparse.Namespace) -> TrainConfig:
    from calib.learned.config import current_keys
    from calib.training.recipe import RECIPES, RENAMED, TrainConfig

    types = TrainConfig.types()
    values = read_toml(options.config, [*types, *RENAMED], "config") if options.config else {}
    values = current_keys(values, types, RENAMED)
    for name in types:
        given = getattr(options, name, None)
        if given is not None:
            values[name] = {str: lambda _, text: text, int: integer, float: number}[types[name]](name, given)
    for name, value in values.items():
        fits = isinstance(value, (int, float) if types[name] is float else types[name]) and (
            types[name] is bool or not isinstance(value, bool)
        )
        require(fits, f"configuration key {name}", f"of type {types[name].__name__}", repr(value))
    return RECIPES[one_of("recipe", options.recipe, RECIPES)](**values)
