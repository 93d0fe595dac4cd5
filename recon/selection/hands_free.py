r"""Kaczmarz sweeps whose regularisation falls and whose stop is chosen from the data (Scheffler et al., 2024).

K. Scheffler, M. Boberg and T. Knopp, Phys. Med. Biol. 69, 045024 (2024), doi:10.1088/1361-6560/ad2231, as their
published code does it (HandsfreeReco, and `HandsFreeKaczmarz` in MPIReco). Sweep :math:`k = 1, 2, \dots` has

.. math:: \lambda_k = \frac{\lambda_1}{1 + (0.2 (k - 1))^5},\qquad
          \Theta_k = \max\Bigl(\Theta_\infty, \frac{\Theta_1}{1 + (0.28 (k - 1))^2}\Bigr) ,

in units of :math:`\lVert S\rVert_F^2 / N`, and uses the rows whose signal-to-noise ratio is above :math:`\Theta_k`.
With the norm :math:`\eta_k` of the image and the residual :math:`r_k = \sqrt{l_k} \lVert v\rVert / M_k` over the rows
in use, it stops where the curvature of :math:`\eta(r)` by differences of successive sweeps,

.. math:: \kappa_k = \frac{\dot\eta_k - \dot\eta_{k-1}}{r_k - r_{k-1}} / (1 + \dot\eta_k^2)^{3/2},\qquad
          \dot\eta_k = \frac{\eta_k - \eta_{k-1}}{r_k - r_{k-1}} ,

exceeds a quarter of :math:`\eta_1` and twice the last one. A curvature of quantities that are not logarithms depends on
their units: the published numbers were fixed for one scanner and its units. White rows are presumed here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpisim.errors import whole
from recon.solvers.least_squares import check_problem

__all__ = ["HandsFree", "hands_free"]

_START, _RATIOS, _CURVATURE, _GROWTH = 5.0, (60.0, 1.5), 0.25, 2.0


@dataclass(frozen=True)
class HandsFree:
    """What the rule found.

    Parameters
    ----------
    image
        The image, shape (N,), non-negative.
    regularisation
        Lambda of the last sweep.
    sweeps
        Number of sweeps.
    stopped
        Whether the rule stopped, and not the largest number of sweeps.
    """

    image: np.ndarray
    regularisation: float
    sweeps: int
    stopped: bool


def hands_free(
    matrix: np.ndarray, y: np.ndarray, row_snr: np.ndarray | None = None, most_sweeps: int = 25
) -> HandsFree:
    """Reconstruct a non-negative image by sweeps that choose lambda, rows and their own number.

    Parameters
    ----------
    matrix, y
        System matrix (M, N) and data (M,), white.
    row_snr
        Signal-to-noise ratio of every row of the matrix, shape (M,); None uses all rows from the beginning.
    most_sweeps
        Most sweeps.

    Raises
    ------
    InputError
        If shapes do not fit or a value is not finite.
    """
    check_problem(matrix, y)
    whole("most_sweeps", most_sweeps)
    rows = np.ascontiguousarray(matrix, dtype=np.complex128)
    norms = np.sum(np.abs(rows) ** 2, axis=1)
    x, v = np.zeros(rows.shape[1], complex), np.zeros(len(rows), complex)
    scale = float(norms.sum()) / rows.shape[1]
    norm, residual, slope, curvature = [], [], 0.0, [0.0]
    for k in range(most_sweeps):
        level = _START / (1 + (0.2 * k) ** 5)
        limit = max(_RATIOS[1], _RATIOS[0] / (1 + (0.28 * k) ** 2))
        used = norms > 0 if row_snr is None else (norms > 0) & (row_snr > limit)
        _sweep(rows, y, norms, np.flatnonzero(used), level * scale, x, v)
        x[:] = np.maximum(x.real, 0)
        norm.append(float(np.linalg.norm(x)))
        residual.append(np.sqrt(level * scale) * float(np.linalg.norm(v[used])) / max(1, np.count_nonzero(used)))
        if k == 0:
            continue
        step = residual[-1] - residual[-2]
        if step == 0:  # nothing changes any more
            return HandsFree(x.real.copy(), level, k + 1, True)
        last, slope = slope, (norm[-1] - norm[-2]) / step
        curvature.append((slope - last) / step / (1 + slope**2) ** 1.5)
        if curvature[-1] > _CURVATURE * norm[0] and _GROWTH * abs(curvature[-2]) < abs(curvature[-1]):
            return HandsFree(x.real.copy(), level, k + 1, True)
    return HandsFree(x.real.copy(), level, most_sweeps, False)


def _sweep(
    rows: np.ndarray, y: np.ndarray, norms: np.ndarray, used: np.ndarray, level: float, x: np.ndarray, v: np.ndarray
) -> None:
    """Do one sweep over the chosen rows; x and v change in place."""
    root = np.sqrt(level)
    for m in used:
        b = (y[m] - rows[m] @ x - root * v[m]) / (norms[m] + level)
        x += b * rows[m].conj()
        v[m] += root * b
