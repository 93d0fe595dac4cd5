"""What of training is searched on the validation split: the learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from calib.training.search import Tunable

__all__ = ["tunables"]


def tunables() -> dict[str, Tunable]:
    """Every network of `calib.nets.NETS`, by its validation nRMSE after a short training."""
    from calib.nets import NETS

    space = {"learning_rate": (1e-3, 1e-1)}
    return {
        name: Tunable(f"training of {name}: validation nRMSE", space, partial(validation_nrmse, name)) for name in NETS
    }


def validation_nrmse(
    method: str, values: Mapping[str, float], folder: Path, data: Path, options: Mapping[str, Any]
) -> float:
    """Train `method` in a folder, resuming what is there, and return its last validation nRMSE.

    `options` may hold `factor`, `steps`, `seed` and any other key of `calib.training.recipe.TrainConfig`.
    """
    from calib.training.recipe import recipe
    from calib.training.train import train
    from mpisim.dataset.reader import read_split

    settings = {k: v for k, v in options.items() if k != "factor"}
    config = recipe(method, options.get("factor", 4), **{**settings, **values})
    return float(
        train(config, read_split(data, "train"), read_split(data, "validation"), folder, resume=True)[
            "validation_nrmse"
        ]
    )
