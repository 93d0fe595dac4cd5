r"""Rows of particles and gradients between and beyond those of the training matrices.

In the plane of an ideal scanner a row in units of its matrix' RMS depends on gradient and diameter only through
:math:`\kappa = G d^3`, to which the argument of the Langevin function at the drive's amplitude is proportional. Since
:math:`\coth\xi - 1/\xi` is :math:`1 - 1/\xi` for all but small :math:`\xi`, the row approaches its limit of large
:math:`\kappa` as :math:`1/\kappa`. Hence the same row of three matrices determines that of any other nearby,

.. math:: a(\kappa) = \sum_j a_j \prod_{m \ne j} \frac{1/\kappa - 1/\kappa_m}{1/\kappa_j - 1/\kappa_m}.

On the paper's training grid this predicts a matrix between its two neighbours to 0.4 %, mostly to 0.1 %, and the matrix
of largest :math:`\kappa` from three matrices of at most 3/4 of it to 0.36 %. So a network can be trained on all
:math:`\kappa` without further matrices, and somewhat beyond the largest. It must not be used where a scanner is not
ideal or its drive differs between matrices.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from mpisim.errors import require

__all__ = ["BEYOND", "KappaInterpolation"]

BEYOND = 4 / 3
"""Largest kappa of an extrapolated row, relative to the largest kappa of three or more matrices."""
_SAME = 1e-6
"""Relative difference up to which two kappas count as equal."""
_LOWER = (0.8, 0.6)
"""Kappa of the lower two nodes, relative to that of the matrix; the closest matrices are taken."""


class KappaInterpolation:
    """Interpolation of rows in kappa, from each matrix up to the next one.

    Parameters
    ----------
    matrices
        System matrices with the coordinates `sf_gradient` (T/m) and `particle_diameter` (m).

    Attributes
    ----------
    kappa
        G d^3 of every matrix in T m^2, (M,).
    nodes
        Numbers of up to three matrices between which each one is interpolated, itself first; -1 for none; (M, 3).
    upper
        Largest kappa up to which each matrix is interpolated, (M,).

    Raises
    ------
    InputError
        If a matrix has no gradient or no diameter.
    """

    def __init__(self, matrices: Sequence[xr.Dataset]) -> None:
        for name in ("sf_gradient", "particle_diameter"):
            known = all(name in m.coords for m in matrices)
            require(known, "data", f"of known {name} for interpolated rows", "matrices without it")
        self.kappa = np.array([float(m["sf_gradient"]) * float(m["particle_diameter"]) ** 3 for m in matrices])
        chosen = [_nodes(self.kappa, i) for i in range(len(matrices))]
        self.nodes = np.array([nodes + [-1] * (3 - len(nodes)) for nodes, _ in chosen])
        self.upper = np.array([upper for _, upper in chosen])

    def draw(self, matrix: np.ndarray, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return of which matrices rows are sums, and with which weights, both (B, 3); absent nodes have weight 0.

        `matrix` (B,) holds the number of the matrix from which each row is interpolated upwards, and `position` (B,)
        where: from that matrix (0) to its `upper` kappa (1), in the logarithm of kappa.
        """
        nodes = self.nodes[matrix]
        kappa = self.kappa[matrix] * (self.upper[matrix] / self.kappa[matrix]) ** position
        inverse = 1 / self.kappa[nodes]
        present = nodes >= 0
        weights = np.where(present, 1.0, 0.0)
        for j in range(3):
            for m in range(3):
                if m != j:
                    both = present[:, j] & present[:, m]
                    gap = np.where(both, inverse[:, j] - inverse[:, m], 1.0)
                    weights[:, j] *= np.where(both, (1 / kappa - inverse[:, m]) / gap, 1.0)
        return np.where(present, nodes, 0), weights


def _nodes(kappa: np.ndarray, i: int) -> tuple[list[int], float]:
    """Return matrix i with up to two others of different kappa, and the kappa up to which they predict."""
    ratio = kappa / kappa[i]
    above, below = np.flatnonzero(ratio > 1 + _SAME), np.flatnonzero(ratio < 1 - _SAME)
    candidates = [i]
    if above.size:
        candidates.append(int(above[ratio[above].argmin()]))
    if below.size:
        candidates += [int(below[abs(ratio[below] - wanted).argmin()]) for wanted in _LOWER]
    nodes: list[int] = []
    for n in candidates:  # a second matrix of one kappa adds no information
        if all(abs(ratio[n] - ratio[m]) > _SAME for m in nodes):
            nodes.append(n)
    nodes = nodes[:3]
    if above.size:
        return nodes, float(kappa[nodes[1]])
    return nodes, float(kappa[i]) * (BEYOND if len(nodes) == 3 else 1.0)
