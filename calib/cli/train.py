"""The subcommand `train`."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mpisim.cli.command import Result, argument_type, as_typed
from mpisim.cli.options import integer, number, read_toml
from mpisim.errors import one_of, require
from mpisim.io.atomic import not_an_input
from mpisim.progress import say

if TYPE_CHECKING:
    from calib.training.recipe import TrainConfig

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "step": "steps of the training",
    "minutes": "time that they took",
    "learning_rate": "learning rate of the last step",
    "validation_nrmse": "error on the validation matrices, a fraction",
    "weights": "file of the weights",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("--data", required=True, help="folder of `mpisim dataset` with the splits train and validation")
    parser.add_argument("--out", required=True, help="folder of the run")
    parser.add_argument(
        "--recipe", default="ours", help="values of absent keys: ours (default) or published (of the paper)"
    )
    parser.add_argument("--config", help="TOML file with any of the keys of calib.training.recipe.TrainConfig")
    _add_keys(parser)
    parser.add_argument("--start", help="weights of the same network to start from (default: random weights)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, ...")
    parser.add_argument(
        "--threads",
        type=argument_type("threads", partial(integer, least=1)),
        help="threads on the CPU; results may differ in the last digits between numbers of threads",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue from the folder's checkpoint, if there is one; with larger --steps, or --minutes, for longer",
    )


def _add_keys(parser: argparse.ArgumentParser) -> None:
    """Add the keys of a training that have options of their own."""
    parser.add_argument("--method", help="network to train (default: transms)")
    factor = argument_type("factor", integer)
    parser.add_argument("--factor", type=factor, help="super-resolution factor: 2, 4 or 8 (default: 4)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=argument_type("steps", integer), help="number of steps")
    length.add_argument(
        "--minutes",
        type=argument_type("minutes", number),
        help="time of the training, in place of --steps: the steps are planned from the speed of this machine",
    )
    parser.add_argument("--batch", type=argument_type("batch", integer), help="rows per step")
    parser.add_argument("--snr", type=argument_type("snr", number), help="noise of the coarse rows in dB re RMS")
    parser.add_argument("--precision", help="float32 or bfloat16")
    parser.add_argument("--seed", type=argument_type("seed", integer), help="seed of everything random")


def run(options: argparse.Namespace) -> Result:
    """Train and return the last validation and the name of the weights file."""
    not_an_input(Path(options.out) / "weights.safetensors", options.start, name="--out")
    config = _train_config(options)
    import torch

    from calib.training.train import train
    from mpisim.dataset.reader import read_split

    if options.threads is not None:
        torch.set_num_threads(options.threads)
    training, validation = (read_split(options.data, split) for split in ("train", "validation"))
    with as_typed({"initial_weights": "--start", "resume": "--resume"}):
        result = train(
            config,
            training,
            validation,
            options.out,
            initial_weights=options.start,
            resume=options.resume,
            device=options.device,
            report=say,
            minutes=options.minutes,
        )
    return {**result}


def _train_config(options: argparse.Namespace) -> TrainConfig:
    """Return the training: values of the options, then of the file, then of the recipe."""
    from calib.learned.config import current_keys
    from calib.training.recipe import RECIPES, RENAMED, TrainConfig
    from calib.training.state import planned_steps

    types = TrainConfig.types()
    values = read_toml(options.config, [*types, *RENAMED], "config") if options.config else {}
    values = current_keys(values, types, RENAMED)
    values |= {name: value for name, value in vars(options).items() if name in types and value is not None}
    if options.resume and "steps" not in values and (steps := planned_steps(options.out)) is not None:
        values["steps"] = steps
    for name, value in values.items():
        require(_fits(value, types[name]), f"configuration key {name}", f"of type {types[name].__name__}", repr(value))
    return RECIPES[one_of("recipe", options.recipe, RECIPES)](**values)


def _fits(value: object, kind: type) -> bool:
    """Return whether a value is of a type; a whole number is a number, too, but no truth value is one."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)
