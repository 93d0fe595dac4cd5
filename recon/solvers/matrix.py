r"""System matrices as linear operators: arrays, and matrices whose rows are read by slabs.

Images are real, so that all that solvers of least squares need is :math:`S x`, :math:`\mathrm{Re}\,S^H v` and
:math:`\mathrm{Re}\,S^H S x`. The last one takes one pass over the rows: a block of rows is used for both products while
it is in the cache. Products are those of the stacked real matrix, :math:`\mathrm{Re}\,S` over :math:`\mathrm{Im}\,S`,
in float64. A block of a matrix of complex64 is converted in the cache, which takes no more time than reading one of
complex128. Products in float32 would change an image by its condition times :math:`10^{-7}`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from scipy.sparse.linalg import LinearOperator

from mpisim.errors import finite, require

__all__ = [
    "Matrix",
    "SlabMatrix",
    "back_projection",
    "checked_matrix",
    "data_of",
    "normal_product",
    "product",
    "spectral_norm",
    "squared_norm",
]

_BLOCK = 2**22  # bytes of rows that are used twice while they are in the cache


class SlabMatrix(LinearOperator, ABC):
    """A matrix whose rows are read in slabs, again for each product: a subclass defines `slabs`.

    Parameters
    ----------
    shape
        Rows and voxels.
    dtype
        complex64 or complex128.
    """

    def __init__(self, shape: tuple[int, int], dtype: Any) -> None:
        super().__init__(np.dtype(dtype), shape)

    @abstractmethod
    def slabs(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield numbers of rows that follow each other, and these rows (row, voxel), C-contiguous; first to last."""

    def _matmat(self, x: np.ndarray) -> np.ndarray:
        if np.iscomplexobj(x):
            found = product(self, np.hstack([x.real, x.imag]))
            return np.asarray(found[:, : x.shape[1]] + 1j * found[:, x.shape[1] :])
        return product(self, x)

    def _rmatmat(self, v: np.ndarray) -> np.ndarray:
        found = back_projection(self, np.hstack([v, -1j * v]))
        return np.asarray(found[:, : v.shape[1]] + 1j * found[:, v.shape[1] :])


Matrix: TypeAlias = np.ndarray | LinearOperator
"""An array (M, N), or an operator of SciPy with `@` and `adjoint()`, such as a `SlabMatrix`."""


def data_of(matrix: Matrix, y: np.ndarray) -> np.ndarray:
    """Return data of the shape (M, images), complex128, for a matrix that fits them; y is (M,) or (M, images).

    Raises `InputError` if the shapes do not fit, or the data are not finite.
    """
    shape = np.shape(matrix)
    require(len(shape) == 2 and shape[0] * shape[1] > 0, "matrix", "rows x voxels", f"the shape {shape}")
    y = np.asarray(finite("y", y))
    fits = y.ndim in (1, 2) and len(y) == shape[0] and y.size > 0
    require(fits, "y", f"one column of {shape[0]} values like the rows, or several", y.shape)
    return y.reshape(shape[0], -1).astype(np.complex128)


def product(matrix: Matrix, x: np.ndarray) -> np.ndarray:
    """Return S x, shape (M, images), of real images (N, images)."""
    if not isinstance(matrix, np.ndarray | SlabMatrix):
        return np.asarray(matrix @ x)
    found = np.empty((matrix.shape[0], x.shape[1]), _double(matrix.dtype))
    for rows, block in _blocks(matrix):
        seen = block @ x
        found[rows] = seen[: rows.stop - rows.start]
        if np.iscomplexobj(found):
            found.imag[rows] = seen[rows.stop - rows.start :]
    return found


def back_projection(matrix: Matrix, v: np.ndarray) -> np.ndarray:
    """Return the real part of S^H v, shape (N, images), float64, of data (M, images)."""
    if not isinstance(matrix, np.ndarray | SlabMatrix):
        return np.asarray(matrix.adjoint() @ v).real.astype(float)
    total = np.zeros((v.shape[1], matrix.shape[1]))
    for rows, block in _blocks(matrix):
        here = np.concatenate([v[rows].real, v[rows].imag])[: len(block)]
        total += here.T @ block
    return total.T


def normal_product(matrix: Matrix, x: np.ndarray) -> np.ndarray:
    """Return the real part of S^H S x, shape (N, images), float64, of real images (N, images)."""
    if not isinstance(matrix, np.ndarray | SlabMatrix):
        return back_projection(matrix, product(matrix, x))
    total = np.zeros((x.shape[1], matrix.shape[1]))
    if matrix.dtype == np.complex128 and x.shape[1] == 1:  # takes less time than to stack them
        images, step = x.astype(complex), max(1, _BLOCK // (16 * matrix.shape[1]))
        for _, slab in _slabs(matrix):
            for block in (slab[first : first + step] for first in range(0, len(slab), step)):
                total += ((block @ images).conj().T @ block).real
        return total.T
    for _, block in _blocks(matrix):
        total += (block @ x).T @ block
    return total.T


def _blocks(matrix: np.ndarray | SlabMatrix) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield numbers of some rows and their stacked real rows, float64, which the next step overwrites."""
    parts = 2 if np.issubdtype(matrix.dtype, np.complexfloating) else 1
    step = max(1, _BLOCK // (8 * parts * matrix.shape[1]))
    stacked = np.empty((parts * min(step, matrix.shape[0]), matrix.shape[1]))
    for rows, slab in _slabs(matrix):
        for first in range(0, len(slab), step):
            block = slab[first : first + step]
            count = len(block)
            stacked[:count] = block.real
            if parts == 2:
                stacked[count : 2 * count] = block.imag
            yield slice(rows.start + first, rows.start + first + count), stacked[: parts * count]


def squared_norm(matrix: Matrix) -> float:
    """Return ||S||_F^2; of an operator without slabs from its products with all unit images, 64 at a time."""
    if isinstance(matrix, np.ndarray | SlabMatrix):
        return float(sum(_energy(slab) for _, slab in _slabs(matrix)))
    voxels, total = matrix.shape[1], 0.0
    for start in range(0, voxels, 64):
        columns = np.eye(voxels, min(64, voxels - start), -start)
        total += float(np.sum(np.abs(matrix @ columns) ** 2))
    return total


def _slabs(matrix: np.ndarray | SlabMatrix) -> Iterator[tuple[slice, np.ndarray]]:
    return matrix.slabs() if isinstance(matrix, SlabMatrix) else iter([(slice(0, len(matrix)), matrix)])


def _energy(slab: np.ndarray) -> float:
    """Return the sum of the squares in float64, row by row, so that no copy of the matrix is made."""
    return float(sum(np.vdot(row, row).real for row in (row.astype(np.complex128, copy=False) for row in slab)))


def _double(dtype: Any) -> Any:
    return np.result_type(dtype, np.float64)


def checked_matrix(matrix: Matrix) -> Matrix:
    """Return a matrix that solvers take: an array of finite floating-point numbers, or the operator as it is.

    Raises `InputError` if it is neither, or no array of rows x voxels.
    """
    if isinstance(matrix, LinearOperator):
        return matrix
    array = np.asarray(finite("matrix", matrix))
    require(array.ndim == 2 and array.size > 0, "matrix", "rows x voxels", f"the shape {array.shape}")
    return array if array.dtype.kind in "fc" else array.astype(float)


def spectral_norm(matrix: Matrix, iterations: int = 30) -> float:
    """Return the largest singular value of the matrix over real images, raised by 2 %, by power iteration.

    The vector starts positive, as the rows of most matrices make the image of the largest value, with a random part (of
    a fixed seed). It finds the value from below; the 2 % cover what is missing where the iteration ends. That is early
    where the square of the value rises by less than 1e-4 of itself. This is an estimate and no bound: a start that has
    hardly any part along the singular vector of the largest value ends at a smaller one.
    """
    chance = np.random.default_rng(0)
    x = 1 + 0.1 * chance.standard_normal((matrix.shape[1], 1))
    value = 0.0
    for _ in range(iterations):
        x /= np.linalg.norm(x)
        x = normal_product(matrix, x)
        before, value = value, float(np.linalg.norm(x))
        if value - before <= 1e-4 * value:
            break
    return 1.02 * float(np.sqrt(value))
