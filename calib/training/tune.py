"""Tunable trainings: the learning rate of every network, by its validation error after a short training."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from calib.training.search import Tunable

__all__ = ["tunables", "validation_nrmse"]


def tunables() -> dict[str, Tunable]:
    """Return the learning rate of every network of `calib.nets.table.NETS` as a `Tunable`, by the network's name."""
    from calib.nets.table import NETS

    space = {"learning_rate": (1e-3, 1e-1)}
    return {
        name: Tunable(f"training of {name}: validation nRMSE", space, partial(validation_nrmse, name)) for name in NETS
    }


def validation_nrmse(
    method: str, values: Mapping[str, float], folder: Path, data: Path, options: Mapping[str, object]
) -> float:
    """Train a network, or resume its training, and return the last validation nRMSE (a fraction).

    `values` and `options` are values of keys of `calib.training.recipe.TrainConfig`: those that are searched
    (`learning_rate`), and any others, such as `factor`, `steps` and `seed`. `folder` is that of the training, `data`
    one of `mpisim dataset` with the splits train and validation. Raises `InputError` if a key is unknown or its value
    is refused, `DivergenceError` if the training diverges.
    """
    from calib.training.recipe import recipe
    from calib.training.train import train
    from mpisim.dataset.reader import read_split
    from mpisim.errors import whole

    others = {key: value for key, value in options.items() if key != "factor"}
    config = recipe(method, whole("factor", options.get("factor", 4)), **{**others, **values})
    training, validation = read_split(data, "train"), read_split(data, "validation")
    return train(config, training, validation, folder, resume=True)["validation_nrmse"]
