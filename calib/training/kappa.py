r"""Rows of particles and gradients between and beyond those of the training matrices.

In the plane of an ideal scanner a row in units of its matrix' RMS depends on gradient and diameter only through
:math:`\kappa = G d^3`, to which the argument of the Langevin function at the drive's amplitude is proportional, and
since :math:`\coth\xi - 1/\xi` is :math:`1 - 1/\xi` for all but small :math:`\xi`, it nears its limit of large
:math:`\kappa` as :math:`1/\kappa`. Hence the same row of three matrices tells that of any other nearby,

.. math:: a(\kappa) = \sum_j a_j \prod_{m \ne j} \frac{1/\kappa - 1/\kappa_m}{1/\kappa_j - 1/\kappa_m}.

On the paper's training grid a matrix between its two neighbours is predicted by them alone to 0.4 %, mostly to 0.1 %;
the one of largest :math:`\kappa` by three from 3/4 of it down to 0.36 %. So a network can be trained on all
:math:`\kappa` without any other matrix, and somewhat beyond the largest. Where a scanner is not ideal or its drive
differs between matrices, this does not hold, and nothing here should be used.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from mpisim.errors import require

__all__ = ["BEYOND", "KappaInterpolation"]

BEYOND = 4 / 3
"""How far beyond the largest of three or more matrices rows are drawn, relative to its kappa."""
_SAME = 1e-6
_LOWER = (0.8, 0.6)


class KappaInterpolation:
    """The matrices from which those at and above each one are made.

    Parameters
    ----------
    matrices
        System matrices with the coordinates `sf_gradient` and `particle_diameter`.

    Raises
    ------
    InputError
        If a matrix has no gradient or no diameter.
    """

    def __init__(self, matrices: Sequence[xr.Dataset]) -> None:
        for name in ("sf_gradient", "particle_diameter"):
            require(all(name in m.coords for m in matrices), "data", f"of known {name} for rows between", "others")
        self.kappa = np.array([float(m["sf_gradient"]) * float(m["particle_diameter"]) ** 3 for m in matrices])
        found = [self._nodes(i) for i in range(len(matrices))]
        self.nodes = np.array([nodes + [-1] * (3 - len(nodes)) for nodes, _ in found])
        self.upper = np.array([upper for _, upper in found])

    def _nodes(self, i: int) -> tuple[list[int], float]:
        """Matrix i and up to two others, and the kappa up to which they tell."""
        ratio = self.kappa / self.kappa[i]
        above, below = np.flatnonzero(ratio > 1 + _SAME), np.flatnonzero(ratio < 1 - _SAME)
        nodes = [i]
        if above.size:
            nodes.append(int(above[ratio[above].argmin()]))
        if below.size:
            nodes += [int(below[abs(ratio[below] - share).argmin()]) for share in _LOWER]
        distinct: list[int] = []
        for n in nodes:  # matrices of one kappa tell nothing of others
            if all(abs(ratio[n] - ratio[m]) > _SAME for m in distinct):
                distinct.append(n)
        distinct = distinct[:3]
        if above.size:
            return distinct, float(self.kappa[distinct[1]])
        return distinct, float(self.kappa[i]) * (BEYOND if len(distinct) == 3 else 1.0)

    def draw(self, matrix: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Say of which matrices what is drawn is made, and with which weights, both (B, 3).

        Parameters
        ----------
        matrix
            From which matrices on, (B,).
        at
            How far up to the next, or beyond the largest, 0 to 1 in the logarithm of kappa, (B,).
        """
        nodes = self.nodes[matrix]
        kappa = self.kappa[matrix] * (self.upper[matrix] / self.kappa[matrix]) ** at
        known = 1 / self.kappa[nodes]
        there = nodes >= 0
        weights = np.where(there, 1.0, 0.0)
        for j in range(3):
            for m in range(3):
                if m != j:
                    gap = np.where(there[:, j] & there[:, m], known[:, j] - known[:, m], 1.0)
                    factor = (1 / kappa - known[:, m]) / gap
                    weights[:, j] *= np.where(there[:, j] & there[:, m], factor, 1.0)
        return np.where(there, nodes, 0), weights
