r"""How the numbers of an array lie: which axis numbers the rows, which of x and y runs fastest, which way they run.

A matrix of others is rows x voxels or voxels x rows. The voxels are one axis, or one for each of x, y[, z]. What the
sizes show is taken from them; where they fit in several ways, one is taken and a warning says which.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from mpisim.data.grid import AXES, Grid
from mpisim.errors import InputError, one_of, require, warn

__all__ = ["Layout"]


@dataclass(frozen=True)
class Layout:
    """How the numbers of an array lie.

    Parameters
    ----------
    order
        Axes of the voxels, the fastest first: `xy` (x fastest), `yx`, or of a volume such as `xyz`. None presumes x
        fastest; an array with an axis for each of x and y is read as its sizes show.
    transposed
        Whether the array is voxels x rows (True) or rows x voxels (False). None goes by the sizes.
    flip
        Axes along which the array runs downwards, `x`, `y` or `xy`.
    stacked
        Whether the first half of the rows holds real parts, and the second half imaginary ones.
    frames
        Axis of a measurement that numbers the frames, `first` or `last`; None reads one frame.

    Raises
    ------
    InputError
        If a value is none of these.
    """

    order: str | None = None
    transposed: bool | None = None
    flip: str | None = None
    stacked: bool = False
    frames: str | None = None

    def __post_init__(self) -> None:
        orders = {"".join(p) for n in (2, 3) for p in itertools.permutations(AXES[:n])}
        if self.order is not None:
            one_of("order", self.order, sorted(orders, key=lambda o: (len(o), o)))
        for name in ("transposed", "stacked"):
            one_of(name, getattr(self, name), (None, True, False))
        flip = self.flip or ""
        good = isinstance(flip, str) and set(flip) <= set(AXES) and len(set(flip)) == len(flip)
        require(good, "flip", "made of the axes x, y and z", repr(self.flip))
        if self.frames is not None:
            one_of("frames", self.frames, ("first", "last"))

    def rows_of_voxels(self, values: np.ndarray, grid: Grid, first_fastest: bool, name: str) -> np.ndarray:
        """Return a system matrix as (row, [z,] y, x), all axes ascending.

        Parameters
        ----------
        values
            The array as its program shows it.
        grid
            Its voxels.
        first_fastest
            Whether the first of several axes of voxels runs fastest (MATLAB), or the last (NumPy).
        name
            What the array is, for messages.

        Raises
        ------
        InputError
            If the array does not fit the grid.
        """
        require(self.frames is None, "frames", "given for a measurement alone, which has no grid", repr(self.frames))
        voxels = math.prod(grid.shape)
        fits = self._fits(values.shape, grid, first_fastest)
        if not fits and values.size == voxels:  # one row, which has no axis of its own
            values = values[None]
            fits = [fit for fit in self._fits(values.shape, grid, first_fastest, one_row=True) if not fit[0]]
        if not fits:
            raise InputError(
                f"Input {name} must be rows x {voxels} voxels to fit the grid {grid.shape}{self._said()}; "
                f"instead received the shape {values.shape}."
            )
        if len(fits) > 1:
            self._warn(name, values.shape, fits)
        transposed, order = fits[0]
        rows = np.moveaxis(values, -1 if transposed else 0, 0)
        if first_fastest:
            rows = rows.transpose(0, *range(rows.ndim - 1, 0, -1))
        sizes = dict(zip(AXES, grid.shape, strict=False))
        slowest_first = [axis for axis in reversed(order) if axis in sizes]
        rows = rows.reshape(len(rows), *(sizes[axis] for axis in slowest_first))
        rows = rows.transpose(0, *(1 + slowest_first.index(axis) for axis in grid.dims))
        rows = self._unstacked(rows, name)
        away = tuple(1 + grid.dims.index(axis) for axis in self.flip or "" if axis in grid.dims)
        require(len(away) == len(self.flip or ""), "flip", f"made of the axes of the grid {grid.dims}", repr(self.flip))
        return np.flip(rows, away)

    def _fits(
        self, shape: tuple[int, ...], grid: Grid, first_fastest: bool, one_row: bool = False
    ) -> list[tuple[bool, str]]:
        """Return the ways in which sizes fit: whether the rows come last, and the order of the voxels; likely first."""
        sizes = dict(zip(AXES, grid.shape, strict=False))
        orders = [o for o in map("".join, itertools.permutations(sizes)) if self._agrees(o)]
        ways = (True, False) if first_fastest and len(shape) > 2 else (False, True)
        fits = []
        for transposed in ways if self.transposed is None or one_row else (self.transposed,):
            voxels = shape[:-1] if transposed else shape[1:]
            fastest_first = voxels if first_fastest else voxels[::-1]
            if voxels == (math.prod(grid.shape),):
                fits += [(transposed, order) for order in orders[:1]]
            elif len(voxels) == len(sizes):
                fits += [(transposed, o) for o in orders if fastest_first == tuple(sizes[axis] for axis in o)]
        return fits

    def _agrees(self, order: str) -> bool:
        """Whether an order of the grid's axes is the one that was given, which may leave out z (then the slowest)."""
        given = self.order
        return given is None or order in (given, given + "z")

    def _said(self) -> str:
        said = [f"{key} {getattr(self, key)}" for key in ("order", "transposed") if getattr(self, key) is not None]
        return f" ({' and '.join(said)})" if said else ""

    @staticmethod
    def _warn(name: str, shape: tuple[int, ...], fits: list[tuple[bool, str]]) -> None:
        transposed, order = fits[0]
        taken = "voxels x rows" if transposed else "rows x voxels"
        options = [key for i, key in enumerate(("transposed", "order")) if len({fit[i] for fit in fits}) > 1]
        warn(
            f"{name} has the shape {shape}, which fits in several ways. It was read as {taken} with "
            f"{order[0]} fastest; give {' and '.join(options)} to choose."
        )

    def numbers(self, values: np.ndarray, name: str) -> np.ndarray:
        """Return a measurement as (row,), or as (frame, row) where an axis numbers frames.

        Raises `InputError` if the array has another number of axes.
        """
        for key in ("order", "transposed", "flip"):
            given = getattr(self, key) is not None
            require(not given, key, "given for a system matrix alone, together with a grid", "it without a grid")
        values = np.squeeze(values) if self.frames is None or values.ndim != 2 else values
        if self.frames is None:
            must = (
                "one row of numbers where no grid is given (`mpisim convert` makes a matrix of an array with a grid; "
                "frames says which axis numbers repetitions)"
            )
            require(values.ndim <= 1, name, must, f"the shape {values.shape}")
            return self._unstacked(np.atleast_1d(values), name)
        require(values.ndim == 2, name, "an array of rows and frames", f"the shape {values.shape}")
        rows = values.T if self.frames == "first" else values
        return self._unstacked(rows, name).T

    def _unstacked(self, rows: np.ndarray, name: str) -> np.ndarray:
        """Return complex rows; of a stacked array the first half is real parts, the second imaginary ones."""
        if not self.stacked:
            return rows
        require(not np.iscomplexobj(rows), name, "real where it is stacked", f"of the type {rows.dtype}")
        half, odd = divmod(len(rows), 2)
        require(odd == 0, name, "of an even number of rows where it is stacked", len(rows))
        return rows[:half] + 1j * rows[half:]
