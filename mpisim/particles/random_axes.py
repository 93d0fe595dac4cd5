r"""Moments of particles whose easy axes have all directions: the mean over axes of what each of them does.

Where the field keeps one direction e, the mean moment lies along e, because a rotation about e changes neither the
field nor the axes as a whole. The angle of an axis to e is then all that counts, and an axis and its opposite are the
same, so that

.. math:: \langle u\rangle = e \int_0^1 u_e(c)\,dc , \qquad c = |n\cdot e| ,

is a sum over the positive half of Gauss-Legendre nodes. A field of any direction has the product rule on half the
sphere: the same nodes along z, and twice as many directions about it.

Accuracy: p angles make the rule exact for spherical harmonics up to the degree 4 p - 1 (2 p - 1 about z, in fields of
any direction). The mean direction of 20 nm cores with 5 kJ/m^3 in 11 mT at 25 kHz changes by ERRORS.
"""

from __future__ import annotations

import numpy as np

from mpisim.particles.rotation import Rotation, mean_directions, one_direction

__all__ = ["mean_over_axes"]


def mean_over_axes(xi: np.ndarray, period: float, rotation: Rotation, angles: int) -> np.ndarray:
    """Return the mean direction of moments whose easy axes have all directions, once it is periodic.

    Parameters
    ----------
    xi
        m B / (k_B T) at uniform times of a period, shape (time, point, 3).
    period
        Period in s.
    rotation
        How the moments turn; its axis does not count.
    angles
        Angles to the field, from 0 to 90 degrees, at which axes are taken.

    Returns
    -------
    numpy.ndarray
        Mean of the unit vectors along the moments, shape (time, point, 3).

    Raises
    ------
    InputError
        As `mpisim.particles.rotation.mean_directions`.
    """
    along, kept = one_direction(xi)
    cosines, weights = (part[angles:] for part in np.polynomial.legendre.leggauss(2 * angles))
    out = np.zeros(xi.shape)
    for cosine, weight in zip(cosines.tolist(), weights.tolist(), strict=True):
        sine = np.sqrt(1 - cosine * cosine)
        if kept.any():
            size = np.einsum("tpi,pi->tp", xi[:, kept], along[kept])
            beside = np.array([sine, 0.0, cosine])  # the field, where the axis is z
            turned = mean_directions(size[..., None] * beside, period, rotation._replace(axis=(0.0, 0.0, 1.0)))
            out[:, kept] += weight * (turned @ beside)[..., None] * along[kept]
        for turn in np.pi * (np.arange(2 * angles) + 0.5) / angles if not kept.all() else ():
            axis = (sine * np.cos(turn), sine * np.sin(turn), cosine)
            turned = mean_directions(xi[:, ~kept], period, rotation._replace(axis=axis))
            out[:, ~kept] += weight / (2 * angles) * turned
    return out
