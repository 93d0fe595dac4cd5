"""Rows on their way through PyTorch: as two real channels, in batches that bound the memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from mpisim.data.noise import rms
from mpisim.data.views import as_images, noise_per_row
from mpisim.progress import progress

if TYPE_CHECKING:
    from torch import Tensor, device

__all__ = ["apply_in_batches", "from_channels", "rows_in_batches", "to_channels"]

_SMALLEST = 1e-30  # units of which single precision computes quotients, and their reciprocals
_ROWS_AT_ONCE = {"cpu": 32, "other": 256}  # what the caches of a processor hold, what keeps a GPU busy


def to_channels(rows: np.ndarray) -> Tensor:
    """Complex rows (B, h, w) as a float32 tensor (B, 2, h, w): real and imaginary part."""
    import torch

    return torch.from_numpy(np.stack([rows.real, rows.imag], axis=1).astype(np.float32))


def from_channels(rows: Tensor) -> np.ndarray:
    """Two-channel rows (B, 2, h, w) as complex64 (B, h, w)."""
    values = rows.detach().cpu().numpy()
    return (values[:, 0] + 1j * values[:, 1]).astype(np.complex64)


def apply_in_batches(
    recover_rows: Callable[[Tensor, Tensor], Tensor],
    coarse: xr.Dataset,
    device: str | device = "cpu",
    unit: float | None = None,
) -> np.ndarray:
    """Apply a function of rows to all rows of a coarse matrix of box or strided sampling, in bounded batches.

    Parameters
    ----------
    recover_rows
        Takes rows (B, 2, h, w) and their complex noise deviation (B,), both in units of the RMS of all coarse values,
        and returns rows (B, 2, H, W) in the same unit, of one shape for all batches.
    coarse
        The coarse system matrix.
    device
        Where to compute, as torch names it.
    unit
        RMS of the complete coarse matrix in its unit; needed only where `coarse` is a block of it.

    Returns
    -------
    numpy.ndarray
        Rows (row, H, W) of the type of the coarse ones, in the unit of the matrix. They are computed in single
        precision. A row of zeros, as a dead channel leaves it, comes back as zeros.
    """
    values, sigma = as_images(coarse), noise_per_row(coarse)
    return rows_in_batches(recover_rows, values, sigma, unit, device)


def rows_in_batches(
    recover_rows: Callable[[Tensor, Tensor], Tensor],
    rows: np.ndarray,
    sigma: np.ndarray,
    unit: float | None = None,
    device: str | device = "cpu",
) -> np.ndarray:
    """Apply a function of rows to complex rows (row, h, w) with the noise deviations (row,); see `apply_in_batches`."""
    import torch

    unit = unit or float(rms(rows)) or 1.0  # single precision holds rows of any unit
    values = rows if _SMALLEST < unit < 1 / _SMALLEST else rows.astype(complex)  # which can be divided by it
    found = np.empty((0, 0, 0), np.complex64)
    with torch.inference_mode():
        at_once = _ROWS_AT_ONCE["cpu" if torch.device(device).type == "cpu" else "other"]
        for start in progress(range(0, len(values), at_once), unit="batch"):
            part = slice(start, start + at_once)
            noise = torch.from_numpy((sigma[part] / unit).astype(np.float32)).to(device)
            done = from_channels(recover_rows(to_channels(values[part] / unit).to(device), noise))
            found = np.empty((len(values), *done.shape[1:]), np.complex64) if start == 0 else found
            found[part] = done
    found[~values.any(axis=(1, 2))] = 0
    in_unit = found.astype(values.dtype, copy=False)
    in_unit *= in_unit.real.dtype.type(unit)
    return in_unit.astype(rows.dtype, copy=False)
