"""Losses: what the loss of a batch is, and what its mean over batches is."""

import numpy as np
import pytest
import torch

from calib.learned.model import RecoveryModel
from calib.training.loss import batch_loss
from calib.training.recipe import recipe
from calib.training.rows import TrainingRows


@pytest.mark.parametrize("loss", ["detail", "norm", "l1"])
def test_loss_of_a_batch(data, loss):
    """It is the mean of row errors: RMS over the interpolation error, or absolute over the coarse RMS."""
    torch.manual_seed(0)
    model = RecoveryModel(recipe().model).eval()
    batch = TrainingRows(recipe(noiseless_fraction=0), data["train"]).batch(0, 8)
    with torch.no_grad():
        fine = model(batch.coarse, batch.sigma)
        value, error = batch_loss(model, batch, loss)
    difference = (fine - batch.fine).numpy()
    size = np.sqrt((difference**2).sum(1).mean((1, 2)))
    scale = np.sqrt((batch.coarse.numpy() ** 2).mean((1, 2, 3)))
    absolute = np.abs(difference / scale[:, None, None, None]).mean()
    known = batch.interpolation_error.numpy()
    wanted = {"detail": np.mean(size / known), "norm": np.mean(size) / np.mean(known), "l1": absolute}
    assert float(value) == pytest.approx(wanted[loss], rel=1e-3)
    assert error.numpy() == pytest.approx(size, rel=1e-3)


def test_rows_drawn_and_divided_by_a_weight_give_the_sum_of_row_errors(data):
    """The mean of any row error over such a batch is its sum over all rows times a constant."""
    source = TrainingRows(recipe(noiseless_fraction=1), data["train"])
    batch = source.batch(3, 40000)
    size = batch.fine.square().sum(1).mean((1, 2)).sqrt() / batch.interpolation_error
    whole = source.fine.square().sum(1).mean((1, 2)).sqrt().sum() / source.interpolation_error.sum()
    assert float(size.mean()) == pytest.approx(float(whole), rel=0.03)
