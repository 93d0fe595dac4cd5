r"""Singular values of a system matrix over real images, and what Tikhonov images do for any weight of the penalty.

With the stacked real matrix :math:`S = U \Sigma V^T` of m rows, the coefficients :math:`c = U^T u` of data and
:math:`a_i = s_i^2 + l`, the image that minimises :math:`\lVert S x - u\rVert^2 + l \lVert x\rVert^2` has

.. math:: \rho = \lVert S x - u\rVert^2 = u_\perp^2 + l^2 \sum_i c_i^2 / a_i^2,\qquad
          \eta = \lVert x\rVert^2 = \sum_i s_i^2 c_i^2 / a_i^2,\qquad p = \sum_i s_i^2 / a_i

with the norm :math:`u_\perp` of the data outside the range of S and the effective number p of free parameters. With
respect to l,

.. math:: \eta' = -2 \sum_i s_i^2 c_i^2 / a_i^3,\quad \eta'' = 6 \sum_i s_i^2 c_i^2 / a_i^4,\quad
          \rho' = -l \eta',\quad \rho'' = -\eta' - l \eta'' .

The singular values come from the smaller of :math:`S S^T` and :math:`S^T S`. Those below :math:`10^{-6}` of the largest
are dropped, and their data count in :math:`u_\perp`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpisim.errors import finite, require
from mpisim.memory import require_memory

__all__ = ["Curves", "Spectrum"]

_LEAST = 1e-6  # of the largest singular value
_AT_ONCE = 1 << 22  # values of the matrix that are converted at a time


@dataclass(frozen=True)
class Curves:
    """Squared residual, squared norm and free parameters of the Tikhonov images of one column of data.

    Parameters
    ----------
    squared
        Squared singular values, shape (r,).
    energy
        Squared coefficients of the data, shape (r,).
    outside
        Squared norm of the data outside the range of the matrix.
    rows
        Number m of stacked real rows.
    """

    squared: np.ndarray
    energy: np.ndarray
    outside: float
    rows: int

    def residual(self, penalty: np.ndarray) -> np.ndarray:
        """Return rho for weights l, shape (k,)."""
        a = self.squared + penalty[:, None]
        return self.outside + penalty**2 * np.sum(self.energy / a**2, axis=1)

    def free(self, penalty: np.ndarray) -> np.ndarray:
        """Return p for weights l, shape (k,)."""
        return np.sum(self.squared / (self.squared + penalty[:, None]), axis=1)

    def curvature(self, penalty: np.ndarray) -> np.ndarray:
        """Return the curvature of (log sqrt(rho), log sqrt(eta)) for weights l, shape (k,); NaN where one is zero."""
        a = self.squared + penalty[:, None]
        moments = [np.sum(self.squared * self.energy / a**k, axis=1) for k in (2, 3, 4)]
        eta, eta1, eta2 = moments[0], -2 * moments[1], 6 * moments[2]
        rho, rho1, rho2 = self.residual(penalty), -penalty * eta1, -eta1 - penalty * eta2
        with np.errstate(divide="ignore", invalid="ignore"):
            x1, x2 = rho1 / (2 * rho), rho2 / (2 * rho) - rho1**2 / (2 * rho**2)
            y1, y2 = eta1 / (2 * eta), eta2 / (2 * eta) - eta1**2 / (2 * eta**2)
            return (x1 * y2 - x2 * y1) / (x1**2 + y1**2) ** 1.5


@dataclass(frozen=True)
class Spectrum:
    """Singular values and vectors of a system matrix; `Spectrum.of` computes them.

    Parameters
    ----------
    matrix
        The matrix, shape (M, N), real or complex.
    squared
        Squared singular values, shape (r,), ascending.
    basis
        Their left vectors, shape (stacked rows, r), or, where there are fewer voxels than stacked rows, right vectors,
        shape (N, r).
    rows
        Number m of stacked real rows: M, or 2 M of a complex matrix.
    """

    matrix: np.ndarray
    squared: np.ndarray
    basis: np.ndarray
    rows: int

    @property
    def scale(self) -> float:
        """||S||_F^2 / N, the weight l of ||x||^2 for lambda = 1."""
        return float(self.squared.sum()) / self.matrix.shape[1]

    @classmethod
    def of(cls, matrix: np.ndarray) -> Spectrum:
        """Return the spectrum of a matrix (M, N).

        Raises `InputError` if it is not finite, is zero, or if M and N are so large that memory does not suffice.
        """
        matrix = np.asarray(finite("matrix", matrix))
        require(matrix.ndim == 2 and matrix.size > 0, "matrix", "rows x voxels", f"the shape {matrix.shape}")
        rows = len(matrix) * (2 if np.iscomplexobj(matrix) else 1)
        size = min(rows, matrix.shape[1])
        require_memory(f"matrix (the {size} singular values of its {matrix.shape})", 4 * 8 * size**2)
        gram = _of_rows(matrix) if rows <= matrix.shape[1] else _of_voxels(matrix)
        squared, basis = np.linalg.eigh(gram)
        require(squared[-1] > 0, "matrix", "different from zero", "all zeros")
        chosen = squared > _LEAST**2 * squared[-1]
        return cls(matrix, squared[chosen], basis[:, chosen], rows)

    def curves(self, y: np.ndarray) -> Curves:
        """Return the curves of one column of data (M,)."""
        is_complex = np.iscomplexobj(self.matrix)
        if len(self.basis) == self.rows and self.rows <= self.matrix.shape[1]:
            stacked = np.concatenate([y.real, y.imag]) if is_complex else y.real
            energy = (self.basis.T @ stacked) ** 2
        else:
            energy = (self.basis.T @ (self.matrix.T @ y.conj()).real) ** 2 / self.squared
        total = float(np.sum(np.abs(y) ** 2)) if is_complex else float(np.sum(y.real**2))
        return Curves(self.squared, energy, max(total - float(energy.sum()), 0.0), self.rows)


def _of_rows(matrix: np.ndarray) -> np.ndarray:
    """Return S S^T, shape (m, m), summed over some voxels at a time."""
    parts = 2 if np.iscomplexobj(matrix) else 1
    gram = np.zeros((parts * len(matrix),) * 2)
    step = max(1, _AT_ONCE // len(matrix))
    for first in range(0, matrix.shape[1], step):
        block = matrix[:, first : first + step]
        stacked = np.concatenate([block.real, block.imag] if parts == 2 else [block]).astype(float, copy=False)
        gram += stacked @ stacked.T
    return gram


def _of_voxels(matrix: np.ndarray) -> np.ndarray:
    """Return S^T S, shape (N, N), summed over some rows at a time."""
    gram = np.zeros((matrix.shape[1],) * 2)
    step = max(1, _AT_ONCE // matrix.shape[1])
    for first in range(0, len(matrix), step):
        block = matrix[first : first + step]
        for part in (block.real, block.imag) if np.iscomplexobj(matrix) else (block,):
            part = part.astype(float, copy=False)
            gram += part.T @ part
    return gram
