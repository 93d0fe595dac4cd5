"""The subcommand `tune`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mpisim.cli.command import Result
from mpisim.cli.options import integer
from mpisim.errors import one_of, require

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("name", help="a network that `mpisim methods` lists, or admm")
    parser.add_argument("--data", required=True, help="folder of `mpisim dataset` with the splits train and validation")
    parser.add_argument("--factor", help="networks: 2, 4 or 8 (default: 4)")
    parser.add_argument("--steps", help="networks: steps of every training (default: 500)")
    parser.add_argument("--trials", default="20", help="points tried, in all (default: 20)")
    parser.add_argument("--seed", default="0", help="of the search and of what it runs")
    parser.add_argument("--out", required=True, help="folder of the search; run again, it goes on")


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
    from calib.training.search import tunables, tune

    table = tunables()
    one_of("what to tune", options.name, tuple(table))
    network = options.name != "admm"
    given = [name for name in ("factor", "steps") if getattr(options, name) is not None]
    require(network or not given, "--" + " and --".join(given), "left out for admm", "a value")
    settings: dict[str, Any] = {"seed": integer("seed", options.seed)}
    if network:
        steps = integer("steps", options.steps or "500", 1)
        factor = integer("factor", options.factor or "4", 1)
        settings |= {"factor": factor, "steps": steps, "validate_every": steps, "checkpoint_every": min(steps, 100)}
    require(Path(options.data).is_dir(), "data", "a folder of `mpisim dataset`", options.data)
    found = tune(
        table[options.name], options.data, options.out, integer("trials", options.trials, 1), settings["seed"], settings
    )
    best = ", ".join(f"{name} = {value:.4g}" for name, value in found["values"].items())
    return {**found, "text": f"best of {found['trials']} trials: {best}, score {found['score']:.5g}"}
