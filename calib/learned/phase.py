r"""The phases of a matrix' harmonics against those of an ideal scanner.

A network learns from ideal rows, which are real or imaginary, with a sign that depends on the harmonic, and tells
harmonics by it. On a real scanner relaxation and the receive chain multiply harmonic k by a complex gain of any phase,
which is the same for all angles. The network then meets rows that it has never seen: at 4x a phase of 45 degrees on an
otherwise ideal matrix makes the error of the bundled `transms` eleven times as large. The phase is

.. math:: \varphi_k = \arg \sum_{\theta, r} b_k(r, \theta)\, \overline{a_k(r, \theta)}

with the block means b and those, a, of an ideal scanner with the same voxels, angles and harmonics. Its gradient and
particles do not matter: profiles of the same harmonic have the same signs. Divided by these phases, the rows are what
the network knows, but for what else is not ideal; the result is multiplied by them again. Noise of 33.7 dB moves a
phase by less than a tenth of a degree on the protocol's matrices at 4x.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache

import numpy as np
import xarray as xr

from mpisim.data.angles import look_like_degrees
from mpisim.data.grid import Grid
from mpisim.data.views import noise_known, noise_like, row_dims
from mpisim.particles.particle import Particle
from mpisim.scanner.ffl import open_sided_ffl
from mpisim.simulation.matrix import simulate

__all__ = ["row_phases", "turned"]

_STEEPNESS, _DIAMETER = 0.7 * 0.032, 25e-9  # gradient times field of view in T, and m, of the ideal scanner
_SMALLEST, _SIGMAS = 0.02, 4.0  # rad, and standard deviations, from which a phase counts
_ORDER = ("angle", "frequency", "y", "x")


def row_phases(matrix: xr.Dataset) -> np.ndarray:
    """Return the phase of every row's harmonic as a complex number of magnitude 1, shape (row,).

    It is exactly 1 for phases that are below .02 rad or hidden by the noise, as on ideal scanners. It is 1 too where
    there is no ideal scanner to compare with (a matrix without angles or harmonics, or a volume, or values that are no
    means over voxels), and for rows of zeros.
    """
    values = matrix["system_matrix"]
    count = int(np.prod([values.sizes[d] for d in row_dims(matrix)], initial=1))
    if not _comparable(matrix):
        return np.ones(count, complex)
    angles, harmonics = (tuple(matrix[name].values.tolist()) for name in ("angle", "harmonic"))
    first = values.variable.isel(y=0, x=0)
    ideal = xr.Variable(_ORDER, _ideal(Grid.of(matrix), angles, harmonics))
    sums = (values.variable * ideal.conj()).sum(("angle", "y", "x"))
    spread = xr.Variable(sums.dims, _significant(sums.values, _noise(matrix, ideal, sums.dims)))
    everywhere = spread * xr.ones_like(first).astype(complex)
    return np.asarray(everywhere.transpose(*first.dims).values.ravel())


def _noise(matrix: xr.Dataset, ideal: xr.Variable, dims: tuple[Hashable, ...]) -> np.ndarray:
    """Return the deviation of the sums across their direction that the noise makes."""
    first = matrix["system_matrix"].isel(y=0, x=0, drop=True)
    level = noise_like(matrix, first) if noise_known(matrix) else np.zeros(first.shape)
    energy = (abs(ideal) ** 2).sum(("y", "x")) * xr.Variable(first.dims, level**2) / 2
    return np.asarray(energy.sum("angle").transpose(*dims).values ** 0.5)


def _significant(sums: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return the phases of sums as numbers of magnitude 1; 1 where the noise hides them, or they are too small."""
    phase, size = np.angle(sums), np.abs(sums)
    least = np.maximum(_SMALLEST * size, _SIGMAS * noise)
    noticed = (size > 0) & (size > 2 * _SIGMAS * noise) & (np.abs(phase) * size > least)
    return np.where(noticed, np.exp(1j * phase), 1)


def turned(matrix: xr.Dataset, phases: np.ndarray) -> xr.Dataset:
    """Return a matrix whose rows are multiplied by complex numbers (row,)."""
    values = matrix["system_matrix"]
    factors = phases.reshape(*(values.sizes[d] for d in row_dims(matrix)), 1, 1).astype(values.dtype)
    return matrix.assign(system_matrix=values.copy(data=values.values * factors))


def _comparable(matrix: xr.Dataset) -> bool:
    dims = matrix["system_matrix"].dims
    means = matrix.attrs.get("sampling", {}).get("scheme", "box") == "box"
    known = set(_ORDER) <= set(dims) and "z" not in dims and {"angle", "harmonic"} <= set(matrix.coords)
    return means and known and not look_like_degrees(matrix["angle"].values)


@lru_cache(maxsize=4)
def _ideal(grid: Grid, angles: tuple[float, ...], harmonics: tuple[int, ...]) -> np.ndarray:
    """Rows of an ideal scanner, in the order of `_ORDER`."""
    fov = max(grid.fov[:2])
    scanner = open_sided_ffl(_STEEPNESS / fov, fov, angles, harmonics=harmonics)
    return np.asarray(simulate(scanner, Particle(_DIAMETER), grid)["system_matrix"].values)
