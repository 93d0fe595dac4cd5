"""Families made from matrices: gains taken out, symmetry seen, bases found (`calib.methods.linear_bayes.family`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import xarray as xr

from calib.methods.linear_bayes.family import (
    Family,
    Place,
    angles_of,
    as_array,
    frequencies_of,
    places_of,
    reflections_of,
)
from calib.methods.linear_bayes.reflections import Turns
from mpisim.data.grid import Grid
from mpisim.data.schema import expect
from mpisim.errors import require

__all__ = ["RANK", "family_of"]

RANK = 48
"""Vectors of a basis, at most."""
_REAL = 1e-3  # share of the energy of imaginary parts below which rows are real
_SYMMETRIC = 0.05  # RMS of the mean's change by a reflection, over its RMS, up to which a family is symmetric
_SAMPLES = 600  # rows that a basis is made from, at most
_NEGLIGIBLE = 1e-9  # share of the energy of a row below which a vector is left out


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
    grid, angles = Grid.of(first), angles_of(first)
    strength = np.sqrt(np.mean(np.abs(values) ** 2, axis=(1, 3, 4), dtype=float))
    values /= strength[:, None, :, None, None]
    squares = np.einsum("nahyx,nahyx->h", values, values, optimize=True)
    values *= np.exp(-0.5j * np.angle(squares))[None, None, :, None, None].astype(np.complex64)
    real = float(np.mean(values.imag**2)) < _REAL
    stacked = values.real[:, :, :, None] if real else np.stack([values.real, values.imag], axis=3)
    parity = _parity(stacked.mean(0), angles, grid)
    turns = reflections_of(angles, grid, parity.size > 0)
    places = places_of(turns, stacked.shape[1])
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
    same = np.allclose(angles_of(matrix), angles_of(first), atol=1e-6)
    require(same, name, "of the angles of the others", "other angles")
    grids = (Grid.of(matrix), Grid.of(first))
    same = np.allclose(grids[0].fov + grids[0].center, grids[1].fov + grids[1].center, rtol=1e-6, atol=1e-9)
    require(same, name, "of the voxels of the others", "another field of view")


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
    for turns in reflections_of(angles, grid, True):
        reflected = (
            turns.reflection.rows(mean[turns.source]) * np.where(turns.odd[:, None], parity, 1)[..., None, None, None]
        )
        if float(np.sqrt(np.mean((reflected - mean) ** 2))) > _SYMMETRIC * size:
            return np.zeros(0)
    return parity


def _bases(values: np.ndarray, basis: int, turns: Sequence[Turns], parity: np.ndarray, rank: int) -> np.ndarray:
    """Return the basis (frequency, rank, vector) of the first angle that has this one."""
    places = places_of(turns, values.shape[1])
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
