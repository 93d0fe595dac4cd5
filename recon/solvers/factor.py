r"""One factorisation of the system matrix, exact to rounding, shared by every image reconstructed with it.

With :math:`P = I + D^T D`, its root :math:`R = P^{-1/2} C` in the cosine basis (`recon.solvers.operators`) and the stacked real
matrix :math:`A` (rows that are zero are left out; they only add a constant to the residual) the eigenproblem

.. math:: (A R^T)(A R^T)^T = A P^{-1} A^T = U \Lambda U^T,\qquad s^2 = \max \Lambda,\qquad F = U^T A R^T / s

gives a rotation :math:`U`, which leaves the noise ball as it is: with :math:`B = F R^{-T} = U^T A / s` and
:math:`c = U^T y / s`, :math:`\lVert A x - y\rVert^2 = s^2 \lVert B x - c\rVert^2 + y_\perp^2`. Eigenvalues below
:math:`10^{-12}` of the largest are dropped, which changes :math:`A x` by some
:math:`10^{-6} s \lVert P^{1/2} x\rVert`, and their data count in :math:`y_\perp`. Pivoted Cholesky steps find the few
that are left first, so the eigenproblem is as small as the rank. Since :math:`F F^T = \Lambda / s^2` is
diagonal, ADMM's linear system needs no inverse:

.. math:: (P + \rho B^T B)\,x = w + \rho B^T v \;\Rightarrow\;
          x = R^T(R w + F^T g),\quad B x = q + \lambda g,\quad q = F R w,\quad g = \frac{\rho (v - q)}{1 + \rho\lambda},

two thin products an iteration, whatever :math:`\rho` is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mpisim.errors import finite, require
from recon.solvers.operators import ScreenedPoisson, stack_real

__all__ = ["RANK_TOLERANCE", "Factorisation", "factorise"]

RANK_TOLERANCE = 1e-6
_PIVOT_TOLERANCE = 1e-13


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
        s, the spectral norm of A P^(-1/2), just below that of A for smooth rows.
    rotation
        U, shape (kept rows, r).
    filtered
        F, shape (r, N), of spectral norm 1, over the cosine basis.
    energies
        lambda, the diagonal of F F^T, shape (r,), ascending to 1.
    """

    shape: tuple[int, ...]
    rows: int
    is_complex: bool
    kept: np.ndarray
    norm: float
    rotation: np.ndarray
    filtered: np.ndarray
    energies: np.ndarray

    def product(self, x: np.ndarray) -> np.ndarray:
        """Return B x (images, r) of images x (images, N)."""
        return ScreenedPoisson.of(self.shape).inverse(x) @ self.filtered.T

    def rotated(self) -> np.ndarray:
        """Return B itself, shape (r, N)."""
        poisson = ScreenedPoisson.of(self.shape)
        return poisson.adjoint(self.filtered / poisson.root.ravel() ** 2)

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
    require(
        len(shape) in (2, 3) and math.prod(shape) == matrix.shape[1],
        "shape",
        f"two or three counts with the product {matrix.shape[1]}",
        shape,
    )
    stacked = stack_real(matrix)
    kept = np.any(stacked != 0, axis=1)
    require(bool(kept.any()), "matrix", "different from zero", "all zeros")
    filtered = ScreenedPoisson.of(shape).forward(stacked[kept])
    energies, rotation = _eigen(filtered @ filtered.T)
    norm = math.sqrt(energies[-1])
    return Factorisation(
        shape,
        len(matrix),
        np.iscomplexobj(matrix),
        kept,
        norm,
        rotation,
        rotation.T @ filtered / norm,
        energies / energies[-1],
    )


def _eigen(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues that count (r,), ascending, and their vectors (M, r), by pivoted Cholesky and QR."""
    from scipy.linalg.lapack import dpstrf

    lower, pivots, rank, _ = dpstrf(gram, tol=_PIVOT_TOLERANCE * gram.diagonal().max(), lower=1)
    triangle = np.empty((len(gram), rank))
    triangle[pivots - 1] = np.tril(lower)[:, :rank]
    basis, small = np.linalg.qr(triangle)
    energies, rotation = np.linalg.eigh(small @ small.T)
    chosen = energies > RANK_TOLERANCE**2 * energies[-1]
    return energies[chosen], basis @ rotation[:, chosen]
