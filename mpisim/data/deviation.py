r"""Standard deviations of the real and of the imaginary part of a system matrix.

The error :math:`\delta A` of a value has the mean square :math:`E|\delta A|^2 = 2 s^2` (`system_matrix_std`) and, where
the file states it, the circularity (`system_matrix_circularity`)

.. math:: \varrho = \frac{E\,\delta A^2}{E|\delta A|^2}, \qquad |\varrho| \le 1 .

It is 0 where both parts err alike and independently. Where all errors lie along the phase :math:`\varphi` it is
:math:`e^{2i\varphi}`. The variances of both parts and their covariance are

.. math:: s_r^2 = s^2 (1 + \mathrm{Re}\,\varrho), \qquad s_i^2 = s^2 (1 - \mathrm{Re}\,\varrho), \qquad
          c_{ri} = s^2\, \mathrm{Im}\,\varrho .

A factor w on the value multiplies s by :math:`|w|` and :math:`\varrho` by :math:`w^2/|w|^2`. (Picinbono and Bondon,
IEEE Trans. Signal Process. 45, 411, 1997; Ollila, IEEE Signal Process. Lett. 15, 841, 2008.)
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from mpisim.data.schema import CIRCULARITY, STD
from mpisim.errors import require

__all__ = ["along_and_across", "deviations_of", "part_deviations"]


def part_deviations(std: np.ndarray, circularity: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard deviations of real and imaginary parts.

    Parameters
    ----------
    std
        `system_matrix_std` of the values, in any unit.
    circularity
        `system_matrix_circularity` of the same shape; None where it is not known: both parts are then taken to err
        alike.
    """
    std = np.asarray(std, dtype=float)
    if circularity is None:
        return std, std
    apart = np.clip(np.real(circularity).astype(float), -1.0, 1.0)
    return std * np.sqrt(1 + apart), std * np.sqrt(1 - apart)


def along_and_across(along: np.ndarray, across: np.ndarray, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return std and circularity of errors along a phase and across it, which do not depend on each other.

    Parameters
    ----------
    along, across
        Variances of the error's parts along and across, zero or more.
    phase
        Complex numbers of this phase and of any magnitude but zero, of a shape that broadcasts to theirs.
    """
    both = along + across
    turn = (phase / np.abs(phase)) ** 2
    return np.sqrt(both / 2), turn * ((along - across) / np.where(both > 0, both, 1.0))


def deviations_of(matrix: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard deviations of the real and imaginary parts of a system matrix, each of its shape and unit.

    Raises `InputError` if the matrix states none.
    """
    require(STD in matrix, "matrix", f"one that states its {STD}", "one without it")
    return part_deviations(matrix[STD].values, matrix[CIRCULARITY].values if CIRCULARITY in matrix else None)
