r"""One exact factorisation of the system matrix, shared by every image that is reconstructed with it.

With :math:`P = I + D^T D` and the stacked real matrix :math:`A` (rows that are zero are left out; they only add a
constant to the residual) the symmetric eigenproblem

.. math:: A P^{-1} A^T = U \Lambda U^T, \qquad s^2 = \max \Lambda, \qquad B = U^T A / s

gives a rotation :math:`U`, which leaves the noise ball as it is:
:math:`\lVert A x - y\rVert^2 = s^2 \lVert B x - c\rVert^2 + y_\perp^2` with :math:`c = U^T y / s`. Rows of :math:`B`
with :math:`\lambda < (10^{-6})^2` of the largest are dropped: they change :math:`\lVert A x\rVert` by less than
:math:`3\cdot10^{-6}\,s\,\lVert x\rVert`, and their data counts in :math:`y_\perp`. What is left is smaller than
:math:`A`, and with :math:`H = P^{-1} B^T` and :math:`B H = \Lambda / s^2` diagonal the system of ADMM needs no inverse:

.. math:: (P + \rho B^T B)\,x = w + \rho B^T v \;\Rightarrow\;
          x = P^{-1} w + H g,\quad B x = q + \lambda g,\quad q = H^T w,\quad g = \frac{\rho (v - q)}{1 + \rho\lambda},

two thin products an iteration, whatever :math:`\rho` is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mpisim.errors import finite, require
from recon.operators import ScreenedPoisson, stack_real

__all__ = ["RANK_TOLERANCE", "Factorisation", "factorise"]

RANK_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Factorisation:
    """A system matrix, rotated for ADMM; see `factorise`.

    Parameters
    ----------
    shape
        Image shape (y, x) or (z, y, x).
    rows
        Number of rows M of the matrix as it was given.
    is_complex
        Whether it was complex.
    kept
        Which stacked real rows are not zero, shape (M or 2 M,).
    norm
        s, the spectral norm of A P^(-1/2), which is just below that of A.
    rotation
        U, shape (kept rows, r).
    rotated
        B, shape (r, N), of spectral norm about 1.
    smoothed
        H = P^-1 B^T, shape (N, r).
    energies
        lambda, the diagonal of B H, shape (r,), ascending to 1.
    """

    shape: tuple[int, ...]
    rows: int
    is_complex: bool
    kept: np.ndarray
    norm: float
    rotation: np.ndarray
    rotated: np.ndarray
    smoothed: np.ndarray
    energies: np.ndarray

    def rotate(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return c (images, r) and y_perp^2 (images,) of data y (images, M), both over the norm s."""
        stacked = stack_real(y.T.astype(complex) if self.is_complex else y.T).T
        kept = stacked[:, self.kept]
        c = kept @ self.rotation
        outside = np.sum(stacked[:, ~self.kept] ** 2, axis=1) + np.sum((kept - c @ self.rotation.T) ** 2, axis=1)
        return c / self.norm, outside / self.norm**2


def factorise(matrix: np.ndarray, shape: tuple[int, ...] | None = None) -> Factorisation:
    """Factorise a system matrix once for any number of images.

    Parameters
    ----------
    matrix
        Shape (M, N), real or complex, whitened.
    shape
        Image shape (y, x) or (z, y, x), x fastest; None takes (1, N), one line of voxels.

    Raises
    ------
    InputError
        If the matrix holds NaN, is zero, or does not fit the image.
    """
    matrix = np.asarray(finite("matrix", matrix))
    require(matrix.ndim == 2 and matrix.size > 0, "matrix", "rows x voxels", f"the shape {matrix.shape}")
    shape = (1, matrix.shape[1]) if shape is None else tuple(int(n) for n in shape)
    require(len(shape) in (2, 3) and math.prod(shape) == matrix.shape[1], "shape",
            f"two or three counts with the product {matrix.shape[1]}", shape)
    stacked = stack_real(matrix)
    kept = np.any(stacked != 0, axis=1)
    require(bool(kept.any()), "matrix", "different from zero", "all zeros")
    rows = np.ascontiguousarray(stacked[kept])
    smooth = ScreenedPoisson.of(shape)(rows.reshape(-1, *shape)).reshape(rows.shape)
    energies, rotation = np.linalg.eigh(smooth @ rows.T)
    chosen = energies > RANK_TOLERANCE**2 * energies[-1]
    norm, rotation = math.sqrt(energies[-1]), np.ascontiguousarray(rotation[:, chosen])
    return Factorisation(shape, len(matrix), np.iscomplexobj(matrix), kept, norm, rotation, rotation.T @ rows / norm,
                         smooth.T @ rotation / norm, energies[chosen] / energies[-1])
