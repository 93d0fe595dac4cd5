r"""The iterates of `recon.admm` for many images, and the state it starts from.

Images come first in every array, so that the products with the matrix are matrix-matrix products. Every image is
divided by its scale, :math:`t = \max|x_t|`, the largest value of its Tikhonov image
:math:`x_t = R^T F^T (\Lambda + 10^{-3})^{-1} c` (symbols of `recon.solvers.factor`), so that the iteration does not
depend on the units of matrix and data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from mpisim.errors import finite, require
from recon.solvers.factor import Factorisation
from recon.solvers.operators import ScreenedPoisson, gradient, gradient_adjoint

__all__ = ["Multipliers", "State", "first_state", "scale_of"]

Multipliers = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Lagrange multipliers of the splittings z1 = x, z2 = D x, z3 = B x, images first."""


@dataclass
class State:
    """Iterates of the images that still iterate, over (image[, axes], z, y, x) and (image, r), without unit.

    Parameters
    ----------
    images
        Column numbers of the images, shape (image,).
    c, radius
        Rotated data and radius of the noise ball, both over norm and scale.
    x, bx
        Image and its product B x.
    z1, u1, z2, u2, z3, u3
        Splitting variables and scaled multipliers of the image, its gradient and its product.
    w
        Right-hand side z1 - u1 + D^T (z2 - u2) of the next image.
    """

    images: np.ndarray
    c: np.ndarray
    radius: np.ndarray
    x: np.ndarray
    z1: np.ndarray
    u1: np.ndarray
    z2: np.ndarray
    u2: np.ndarray
    bx: np.ndarray
    z3: np.ndarray
    u3: np.ndarray
    w: np.ndarray

    def put(self, other: State, chosen: np.ndarray) -> None:
        """Write the chosen images of another state at their column numbers."""
        for f in fields(self):
            getattr(self, f.name)[other.images[chosen]] = getattr(other, f.name)[chosen]

    def take(self, chosen: np.ndarray) -> State:
        """Return a copy of the iterates of some images."""
        return State(*(getattr(self, f.name)[chosen] for f in fields(self)))


def scale_of(factor: Factorisation, data: np.ndarray) -> np.ndarray:
    """Return the scale t of every image (images,) for data (images, M), in the unit of the images; 1 for zero data."""
    c = factor.rotate(data)[0]
    smooth = (c / (factor.eigenvalues + 1e-3)) @ factor.rotated_matrix
    scale = np.abs(ScreenedPoisson.of(factor.shape).adjoint(smooth)).max(axis=1)
    scale[scale == 0] = 1
    return scale


def first_state(
    factor: Factorisation,
    data: np.ndarray,
    radius: np.ndarray,
    scale: np.ndarray,
    start: np.ndarray | None,
    multipliers: Multipliers | None,
    dtype: str,
) -> State:
    """Return the state that the iteration starts from.

    Data have the shape (images, M); radius of the noise ball and scale have a value for every image. `start` holds
    images (N,) or (N, images), `multipliers` the scaled u1, u2, u3 of an earlier result; None starts from zero. Raises
    `InputError` if the start holds NaN, or start or multipliers do not fit the images and the rank of the matrix.
    """
    c, outside = factor.rotate(data)
    inside = np.sqrt(np.maximum((radius / factor.norm) ** 2 - outside, 0))
    ndim = len(factor.shape)
    z1 = _start(start, factor, len(data)) / scale.reshape(-1, *(1,) * ndim)
    parts = z1, gradient(z1, ndim), factor.product(z1)
    shapes = _shapes(factor, len(data))
    z = [v.astype(dtype).reshape(n) for v, n in zip(parts, shapes, strict=True)]
    u = [v.astype(dtype).reshape(n) for v, n in zip(_fitting(multipliers, shapes), shapes, strict=True)]
    slopes = (z[1] - u[1]).reshape(len(data), ndim, *factor.shape)
    w = z[0] - u[0] + gradient_adjoint(slopes, ndim).reshape(shapes[0])
    return State(
        images=np.arange(len(data)),
        c=(c / scale[:, None]).astype(dtype),
        radius=(inside / scale).astype(dtype),
        x=z[0].copy(),
        z1=z[0],
        u1=u[0],
        z2=z[1],
        u2=u[1],
        bx=z[2].copy(),
        z3=z[2],
        u3=u[2],
        w=w,
    )


def _shapes(factor: Factorisation, count: int) -> list[tuple[int, ...]]:
    """Shapes of z1, z2 and z3; a plane is a volume of one slice."""
    volume = factor.shape if len(factor.shape) == 3 else (1, *factor.shape)
    return [(count, *volume), (count, len(factor.shape), *volume), (count, factor.eigenvalues.size)]


def _fitting(multipliers: Multipliers | None, shapes: list[tuple[int, ...]]) -> Multipliers:
    if multipliers is None:
        return np.zeros(shapes[0]), np.zeros(shapes[1]), np.zeros(shapes[2])
    fits = [u.size for u in multipliers] == [math.prod(n) for n in shapes]
    require(fits, "start", "a result for as many images with a matrix of the same rank", "another")
    return multipliers


def _start(start: np.ndarray | None, factor: Factorisation, count: int) -> np.ndarray:
    """Return the images to start from, shape (images, y, x) or (images, z, y, x)."""
    if start is None:
        return np.zeros((count, *factor.shape))
    images, voxels = np.asarray(finite("start", start), dtype=float), math.prod(factor.shape)
    fits = images.size == count * voxels and images.shape[0] == voxels
    require(fits, "start", f"{count} images of {voxels} voxels", f"the shape {images.shape}")
    return images.reshape(voxels, count).T.reshape(count, *factor.shape)
