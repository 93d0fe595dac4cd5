"""How close an image is to others: the metrics of `recon.metrics` against a reference image and the true phantom."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from mpisim.data.units import in_unit_of
from mpisim.errors import require
from recon.metrics import nrmse, psnr, ssim

__all__ = ["image_figures"]

Figure = float | None | list[float | None]
"""A figure of an image, or those of its frames; None stands for infinity."""
_SSIM_VOXELS = 11  # edge of its window


def image_figures(
    image: xr.Dataset, reference: xr.Dataset | None = None, measurement: xr.Dataset | None = None
) -> dict[str, Figure]:
    """Compare an image with a reference image and with the phantom that was measured.

    Parameters
    ----------
    image
        A dataset of kind `image`, of one frame or several.
    reference
        Another image of the same voxels, for all frames or with one for each; in any multiple of the image's unit.
    measurement
        The measurement. Its `phantom`, if it has one of the image's voxels, is the truth.

    Returns
    -------
    dict
        Against the reference `psnr` in dB, `nrmse` as a fraction, and `ssim` for planes of at least 11 x 11 voxels;
        against the phantom the same with the suffix `_phantom`. None stands for infinity, the pSNR of equal images. An
        image of several frames has a list of each, in the order of the frames.

    Raises
    ------
    InputError
        If image and reference have different shapes or units, or one of them is not finite or is zero.
    """
    figures: dict[str, Figure] = {}
    if reference is not None:
        converted = in_unit_of(reference, image, "reference", "the image")
        figures |= _of_frames(image["image"], converted["image"], "")
    if measurement is not None and "phantom" in measurement:
        truth = measurement["phantom"]
        voxels = {d: n for d, n in image["image"].sizes.items() if d != "frame"}
        if dict(truth.sizes) == voxels:
            figures |= _of_frames(image["image"], truth, "_phantom")
    return figures


def _of_frames(image: xr.DataArray, reference: xr.DataArray, suffix: str) -> dict[str, Figure]:
    """Return the figures of an image, or lists of those of its frames."""
    if "frame" not in image.dims:
        return {**_figures(image.values, reference.values, suffix)}
    values = reference.values if "frame" in reference.dims else np.broadcast_to(reference.values, image.shape)
    require(values.shape == image.shape, "reference", f"of the image's shape {image.shape}", values.shape)
    frames = [_figures(x, r, suffix) for x, r in zip(image.values, values, strict=True)]
    return {name: [figures[name] for figures in frames] for name in frames[0]}


def _figures(x: np.ndarray, reference: np.ndarray, suffix: str) -> dict[str, float | None]:
    values = {"psnr": psnr(x, reference), "nrmse": nrmse(x, reference)}
    if reference.ndim == 2 and min(reference.shape) >= _SSIM_VOXELS:
        values["ssim"] = ssim(x, reference)
    return {name + suffix: value if math.isfinite(value) else None for name, value in values.items()}
