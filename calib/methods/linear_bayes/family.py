r"""A family of known matrices in few numbers: rows of unit strength in bases of their own, and their coefficients.

What differs between scanners and says nothing of the form of a row is taken out first: each harmonic of a matrix is
divided by its complex gain, the RMS and the phase against the mean of the family. Then row r of member s is

.. math:: a_{sr} = \sum_i c_{sri}\, b_{ri},

with the orthonormal eigenvectors :math:`b_{ri}` of the rows' second moments. If all rows are real up to such a phase, as
those of relaxation with constant time are, their imaginary parts have no place in the bases; otherwise a row is the
vector of its real and imaginary parts.

Where the members are those of a line that turns, reflected members (`calib.methods.linear_bayes.reflections`) are
members, too: up to eight times as many. Whether the family has this symmetry is seen from its mean. Rows whose angles
are reflections of each other then share one basis.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import xarray as xr

from calib.methods.linear_bayes.reflections import IDENTITY, Reflection, Turns, closed_reflections
from mpisim.data.grid import Grid
from mpisim.data.schema import expect
from mpisim.errors import require

__all__ = ["Family", "Place", "as_array", "family_of"]

RANK = 48
"""Vectors of a basis, at most."""
_REAL = 1e-3  # share of the energy of imaginary parts below which rows are real
_SYMMETRIC = 0.05  # RMS of the mean's change by a reflection, over its RMS, up to which a family is symmetric
_SAMPLES = 600  # rows that a basis is made from, at most
_NEGLIGIBLE = 1e-9  # share of the energy of a row below which a vector is left out


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
        return _reflections(self.angles, self.grid, self.parity.size > 0)

    @cached_property
    def places(self) -> list[Place]:
        """The basis of every angle."""
        return _places(self.turns, self.coefficients.shape[1])

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
    """Return the rows of a matrix of one coil as (angle, frequency, y, x); rows without angles have one angle."""
    values = matrix["system_matrix"]
    if values.dims == ("angle", "frequency", "y", "x"):
        return np.asarray(values.values)
    return np.asarray(values.values).reshape(1, -1, *values.shape[-2:])


def family_of(matrices: Iterable[xr.Dataset], rank: int = RANK, about: Mapping[str, object] | None = None) -> Family:
    """Return the family of some fine matrices.

    Parameters
    ----------
    matrices
        Fine system matrices of one receive coil with the same voxels, angles and frequencies; at least three.
    rank
        Vectors of a basis, at most.
    about
        What the members are, for metadata.

    Raises
    ------
    InputError
        If there are fewer than three, they differ in their rows or voxels, or one is zero or has several coils.
    """
    values, first = _aligned(matrices)
    grid, angles = Grid.of(first), _angles_of(first)
    strength = np.sqrt(np.mean(np.abs(values) ** 2, axis=(1, 3, 4), dtype=float))
    values /= strength[:, None, :, None, None]
    squares = np.einsum("nahyx,nahyx->h", values, values, optimize=True)
    values *= np.exp(-0.5j * np.angle(squares))[None, None, :, None, None].astype(np.complex64)
    real = float(np.mean(values.imag**2)) < _REAL
    stacked = values.real[:, :, :, None] if real else np.stack([values.real, values.imag], axis=3)
    parity = _parity(stacked.mean(0), angles, grid)
    turns = _reflections(angles, grid, parity.size > 0)
    places = _places(turns, stacked.shape[1])
    bases = np.stack([_bases(stacked, c, turns, parity, rank) for c in range(_count(places))])
    coefficients = np.empty((*stacked.shape[:3], bases.shape[2]), np.float32)
    left = np.zeros(stacked.shape[2])
    for a, place in enumerate(places):
        rows = place.reflection.back(stacked[:, a]).reshape(len(stacked), stacked.shape[2], -1)
        if place.odd:
            rows = rows * parity[:, None].astype(np.float32)
        coefficients[:, a] = np.einsum("nhv,hrv->nhr", rows, bases[place.basis], optimize=True)
        left += np.mean(rows**2, axis=(0, 2)) - np.sum(coefficients[:, a] ** 2, axis=2).mean(0) / rows.shape[-1]
    frequencies = frequencies_of(first, stacked.shape[2])
    return Family(
        coefficients,
        bases,
        grid,
        angles,
        frequencies,
        parity,
        left.clip(min=0) / len(places),
        dict(about or {}),
    )


def frequencies_of(matrix: xr.Dataset, count: int) -> np.ndarray:
    """Return what tells the frequencies of a matrix apart: harmonics, else frequencies in Hz, else their numbers."""
    if matrix["system_matrix"].dims[-3:-2] == ("frequency",):
        for name in ("harmonic", "frequency"):
            if name in matrix.coords and matrix[name].size == count:
                return np.asarray(matrix[name].values, dtype=float)
    return np.arange(count, dtype=float)


def _angles_of(matrix: xr.Dataset) -> np.ndarray:
    with_angles = matrix["system_matrix"].dims == ("angle", "frequency", "y", "x") and "angle" in matrix.coords
    return np.asarray(matrix["angle"].values, dtype=float) if with_angles else np.zeros(0)


def _aligned(matrices: Iterable[xr.Dataset]) -> tuple[np.ndarray, xr.Dataset]:
    """Return all rows, complex (member, angle, frequency, y, x), in phase with their mean, and the first matrix."""
    found: list[np.ndarray] = []
    first: xr.Dataset | None = None
    for number, matrix in enumerate(matrices):
        expect(matrix, "system_matrix", f"matrix {number} of the prior", stage="fine")
        require("receive" not in matrix["system_matrix"].dims, "prior", "of matrices of one coil", "several coils")
        require("z" not in matrix["system_matrix"].dims, "prior", "of matrices in a plane", "volumes")
        rows = as_array(matrix).astype(np.complex64)
        if first is None:
            first, total = matrix.drop_vars("system_matrix").assign(system_matrix=matrix["system_matrix"]), rows.copy()
        else:
            _same(matrix, first, number)
        powers = np.sum(np.abs(rows) ** 2, axis=(0, 2, 3))
        require(bool(np.all(powers > 0)), f"matrix {number} of the prior", "nonzero at all frequencies", "rows of zero")
        size = np.sqrt(powers / rows[:, 0].size)
        towards = np.sum(rows * total.conj(), axis=(0, 2, 3))
        rows *= (np.exp(-1j * np.angle(towards)) / size)[None, :, None, None].astype(np.complex64)
        total = rows.copy() if number == 0 else total + rows
        found.append(rows)
    require(len(found) >= 3, "prior", "at least three matrices", f"{len(found)}")
    assert first is not None
    return np.stack(found), first


def _same(matrix: xr.Dataset, first: xr.Dataset, number: int) -> None:
    name, values = f"matrix {number} of the prior", matrix["system_matrix"]
    require(values.dims == first["system_matrix"].dims, name, f"of the rows {first['system_matrix'].dims}", values.dims)
    require(
        values.shape == first["system_matrix"].shape, name, f"of shape {first['system_matrix'].shape}", values.shape
    )
    same = np.allclose(_angles_of(matrix), _angles_of(first), atol=1e-6)
    require(same, name, "of the angles of the others", "other angles")
    grids = (Grid.of(matrix), Grid.of(first))
    same = np.allclose(grids[0].fov + grids[0].center, grids[1].fov + grids[1].center, rtol=1e-6, atol=1e-9)
    require(same, name, "of the voxels of the others", "another field of view")


def _reflections(angles: np.ndarray, grid: Grid, symmetric: bool) -> list[Turns]:
    if not symmetric:
        count = max(1, angles.size)
        return [Turns(IDENTITY, np.arange(count), np.zeros(count, bool))]
    square = abs(grid.voxel[0] / grid.voxel[1] - 1) < 1e-6
    return closed_reflections(angles, (grid.shape[1], grid.shape[0]), square)


def _places(turns: Sequence[Turns], angles: int) -> list[Place]:
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


def _count(places: Sequence[Place]) -> int:
    return 1 + max(place.basis for place in places)


def _parity(mean: np.ndarray, angles: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the parity of every frequency if the mean (angle, frequency, channel, y, x) has reflections, else none."""
    centred = max(abs(c) for c in grid.center[:2]) < 1e-3 * min(grid.voxel[:2])
    if angles.size < 2 or not centred:
        return np.zeros(0)
    turned = np.sum(mean * mean[..., ::-1, ::-1], axis=(0, 2, 3, 4))  # the half turn of a ridge is its parity
    parity = np.where(turned < 0, -1.0, 1.0)
    size = float(np.sqrt(np.mean(mean**2)))
    for turns in _reflections(angles, grid, True):
        reflected = turns.reflection.rows(mean[turns.source]) * np.where(turns.odd[:, None], parity, 1)[..., None, None, None]
        if float(np.sqrt(np.mean((reflected - mean) ** 2))) > _SYMMETRIC * size:
            return np.zeros(0)
    return parity


def _bases(values: np.ndarray, basis: int, turns: Sequence[Turns], parity: np.ndarray, rank: int) -> np.ndarray:
    """Return the basis (frequency, rank, vector) of the first angle that has this one."""
    places = _places(turns, values.shape[1])
    angle = next(a for a, place in enumerate(places) if place.basis == basis)
    rng = np.random.default_rng(basis)
    picked = [(t, s) for t in range(len(turns)) for s in range(len(values))]
    if len(picked) > _SAMPLES:
        picked = [picked[i] for i in np.sort(rng.choice(len(picked), _SAMPLES, replace=False))]
    rows = np.empty((len(picked), *values.shape[2:]), np.float32)
    for i, (t, s) in enumerate(picked):
        sign = parity if turns[t].odd[angle] else np.ones(values.shape[2])
        rows[i] = turns[t].reflection.rows(values[s, turns[t].source[angle]]) * sign[:, None, None, None]
    found = []
    for h in range(values.shape[2]):
        flat = rows[:, h].reshape(len(rows), -1)
        found.append(_eigenvectors(flat, min(rank, *flat.shape)))
    return np.stack(found)


def _eigenvectors(rows: np.ndarray, rank: int) -> np.ndarray:
    """Return the orthonormal vectors (rank, v) along which rows (n, v) have most energy, zeros where there is none."""
    if rows.shape[0] < rows.shape[1]:
        power, vectors = np.linalg.eigh((rows @ rows.T).astype(float))
        power, vectors = power[::-1][:rank], vectors[:, ::-1][:, :rank]
        kept = power > _NEGLIGIBLE * power[0]
        basis = (vectors.T @ rows) * (kept / np.sqrt(np.where(kept, power, 1)))[:, None]
    else:
        power, vectors = np.linalg.eigh((rows.T @ rows).astype(float))
        power, vectors = power[::-1][:rank], vectors[:, ::-1][:, :rank]
        basis = vectors.T * (power > _NEGLIGIBLE * power[0])[:, None]
    return basis.astype(np.float32)
