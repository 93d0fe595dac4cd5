"""The rows of a matrix in the order of Kaczmarz sweeps, with the products of rows that follow each other.

These products, which one pass over the matrix gives together with the norms of the rows, let a sweep do four rows at
once (`recon.solvers.sweep_kernels.kaczmarz_sweep`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mpisim.errors import finite, require
from recon.solvers.matrix import SlabMatrix
from recon.solvers.sweep_kernels import kaczmarz_grams, kaczmarz_sweep

__all__ = ["ORDERS", "DoubleSlabs", "Part", "Rows"]

ORDERS = ("fixed", "shuffled", "energy")
"""Orders of the rows; `recon.solvers.kaczmarz` says what they are."""
_SAFE = 1e24  # a mean square of a matrix of complex64 above it, or below its inverse, is no number for float32


@dataclass(frozen=True)
class Part:
    """Rows that are swept together: a slab, its order, products of its rows, scales, and its place in the data."""

    slab: np.ndarray
    order: np.ndarray
    count: int
    grams: np.ndarray
    scale: np.ndarray
    rows: slice

    def sweep(self, y: np.ndarray, level: np.ndarray, x: np.ndarray, v: np.ndarray) -> None:
        """Sweep images x (images, N); x and v (images, M) change in place."""
        here = np.ascontiguousarray(y[:, self.rows]), np.ascontiguousarray(v[:, self.rows])
        kaczmarz_sweep(self.slab, self.order, self.count, self.grams, self.scale, here[0], level, x, here[1])
        v[:, self.rows] = here[1]


class DoubleSlabs(SlabMatrix):
    """A matrix of slabs, each of which is copied to complex128."""

    def __init__(self, matrix: SlabMatrix) -> None:
        super().__init__(matrix.shape, np.complex128)
        self.matrix = matrix

    def slabs(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the slabs as `SlabMatrix` states."""
        for rows, slab in self.matrix.slabs():
            yield rows, slab.astype(np.complex128)


class Rows:
    """The rows of a matrix in the order of the sweeps, with the products of those that follow each other."""

    def __init__(self, matrix: np.ndarray | SlabMatrix, order: str, seed: int, scale: np.ndarray) -> None:
        slabs = isinstance(matrix, SlabMatrix)
        must = "fixed for a matrix that is read from a file by slabs"
        require(order == "fixed" or not slabs, "order", must, order)
        self.matrix = matrix if slabs else _plain_rows(matrix)
        self.dtype, self.voxels, self.order, self.scale = self.matrix.dtype, self.matrix.shape[1], order, scale
        self.chance = np.random.default_rng(seed)
        self.orders: list[np.ndarray] = []
        self.grams: list[np.ndarray] = []
        self.squared_norms = np.zeros(len(scale))
        self._measure()
        values = float(self.squared_norms.sum()) / self.matrix.shape[0] / self.voxels
        if self.dtype == np.complex64 and not 1 / _SAFE < values < _SAFE:
            self.matrix = DoubleSlabs(matrix) if isinstance(matrix, SlabMatrix) else matrix.astype(np.complex128)
            self.dtype = self.matrix.dtype
            self._measure()
        if not np.isfinite(self.squared_norms).all():
            finite("matrix", self.matrix if not slabs else self.squared_norms)
        self.energy = float(np.sum(self.squared_norms * scale**2))

    def _slabs(self) -> Iterator[tuple[slice, np.ndarray]]:
        if isinstance(self.matrix, SlabMatrix):
            return self.matrix.slabs()
        return iter([(slice(0, len(self.matrix)), self.matrix)])

    def _measure(self) -> None:
        """Pass over the matrix once for the products of the rows that follow each other, and their norms."""
        self.orders, self.grams = [], []
        for rows, slab in self._slabs():
            shuffled = self.order == "shuffled"
            order = self.chance.permutation(len(slab)) if shuffled else np.arange(len(slab))
            padded, grams = _blocks(slab, order)
            self.squared_norms[rows][order] = np.diagonal(grams, axis1=1, axis2=2).real.ravel()[: len(order)]
            self.orders.append(padded)
            self.grams.append(grams)

    def parts(self, level: np.ndarray) -> Iterator[Part]:
        """Yield the parts of the next sweep."""
        for i, (rows, slab) in enumerate(self._slabs()):
            order, grams = self.orders[i], self.grams[i]
            if self.order == "energy":
                chance = np.where(self.squared_norms > 0, self.squared_norms * self.scale**2 + level.mean(), 0)
                if not chance.any():
                    return
                drawn = self.chance.choice(len(slab), len(slab), p=chance / chance.sum())
                order, grams = _blocks(slab, drawn)
            yield Part(slab, order, len(slab), grams, self.scale[rows], rows)


def _blocks(slab: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return an order, filled up to a multiple of four, and the products of its rows."""
    padded = np.append(order, np.repeat(order[-1:], -len(order) % 4)).astype(np.int64)
    grams = np.zeros((len(padded) // 4, 4, 4), np.complex128)
    kaczmarz_grams(slab, padded, grams)
    return padded, grams


def _plain_rows(matrix: np.ndarray) -> np.ndarray:
    """Return the matrix as the loops take it, without a copy where it is so already."""
    single = np.asarray(matrix).dtype == np.complex64
    return np.ascontiguousarray(matrix, dtype=np.complex64 if single else np.complex128)
