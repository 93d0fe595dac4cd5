"""What one would write for the recovery of a row without thought of speed.

Cubic splines of `scipy.ndimage.zoom` (with a projection row by row for data consistency), 1000 iterations of ADMM in
NumPy for compressed sensing, and a network that gets one row at a time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import xarray as xr
from scipy.ndimage import zoom

from calib.batches import from_channels, to_channels
from calib.learned.model import RecoveryModel
from calib.methods.sparse_solver import MARGIN
from mpisim.data.sampling import Sampling
from mpisim.data.views import as_images, noise_per_row

__all__ = ["PLAIN", "plain_network"]


def plain_bicubic(coarse: xr.Dataset) -> np.ndarray:
    """Interpolate every row by splines."""
    factor = Sampling.of(coarse).factor
    return np.array([zoom(row, factor, order=3, mode="grid-mirror", grid_mode=True) for row in as_images(coarse)])


def plain_bicubic_dc(coarse: xr.Dataset) -> np.ndarray:
    """Interpolate every row and project it on what was measured to within the noise."""
    factor, rows = Sampling.of(coarse).factor, plain_bicubic(coarse)
    for row, means, sigma in zip(rows, as_images(coarse), noise_per_row(coarse), strict=True):
        h, w = means.shape
        away = means - row.reshape(h, factor, w, factor).mean(axis=(1, 3))
        fraction = max(0.0, 1 - sigma * np.sqrt(means.size) / np.linalg.norm(away))
        row += fraction * np.repeat(np.repeat(away, factor, axis=0), factor, axis=1)
    return rows


def plain_sparse(coarse: xr.Dataset, iterations: int = 1000) -> np.ndarray:
    """Recover every row with the least l1 norm of its Fourier coefficients, by ADMM."""
    mask = coarse["sampled"].values.astype(bool)
    wide, inner = np.pad(mask, MARGIN), np.s_[MARGIN:-MARGIN, MARGIN:-MARGIN]
    rows = []
    for row, sigma in zip(as_images(coarse), noise_per_row(coarse), strict=True):
        scale = np.sqrt(np.mean(np.abs(row[mask]) ** 2)) or 1.0
        b, eps = row[mask] / scale, sigma / scale * np.sqrt(mask.sum())
        c = u = np.zeros(wide.shape, complex)
        for _ in range(iterations):
            z = np.fft.ifft2(c - u, norm="ortho")
            away = z[wide] - b
            z[wide] = b + away * min(1, eps / max(np.linalg.norm(away), 1e-30))
            v = np.fft.fft2(z, norm="ortho") + u
            c = v * np.maximum(0, 1 - 1 / np.maximum(np.abs(v), 1e-30))
            u = v - c
        rows.append(z[inner] * scale)
    return np.array(rows)


def plain_network(model: RecoveryModel) -> Callable[[xr.Dataset], np.ndarray]:
    """Return the recovery of one row at a time by a network."""

    def run(coarse: xr.Dataset) -> np.ndarray:
        unit = np.sqrt(np.mean(np.abs(as_images(coarse)) ** 2))
        rows = []
        with torch.inference_mode():
            for row, sigma in zip(as_images(coarse), noise_per_row(coarse), strict=True):
                noise = torch.tensor([sigma / unit], dtype=torch.float32)
                rows.append(from_channels(model(to_channels(row[None] / unit), noise))[0] * unit)
        return np.array(rows)

    return run


PLAIN: dict[str, Callable[[xr.Dataset], np.ndarray]] = {
    "bicubic": plain_bicubic,
    "bicubic-dc": plain_bicubic_dc,
    "bicubic-strided": plain_bicubic,
    "bicubic-strided-aligned": plain_bicubic,
    "cs": plain_sparse,
}
"""Plain recovery by method."""
