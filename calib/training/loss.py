r"""The loss of a training.

The loss is either the published one (`l1`: mean absolute error of scaled rows, TranSMS Eq. 23) or follows the metric
(`detail`, `norm`),

.. math:: \frac1B \sum_i \frac{\lVert\hat a_i - a_i\rVert_2}{e_i},

with :math:`e_i` the interpolation error of a row (`calib.training.rows.Batch`). Rows are drawn in proportion to
:math:`e_i`, so that the mean of the loss is the sum over all rows of the norm of their error in units of their matrix.
Without the division, rows of little signal on the coarse grid, which are scaled up most, would dominate.

Where rows are drawn by their error instead, the loss `norm` divides by the mean of :math:`e_i` over the batch: the
expectation of errors drawn in proportion to errors is the sum of their squares, which is the metric, and no batch is
spent on rows that were learned long ago.
"""

from __future__ import annotations

import torch
from torch import Tensor

from calib.learned.model import RecoveryModel
from calib.training.rows import Batch

__all__ = ["batch_loss"]

_TINY = 1e-12  # keeps the gradient of a norm finite


def batch_loss(
    model: RecoveryModel, batch: Batch, loss: str = "detail", precision: str = "float32"
) -> tuple[Tensor, Tensor]:
    """Return the loss of a model on a batch, a number without unit, and the error of every row.

    The error is the RMS error of a row in units of its matrix' RMS, (B,). `loss` is `detail`, `norm` or `l1`,
    `precision` `float32` or `bfloat16` (autocast). Model and batch lie on one device.
    """
    shift, scale = model.scale(batch.coarse, batch.unit)
    with torch.autocast(batch.coarse.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        recovered = model.recover_scaled(
            (batch.coarse - shift) / scale, batch.sigma / scale[:, 0, 0, 0], batch.decision_jitter
        )
    difference = recovered.float() - (batch.fine - shift) / scale
    error = (difference.square().sum(1).mean((1, 2)) + _TINY).sqrt() * scale[:, 0, 0, 0]
    if loss == "l1":
        return difference.abs().mean(), error
    divisor = batch.interpolation_error if loss == "detail" else batch.interpolation_error.mean()
    return (error / divisor).mean(), error
