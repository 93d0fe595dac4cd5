"""Whether a training has converged.

The validation error of a training whose learning rate falls to zero at the end (one-cycle) always falls steeply there,
so its curve cannot tell whether more steps would help. A shorter training of the same recipe can, if it has at most
half the steps. With validation errors v of n steps and v' of n' steps, the gain is

    1 - (v / v')^(1 / log2(n / n')),

the relative amount by which twice the steps lower the error. A training with a gain below `CONVERGED` counts as
converged. The longest such training is taken from the cache (`mpisim study weights --train --steps HALF` makes one, of
the studies' recipe). Without one, and for weights that were trained from others, the answer is unknown.
"""

from __future__ import annotations

import math

from calib.studies.harness.results import Row
from calib.studies.harness.trained import Trained, TrainingData
from calib.studies.harness.weights_cache import WeightsCache

__all__ = ["CONVERGED", "gain", "training_columns"]

CONVERGED = 2.0
"""Largest gain, in %, of a training that counts as converged."""


def gain(trained: Trained, data: TrainingData, cache: WeightsCache) -> float | None:
    """Return by how many % twice the steps lower the validation error of a training; None if unknown.

    `data` are the data of the training; the cache is searched for a shorter one.
    """
    config = trained.config
    if config is None or trained.earlier_steps:
        return None
    short = cache.longest(config, data, config.steps / 2)
    if short is None or short.config is None or short.validation is None or trained.validation is None:
        return None
    doublings = math.log2(config.steps / short.config.steps)
    return 100 * (1 - (trained.validation / short.validation) ** (1 / doublings))


def training_columns(trained: Trained | None, missing: bool, data: TrainingData, cache: WeightsCache) -> Row:
    """Return the columns of a table that state how weights were trained.

    Where `trained` is None, `missing` says whether the method needs weights. `data` and `cache` are those of `gain`.
    """
    names = ("weights", "steps", "minutes", "parameters", "validation_percent", "gain_percent", "converged")
    if trained is None:
        return {"status": "missing" if missing else "no training", **dict.fromkeys(names)}
    gained = gain(trained, data, cache)
    return {
        "status": "trained",
        "weights": trained.source,
        "steps": trained.steps,
        "minutes": trained.minutes,
        "parameters": trained.parameters,
        "validation_percent": None if trained.validation is None else 100 * trained.validation,
        "gain_percent": gained,
        "converged": "unknown" if gained is None else "yes" if gained < CONVERGED else "no",
    }
