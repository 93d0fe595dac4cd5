"""How close an image is to others: the metrics of `recon.metrics` against a reference image and the true phantom."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from recon.metrics import nrmse, psnr, ssim

__all__ = ["image_figures"]

_SSIM_VOXELS = 11  # edge of its window


def image_figures(
    image: xr.Dataset, reference: xr.Dataset | None = None, measurement: xr.Dataset | None = None
) -> dict[str, float | None]:
    """Compare an image with a reference image and with the phantom that was measured.

    Parameters
    ----------
    image
        A dataset of kind `image`.
    reference
        Another image of the same voxels.
    measurement
        The measurement. Its `phantom`, if it has one of the image's shape, is the truth.

    Returns
    -------
    dict
        Against the reference `psnr` in dB, `nrmse` as a fraction, and `ssim` for planes of at least 11 x 11 voxels;
        against the phantom the same with the suffix `_phantom`. None stands for infinity, the pSNR of equal images.

    Raises
    ------
    InputError
        If image and reference have different shapes, or one of them is not finite or is zero.
    """
    values = image["image"].values
    figures = {} if reference is None else _figures(values, reference["image"].values, "")
    if measurement is not None and "phantom" in measurement and measurement["phantom"].shape == values.shape:
        figures |= _figures(values, measurement["phantom"].values, "_phantom")
    return figures


def _figures(x: np.ndarray, reference: np.ndarray, suffix: str) -> dict[str, float | None]:
    values = {"psnr": psnr(x, reference), "nrmse": nrmse(x, reference)}
    if reference.ndim == 2 and min(reference.shape) >= _SSIM_VOXELS:
        values["ssim"] = ssim(x, reference)
    return {name + suffix: value if math.isfinite(value) else None for name, value in values.items()}
