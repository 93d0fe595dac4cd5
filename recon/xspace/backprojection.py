r"""Filtered back-projection: an image from its integrals along lines.

.. math:: c(r) = \sum_\theta w_\theta\,q_\theta(r\cdot\hat u_\theta), \qquad
          q_\theta(u) = \int |\nu|\,F(\nu)\,\hat P_\theta(\nu)\,e^{2\pi i \nu u}\,d\nu .

The ramp :math:`|\nu|` is that of band-limited samples in space (Kak and Slaney, Principles of Computerized Tomographic
Imaging, 1988, section 3.3), without the error that a ramp in frequency makes at zero. F is a window that ends at the
highest frequency of the voxels, half a period a voxel. Since :math:`P_{\theta + \pi}(u) = P_\theta(-u)`, angles count
modulo :math:`\pi`, and the weight of an angle is half the distance between its neighbours, so that
:math:`\sum w_\theta = \pi` for any angles over half a turn or a whole one.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["angle_weights", "back_projection", "largest_gap", "ramp_filtered"]


def angle_weights(angles: np.ndarray) -> np.ndarray:
    """Return the part of half a turn in rad that each angle (angle,) in rad stands for; the sum is pi."""
    order = np.argsort(np.mod(angles, math.pi), kind="stable")
    gaps = _gaps(angles)
    weights = np.empty(angles.size)
    weights[order] = (gaps + np.roll(gaps, 1)) / 2
    return weights


def largest_gap(angles: np.ndarray) -> float:
    """Return the largest distance of two neighbouring angles modulo pi, in rad."""
    return float(_gaps(angles).max())


def _gaps(angles: np.ndarray) -> np.ndarray:
    """Distance from each angle, in ascending order modulo pi, to the next one."""
    ordered = np.sort(np.mod(angles, math.pi))
    return np.diff(ordered, append=ordered[0] + math.pi)


def ramp_filtered(projections: np.ndarray, step: float, window: str, limit: float) -> np.ndarray:
    """Return projections (angle, node, image) filtered along their nodes by ramp and window.

    Parameters
    ----------
    projections
        Projections at equidistant nodes, zero beyond them; shape (angle, node, image).
    step
        Distance of the nodes in m.
    window
        A name of `recon.xspace.options.WINDOWS`.
    limit
        Frequency in 1/m at which the window ends; higher ones are left out.

    Returns
    -------
    numpy.ndarray
        Filtered projections, in their unit over m; shape (angle, node, image).
    """
    count = projections.shape[1]
    padded = 2 ** math.ceil(math.log2(2 * count))
    distance = np.fft.fftfreq(padded, 1 / padded)  # in nodes
    with np.errstate(divide="ignore"):
        kernel = np.where(distance % 2 == 1, -1 / (math.pi * distance) ** 2, 0.0)
    kernel[0] = 0.25
    ramp = np.fft.rfft(kernel).real / step
    relative = np.fft.rfftfreq(padded, step) / limit
    ramp *= np.where(relative <= 1 + 1e-9, _window(window, np.minimum(relative, 1)), 0)
    return np.fft.irfft(np.fft.rfft(projections, padded, axis=1) * ramp[:, None], padded, axis=1)[:, :count]


def _window(name: str, relative: np.ndarray) -> np.ndarray:
    """Values of a window at frequencies over its limit."""
    if name == "hann":
        return 0.5 + 0.5 * np.cos(np.pi * relative)
    return np.cos(np.pi * relative / 2) if name == "cosine" else np.ones_like(relative)


def back_projection(
    filtered: np.ndarray,
    first: float,
    step: float,
    angles: np.ndarray,
    offsets: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
) -> np.ndarray:
    """Return the image of filtered projections.

    Parameters
    ----------
    filtered
        Filtered projections at equidistant nodes, shape (angle, node, image).
    first, step
        First node and distance of nodes in m.
    angles, offsets
        Angles of the normals in rad, and places in m from which nodes count along them; shape (angle,).
    x, y
        Voxel centres in m.

    Returns
    -------
    numpy.ndarray
        Images, shape (y, x, image): values at the centres by linear interpolation between nodes.
    """
    image = np.zeros((y.size, x.size, filtered.shape[2]))
    last = filtered.shape[1] - 2
    for values, weight, angle, offset in zip(filtered, angle_weights(angles), angles, offsets, strict=True):
        place = (x * math.cos(angle) + (y * math.sin(angle))[:, None] - offset - first) / step
        node = np.clip(np.floor(place).astype(int), 0, last)
        part = (place - node)[..., None]
        image += weight * ((1 - part) * values[node] + part * values[node + 1])
    return image
