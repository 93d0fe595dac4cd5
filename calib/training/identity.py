"""Digests of the matrices of a training, which its weights and checkpoints state."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from calib.training.rows import TrainingRows
from mpisim.io.digest import digest

__all__ = ["data_digest", "is_data_digest"]


def data_digest(training: Sequence[xr.Dataset], validation: Sequence[xr.Dataset]) -> str:
    """Return the digest of the values of all matrices of a training, in their order."""
    return digest(*(m["system_matrix"].values for m in (*training, *validation)), len(training))


def is_data_digest(
    stored: object, training: Sequence[xr.Dataset], validation: Sequence[xr.Dataset], rows: TrainingRows
) -> bool:
    """Return whether a file states the digest of these matrices, by today's rule or by that of version 0.1.0.

    Version 0.1.0 took the rows that training draws from in place of the training matrices, so that its digest also
    depends on the model and on the rounding of the processor.
    """
    if stored == data_digest(training, validation):
        return True
    return stored == digest(rows.fine.numpy(), rows.sigma.numpy(), *(m["system_matrix"].values for m in validation))
