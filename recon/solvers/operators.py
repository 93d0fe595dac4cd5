r"""The system matrix and the gradient as operators.

Images are real, so complex rows are stacked as :math:`[\mathrm{Re}\,A;\ \mathrm{Im}\,A]`, which leaves every norm as
it is.

The gradient takes forward differences along the last axes, zero at the far edge (Neumann),

.. math:: (D_x x)_i = x_{i+1} - x_i,\quad (D_x x)_{n-1} = 0,

in units per voxel, and the isotropic total variation is the sum over voxels of the length of the gradient. The type-II
cosine transform :math:`C` diagonalises it: :math:`D^T D = C^T \mathrm{diag}(2 - 2\cos(\pi k/n))\, C` along each axis,
so that :math:`P^{-1} = (I + D^T D)^{-1}` costs two small matrix products along each axis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import EllipsisType

import numpy as np

__all__ = ["ScreenedPoisson", "gradient", "gradient_adjoint", "stack_real", "total_variation"]


def stack_real(values: np.ndarray) -> np.ndarray:
    """Stack complex rows as real ones, shape (M, ...) to (2 M, ...); real values are returned as they are, float64."""
    values = np.asarray(values)
    if np.iscomplexobj(values):
        return np.concatenate([values.real, values.imag]).astype(float, copy=False)
    return values.astype(float, copy=False)


def gradient(images: np.ndarray, ndim: int = 2) -> np.ndarray:
    """Forward differences along the last `ndim` axes, shape (..., n1, n2) to (..., ndim, n1, n2)."""
    parts = []
    for axis in range(-ndim, 0):
        part = np.zeros_like(images)
        part[_span(axis, 0, -1)] = np.diff(images, axis=axis)
        parts.append(part)
    return np.stack(parts, axis=-ndim - 1)


def gradient_adjoint(fields: np.ndarray, ndim: int = 2) -> np.ndarray:
    """Adjoint of `gradient` (minus the divergence), shape (..., ndim, n1, n2) to (..., n1, n2)."""
    total = np.zeros_like(np.take(fields, 0, axis=-ndim - 1))
    for i, axis in enumerate(range(-ndim, 0)):
        part = np.take(fields, i, axis=-ndim - 1)[_span(axis, 0, -1)]
        total[_span(axis, 0, -1)] -= part
        total[_span(axis, 1, None)] += part
    return total


def _span(axis: int, start: int | None, stop: int | None) -> tuple[EllipsisType | slice, ...]:
    """Index of a span of one axis, counted from the last (-1), and of all values along the others."""
    return (..., slice(start, stop), *(slice(None),) * (-axis - 1))


def total_variation(images: np.ndarray, ndim: int = 2) -> np.ndarray:
    """Isotropic total variation over the last `ndim` axes, in the unit of the image; shape (..., n1, n2) to (...)."""
    lengths = np.sqrt(np.sum(gradient(images, ndim) ** 2, axis=-ndim - 1))
    return np.sum(lengths, axis=tuple(range(-ndim, 0)))


@dataclass(frozen=True)
class ScreenedPoisson:
    r"""The square root R of the operator :math:`P^{-1} = (I + D^T D)^{-1} = R^T R` on images, by the cosine transform.

    Parameters
    ----------
    transforms
        Orthonormal cosine transform C of each axis, slowest first, shapes (n, n).
    root
        Response of :math:`P^{-1/2}`, :math:`(1 + \sum_\text{axes} (2 - 2\cos(\pi k/n)))^{-1/2}`, of the images' shape.
    """

    transforms: tuple[np.ndarray, ...]
    root: np.ndarray

    @classmethod
    def of(cls, shape: tuple[int, ...], dtype: np.dtype | type = np.float64) -> ScreenedPoisson:
        """Return the operator for images of a shape."""
        grids = np.meshgrid(*(2 - 2 * np.cos(np.pi * np.arange(n) / n) for n in shape), indexing="ij")
        root = 1 / np.sqrt(1 + np.sum(grids, axis=0))
        return cls(tuple(_cosine_transform(n).astype(dtype) for n in shape), root.astype(dtype))

    def forward(self, images: np.ndarray) -> np.ndarray:
        """Apply the root R = P^(-1/2) C, from images (count, N) to coefficients (count, N)."""
        return (self._transform(images, False) * self.root).reshape(len(images), -1)

    def adjoint(self, coefficients: np.ndarray) -> np.ndarray:
        """Apply R^T, from coefficients (count, N) to images (count, N)."""
        coefficients = coefficients.reshape(-1, *self.root.shape) * self.root
        return self._transform(coefficients, True).reshape(len(coefficients), -1)

    def inverse(self, images: np.ndarray) -> np.ndarray:
        """Apply R^-T = P^(1/2) C, from images (count, N) to coefficients (count, N)."""
        return (self._transform(images, False) / self.root).reshape(len(images), -1)

    def _transform(self, images: np.ndarray, inverse: bool) -> np.ndarray:
        matrices = [c.T for c in self.transforms] if inverse else list(self.transforms)
        inner = len(matrices[-1])
        images = images.reshape(-1, inner) @ matrices[-1].T
        for matrix in reversed(matrices[:-1]):
            images = matrix @ images.reshape(-1, len(matrix), inner)
            inner *= len(matrix)
        return images.reshape(-1, *self.root.shape)


def _cosine_transform(n: int) -> np.ndarray:
    """Orthonormal type-II cosine transform, shape (n, n)."""
    k = np.arange(n)
    matrix = np.cos(np.pi * k[:, None] * (k + 0.5) / n) * math.sqrt(2 / n)
    matrix[0] /= math.sqrt(2)
    return matrix
