"""SPLIT: to be written."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from calib.studies.harness.trained import _NO_MATTER, Trained, TrainingData, _stem, cached
from calib.training.recipe import TrainConfig

__all__ = ["CONVERGED", "gain", "longest"]

CONVERGED = 2.0
"""Largest gain, in %, of a run that counts as converged."""
_LENGTH = ("steps", *_NO_MATTER)


def longest(config: TrainConfig, data: TrainingData, cache: Path, below: float = math.inf) -> Trained | None:
    """Return the weights of the longest finished training in the cache that differs from this one in length alone.

    Parameters
    ----------
    config, data, cache
        As of `trained`.
    below
        The most steps it may have.
    """
    for length in _lengths(config, data, cache):
        found = cached(replace(config, **length), data, cache) if length["steps"] <= below else None
        if found is not None:
            return found
    return None


def gain(known: Trained, data: TrainingData, cache: Path) -> float | None:
    """Return by how many % the end of a training lowered its validation error; None if unknown. See the module."""
    if known.before[0]:
        return None
    if known.train.get("schedule") == "halving":
        log = known.log
        before = [e for e in log if e["step"] <= 0.8 * known.train["steps"]]
        return 100 * (1 - log[-1]["validation_nrmse"] / before[-1]["validation_nrmse"]) if before else None
    try:
        config = TrainConfig(**known.train)
    except TypeError:  # weights of another version, with other keys
        return None
    short = longest(config, data, cache, config.steps / 2)
    if short is None or short.validation is None or known.validation is None:
        return None
    doublings = math.log2(config.steps / short.train["steps"])
    return 100 * (1 - (known.validation / short.validation) ** (1 / doublings))


def _lengths(config: TrainConfig, data: TrainingData, cache: Path) -> list[dict[str, Any]]:
    """Lengths (`_LENGTH`) of the entries whose description differs from a training's in them alone, longest first."""
    found = []
    for entry in cache.glob(f"{_stem(config)}_*/entry.json"):
        try:
            known = json.loads(entry.read_text(encoding="utf-8"))
            length = {key: int(known["train"][key]) for key in _LENGTH}
            if known["data"] == data.digest and known["train"] == asdict(config) | length:
                found.append(length)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # damaged: told when it is asked for itself
    return sorted(found, key=lambda length: -length["steps"])
