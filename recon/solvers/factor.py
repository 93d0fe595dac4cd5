r"""A factorisation of the system matrix, exact to rounding, for every image reconstructed with it.

With :math:`P = I + D^T D`, its root :math:`R = P^{-1/2} C` in the cosine basis (`recon.solvers.operators`) and the
stacked real matrix :math:`A` without its rows of zeros, which only add a constant to the residual, the eigenproblem

.. math:: (A R^T)(A R^T)^T = A P^{-1} A^T = U \Lambda U^T,\qquad s^2 = \max \Lambda,\qquad F = U^T A R^T / s

gives a rotation :math:`U`, under which the noise ball stays a ball: with :math:`B = F R^{-T} = U^T A / s` and
:math:`c = U^T y / s`, :math:`\lVert A x - y\rVert^2 = s^2 \lVert B x - c\rVert^2 + y_\perp^2`. Eigenvalues below
:math:`10^{-12}` of the largest are dropped, which changes :math:`A x` by some
:math:`10^{-6} s \lVert P^{1/2} x\rVert`, and their data count in :math:`y_\perp`. Pivoted Cholesky steps find the few
that remain first, so the eigenproblem is as small as the rank. Since :math:`F F^T = \Lambda / s^2` is
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
    """A rotated system matrix; `factorise` computes it.

    Parameters
    ----------
    shape
        Image shape (y, x) or (z, y, x).
    rows
        Number of rows M of the matrix before stacking.
    is_complex
        Whether the matrix was complex.
    nonzero
        Which stacked real rows are not zero, shape (M or 2 M,), bool.
    norm
        s, the spectral norm of A P^(-1/2), in the unit of the matrix; just below that of A for smooth rows.
    rotation
        U, shape (nonzero rows, r), orthonormal columns.
    rotated_matrix
        F, shape (r, N), of spectral norm 1, without unit, over the cosine basis.
    eigenvalues
        lambda, the diagonal of F F^T, shape (r,), ascending to 1.
    """

    shape: tuple[int, ...]
    rows: int
    is_complex: bool
    nonzero: np.ndarray
    norm: float
    rotation: np.ndarray
    rotated_matrix: np.ndarray
    eigenvalues: np.ndarray

    def product(self, x: np.ndarray) -> np.ndarray:
        """Return B x (images, r) of images x (images, N)."""
        return ScreenedPoisson.of(self.shape).inverse(x) @ self.rotated_matrix.T

    def rotated(self) -> np.ndarray:
        """Return B itself, shape (r, N)."""
        poisson = ScreenedPoisson.of(self.shape)
        return poisson.adjoint(self.rotated_matrix / poisson.root.ravel() ** 2)

    def rotate(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return c (images, r) and y_perp^2 / s^2 (images,) of data y (images, M)."""
        stacked = stack_real(y.T.astype(complex) if self.is_complex else y.T).T
        inside = stacked[:, self.nonzero]
        c = inside @ self.rotation
        outside = np.sum(stacked[:, ~self.nonzero] ** 2, axis=1) + np.sum((inside - c @ self.rotation.T) ** 2, axis=1)
        return c / self.norm, outside / self.norm**2


def factorise(matrix: np.ndarray, shape: tuple[int, ...] | None = None) -> Factorisation:
    """Return the factorisation of a system matrix, which serves any number of images.

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
    nonzero = np.any(stacked != 0, axis=1)
    require(bool(nonzero.any()), "matrix", "different from zero", "all zeros")
    smooth = ScreenedPoisson.of(shape).forward(stacked[nonzero])
    eigenvalues, rotation = _eigen(smooth @ smooth.T)
    norm = math.sqrt(eigenvalues[-1])
    return Factorisation(
        shape,
        len(matrix),
        np.iscomplexobj(matrix),
        nonzero,
        norm,
        rotation,
        rotation.T @ smooth / norm,
        eigenvalues / eigenvalues[-1],
    )


def _eigen(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues that count (r,), ascending, and their vectors (M, r), by pivoted Cholesky and QR."""
    from scipy.linalg.lapack import dpstrf

    lower, pivots, rank, _ = dpstrf(gram, tol=_PIVOT_TOLERANCE * gram.diagonal().max(), lower=1)
    triangle = np.empty((len(gram), rank))
    triangle[pivots - 1] = np.tril(lower)[:, :rank]
    basis, small = np.linalg.qr(triangle)
    eigenvalues, rotation = np.linalg.eigh(small @ small.T)
    chosen = eigenvalues > RANK_TOLERANCE**2 * eigenvalues[-1]
    return eigenvalues[chosen], basis @ rotation[:, chosen]
