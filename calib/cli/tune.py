"""The subcommand `tune`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from mpisim.cli.command import Result, argument_type
from mpisim.cli.options import integer
from mpisim.errors import one_of, require

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "values": "best value of every parameter by name",
    "score": "their score",
    "trials": "number of points tried",
    "out": "folder of the search",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("name", help="a network that `mpisim methods` lists, or admm, kaczmarz or tikhonov")
    parser.add_argument(
        "--data", required=True, help="folder of `mpisim dataset` with the splits train (for networks) and validation"
    )
    parser.add_argument("--factor", type=_count("factor"), help="networks: 2, 4 or 8 (default: 4)")
    parser.add_argument("--steps", type=_count("steps"), help="networks: steps of every training (default: 500)")
    parser.add_argument("--trials", type=_count("trials"), default=20, help="number of points tried (default: 20)")
    parser.add_argument("--seed", type=argument_type("seed", integer), default=0, help="seed of search and trainings")
    parser.add_argument("--out", required=True, help="folder of the search; a search in it is continued")


def _count(name: str) -> Callable[[str], int]:
    return argument_type(name, partial(integer, least=1))


def run(options: argparse.Namespace) -> Result:
    """Run the search and return the best values, their score, and the number of trials."""
    from calib.training.search import tunables, tune

    table = tunables()
    one_of("what to tune", options.name, tuple(table))
    flags = table[options.name].flags
    given = [name for name in ("factor", "steps") if getattr(options, name) is not None and name not in flags]
    require(not given, "--" + " and --".join(given), f"left out for {options.name}", "a value")
    require(Path(options.data).is_dir(), "data", "a folder of `mpisim dataset`", options.data)
    settings = {"seed": options.seed, **(_of_network(options.factor or 4, options.steps or 500) if flags else {})}
    result = tune(table[options.name], options.data, options.out, options.trials, options.seed, settings)
    best = ", ".join(f"{name} = {value:.4g}" for name, value in result["values"].items())
    return {**result, "text": f"best of {result['trials']} trials: {best}, score {result['score']:.5g}"}


def _of_network(factor: int, steps: int) -> dict[str, int]:
    """Return the settings of every training of a network; it is validated once, at its end."""
    return {"factor": factor, "steps": steps, "validate_every": steps, "checkpoint_every": min(steps, 100)}
