r"""How close two images are.

.. math:: \mathrm{pSNR} = 20 \log_{10} \frac{\sqrt N\,\max|x_\mathrm{ref}|}{\lVert x - x_\mathrm{ref}\rVert_2}

in decibels over the N voxels (TranSMS, section IV.E), the nRMSE of `mpisim.data.metrics`, and the structural similarity

.. math:: \mathrm{SSIM} = \frac{(2 m_x m_r + c_1)(2 v_{xr} + c_2)}{(m_x^2 + m_r^2 + c_1)(v_x + v_r + c_2)}

(Wang et al., IEEE Trans. Image Process. 13, 600, 2004) with means, variances and covariance under a Gaussian window of
1.5 voxels' width cut off at 5 voxels, population (biased) moments, :math:`c_i = (K_i R)^2`, :math:`K = 0.01, 0.03`,
and R the range of the reference. The mean is over voxels whose window lies in the image: the convention of scikit-image
with `gaussian_weights=True, use_sample_covariance=False`. Other conventions differ in the third digit.
"""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from mpisim.data.metrics import nrmse
from mpisim.data.units import in_unit_of
from mpisim.errors import InputError, finite, require

__all__ = ["nrmse", "psnr", "ssim"]

_RADIUS = 5  # of the window, in voxels
_WIDTH = 1.5  # standard deviation of the window, in voxels


def psnr(x: np.ndarray | xr.Dataset, reference: np.ndarray | xr.Dataset) -> float:
    """Return the peak signal-to-noise ratio in dB of an image against a reference of the same shape.

    Images are arrays of one unit, or datasets of the schema, which are converted to the reference's unit. Equal images
    have an infinite ratio. Raises `InputError` if shapes or units differ, a value is not finite, or the reference is
    zero.
    """
    a, b = _pair(x, reference)
    peak, error = float(np.abs(b).max()), float(np.linalg.norm(a - b))
    require(peak > 0, "reference", "different from zero", "all zeros")
    return 20 * math.log10(math.sqrt(b.size) * peak / error) if error > 0 else math.inf


def ssim(x: np.ndarray | xr.Dataset, reference: np.ndarray | xr.Dataset) -> float:
    """Return the structural similarity of two-dimensional images of at least 11 x 11 voxels; 1 for equal images.

    Images are as for `psnr`. Raises `InputError` if shapes or units differ, a value is not finite, the image is too
    small or the reference is flat.
    """
    a, b = _pair(x, reference)
    require(
        a.ndim == 2 and min(a.shape) > 2 * _RADIUS,
        "x",
        f"a 2-D image of at least {2 * _RADIUS + 1} voxels a side",
        f"the shape {a.shape}",
    )
    span = float(b.max() - b.min())
    require(span > 0, "reference", "an image that is not flat", "a flat one")
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    mx, mr = _windowed(a), _windowed(b)
    vx, vr, vxr = _windowed(a * a) - mx * mx, _windowed(b * b) - mr * mr, _windowed(a * b) - mx * mr
    similarity = (2 * mx * mr + c1) * (2 * vxr + c2) / ((mx * mx + mr * mr + c1) * (vx + vr + c2))
    return float(similarity.mean())


def _windowed(image: np.ndarray) -> np.ndarray:
    """Return Gaussian means (n1 - 10, n2 - 10) at the voxels whose window lies in the image (n1, n2)."""
    offsets = np.arange(-_RADIUS, _RADIUS + 1)
    window = np.exp(-0.5 * (offsets / _WIDTH) ** 2)
    window /= window.sum()
    for axis in (0, 1):
        image = np.lib.stride_tricks.sliding_window_view(image, window.size, axis=axis) @ window
    return image


def _pair(x: np.ndarray | xr.Dataset, reference: np.ndarray | xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(x, xr.Dataset) and isinstance(reference, xr.Dataset) and "image" in x and "image" in reference:
        x = in_unit_of(x, reference, "x")
    a, b = _image("x", x), _image("reference", reference)
    require(a.shape == b.shape, "x", f"of the reference's shape {b.shape}", a.shape)
    return a, b


def _image(name: str, image: np.ndarray | xr.Dataset) -> np.ndarray:
    if isinstance(image, xr.Dataset):
        if "image" not in image:
            raise InputError(f"Input {name} must be an image; instead received {sorted(map(str, image))}.")
        return image["image"].values.astype(float)
    return np.asarray(finite(name, image), dtype=float)
