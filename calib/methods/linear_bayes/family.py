r"""A family of known matrices in few numbers: rows of unit strength in bases of their own, and their coefficients.

What differs between scanners and says nothing of the form of a row is taken out first: each harmonic of a matrix is
divided by its complex gain, the RMS and the phase against the mean of the family. Then row r of member s is

.. math:: a_{sr} = \sum_i c_{sri}\, b_{ri},

with the orthonormal eigenvectors :math:`b_{ri}` of the rows' second moments. If all rows are real up to such a phase,
as those of relaxation with constant time are, their imaginary parts have no place in the bases; otherwise a row is the
vector of its real and imaginary parts.

Where the members are those of a line that turns, reflected members (`calib.methods.linear_bayes.reflections`) are
members, too: up to eight times as many. Whether the family has this symmetry is seen from its mean. Rows whose angles
are reflections of each other then share one basis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import xarray as xr

from calib.methods.linear_bayes.reflections import IDENTITY, Reflection, Turns, closed_reflections
from mpisim.data.grid import Grid
from mpisim.data.views import as_images, row_dims

__all__ = ["Family", "Place", "angles_of", "as_array", "frequencies_of", "places_of", "reflections_of"]


class Place(NamedTuple):
    """The basis of a row: number of the basis, reflection and whether the parity counts."""

    basis: int
    reflection: Reflection
    odd: bool


@dataclass(frozen=True, eq=False)
class Family:
    """Known matrices, each harmonic divided by its gain.

    Parameters
    ----------
    coefficients
        c, (member, angle, frequency, rank). Rows without angles have one angle.
    bases
        b, (basis, frequency, rank, channel * y * x); orthonormal rows. One channel for real rows, otherwise two.
    grid
        The fine voxels.
    angles
        Angles in rad, empty where there are none.
    frequencies
        The values of `row_names` along the frequencies: harmonics, or frequencies in Hz, or numbers.
    parity
        1 or -1 for every frequency if the family has reflections, else empty.
    left
        Share of the energy of rows that the bases leave, (frequency,).
    about
        What the members are, for metadata.
    """

    coefficients: np.ndarray
    bases: np.ndarray
    grid: Grid
    angles: np.ndarray
    frequencies: np.ndarray
    parity: np.ndarray
    left: np.ndarray
    about: Mapping[str, object] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """Voxels along y and x."""
        return self.grid.shape[1], self.grid.shape[0]

    @property
    def members(self) -> int:
        """Number of matrices, without reflected ones."""
        return len(self.coefficients)

    @property
    def channels(self) -> int:
        """1 for real rows, 2 for complex ones."""
        return int(self.bases.shape[-1] // np.prod(self.shape))

    @cached_property
    def turns(self) -> list[Turns]:
        """The reflections of the family, the identity first."""
        return reflections_of(self.angles, self.grid, self.parity.size > 0)

    @cached_property
    def places(self) -> list[Place]:
        """The basis of every angle."""
        return places_of(self.turns, self.coefficients.shape[1])

    def sign(self, odd: bool | np.ndarray) -> np.ndarray:
        """Return the parities (frequency,) where `odd`, else ones."""
        return np.where(odd, self.parity, 1.0) if self.parity.size else np.ones(len(self.frequencies))

    def images(self, rows: np.ndarray) -> np.ndarray:
        """Return vectors (..., channel * y * x) as images (..., channel, y, x)."""
        return rows.reshape(*rows.shape[:-1], self.channels, *self.shape)

    def samples(self, angle: int) -> np.ndarray:
        """Return the coefficients of all members and reflected ones at an angle, (member, frequency, rank)."""
        parts = []
        for turns in self.turns:
            source = int(turns.source[angle])
            sign = self.sign(turns.odd[angle]) * self.sign(self.places[source].odd) * self.sign(self.places[angle].odd)
            found = self.coefficients[:, source] * sign[:, None].astype(np.float32)
            change = self._change(turns.reflection, source, angle)
            parts.append(found if change is None else np.einsum("nhr,hrq->nhq", found, change, optimize=True))
        return np.concatenate(parts)

    def _change(self, reflection: Reflection, source: int, angle: int) -> np.ndarray | None:
        """Return the matrices (frequency, rank, rank) to the basis of an angle from a reflected one; None for ones."""
        start, end = self.places[source], self.places[angle]
        numbers = np.arange(np.prod(self.shape)).reshape(self.shape)
        moved = end.reflection.back(reflection.rows(start.reflection.rows(numbers)))
        if np.array_equal(moved, numbers):
            return None
        known: dict[tuple[int, bytes], np.ndarray] = self.__dict__.setdefault("_changes", {})
        key = (start.basis, moved.tobytes())
        if key not in known:
            basis = self.images(self.bases[start.basis])
            flat = basis.reshape(*basis.shape[:-2], -1)[..., moved.ravel()].reshape(self.bases[start.basis].shape)
            known[key] = np.einsum("hrv,hqv->hrq", flat, self.bases[start.basis], optimize=True)
        return known[key]

    def fine_rows(self, angle: int, coefficients: np.ndarray) -> np.ndarray:
        """Return rows (frequency, channel, y, x) of coefficients (frequency, rank) in the basis of an angle."""
        place = self.places[angle]
        rows = self.images(np.einsum("hr,hrv->hv", coefficients, self.bases[place.basis], optimize=True))
        return place.reflection.rows(rows) * self.sign(place.odd)[:, None, None, None]


def as_array(matrix: xr.Dataset) -> np.ndarray:
    """Return the rows of a matrix of one coil as (angle, frequency, y, x); rows without angles have one angle.

    Values at positions are images one value high.
    """
    rows = as_images(matrix)
    lead = (matrix.sizes["angle"],) if row_dims(matrix) == ("angle", "frequency") else (1,)
    return rows.reshape(*lead, -1, *rows.shape[-2:])


def frequencies_of(matrix: xr.Dataset, count: int) -> np.ndarray:
    """Return what tells the frequencies of a matrix apart: harmonics, else frequencies in Hz, else their numbers."""
    if row_dims(matrix)[-1:] == ("frequency",):
        for name in ("harmonic", "frequency"):
            if name in matrix.coords and matrix[name].size == count:
                return np.asarray(matrix[name].values, dtype=float)
    return np.arange(count, dtype=float)


def angles_of(matrix: xr.Dataset) -> np.ndarray:
    """Return the angles of a matrix in rad; none where its rows are not those of angles and frequencies."""
    with_angles = row_dims(matrix) == ("angle", "frequency") and "angle" in matrix.coords
    return np.asarray(matrix["angle"].values, dtype=float) if with_angles else np.zeros(0)


def reflections_of(angles: np.ndarray, grid: Grid, symmetric: bool) -> list[Turns]:
    """Return the reflections of a family's rows, the identity first; only that one unless `symmetric`."""
    if not symmetric:
        count = max(1, angles.size)
        return [Turns(IDENTITY, np.arange(count), np.zeros(count, bool))]
    square = abs(grid.voxel[0] / grid.voxel[1] - 1) < 1e-6
    return closed_reflections(angles, (grid.shape[1], grid.shape[0]), square)


def places_of(turns: Sequence[Turns], angles: int) -> list[Place]:
    """Return the basis of each of some angles, given the reflections: reflected angles share one."""
    found: list[Place | None] = [None] * angles
    count = 0
    for a in range(angles):
        if found[a] is None:
            for t in turns:
                (target,) = np.nonzero(t.source == a)
                if found[target[0]] is None:
                    found[target[0]] = Place(count, t.reflection, bool(t.odd[target[0]]))
            count += 1
    return [place for place in found if place is not None]
