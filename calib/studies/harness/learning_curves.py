"""Learning curves: the validation error of a training against steps, epochs and minutes."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from calib.studies.harness.results import Row, table_dataset
from calib.studies.harness.trained import Trained, TrainingData
from mpisim.data.views import as_images

__all__ = ["curves_dataset", "learning_curve"]


def learning_curve(trained: Trained, data: TrainingData) -> list[Row]:
    """Return the learning curve of weights, a row for every validation; empty without a log or configuration.

    A row has `method`, `factor`, `step`, `epoch`, `minutes` and `nrmse_percent`; an epoch has as many rows as the
    training matrices. The curve of weights that were trained from others is that of the last training, with the steps
    and minutes of the earlier ones added.
    """
    config, log = trained.config, trained.log
    if config is None:
        return []
    rows_of_epoch = len(data.training) * len(as_images(data.training[0]))
    steps = trained.earlier_steps + log["step"].astype(int)
    return [
        {
            "method": config.model.method,
            "factor": config.model.factor,
            "step": step,
            "epoch": step * config.batch / rows_of_epoch,
            "minutes": trained.earlier_minutes + minutes,
            "nrmse_percent": 100 * error,
        }
        for step, minutes, error in zip(
            steps.tolist(), log["minutes"].tolist(), log["validation_nrmse"].tolist(), strict=True
        )
    ]


def curves_dataset(curves: Sequence[Row]) -> xr.Dataset:
    """Return rows of learning curves as a dataset of points."""
    numbers = ("factor", "step", "epoch", "minutes", "nrmse_percent")
    return table_dataset(curves, "point", numbers, {"method": "method"})
