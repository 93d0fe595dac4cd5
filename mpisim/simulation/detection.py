r"""Detection limit: the smallest mass of iron that a scanner sees at a place.

A measurement of n particles in one voxel is :math:`y_k = n s_k + n_k` with the signal of one particle,

.. math:: s_k = \frac{a_k}{N_p}, \qquad E|n_k|^2 = \sigma_k^2,

where :math:`a_k` is the voxel's column of the system matrix, over the number of particles :math:`N_p` of the
calibration sample. The best linear estimate of n is the matched filter (North 1943, Proc. IEEE 51, 1016 (1963), DOI
10.1109/PROC.1963.2383)

.. math:: \hat n = \frac{\mathrm{Re} \sum_k s_k^* y_k / \sigma_k^2}{E}, \qquad E = \sum_k \frac{|s_k|^2}{\sigma_k^2},
          \qquad \mathrm{std}\,\hat n = \frac{1}{\sqrt{2 E}},

since one half of the noise is in phase with the signal. With the mass of iron in a particle :math:`m_{Fe}`, N averages
of the measurement, and the factor f by which the estimate must exceed its standard deviation, the smallest mass is

.. math:: m = \frac{f\,m_{Fe}}{\sqrt{2 N E}} .

By the default, f = 3, an empty voxel exceeds the limit with the probability .0013. A matrix that contains noise itself
has the energy :math:`|a_k|^2 + \sigma_{c,k}^2` in the mean, of which the second part is subtracted. Where a mass fills
several voxels evenly, :math:`a_k` is the mean over these.

Simplified: the place is known and all other voxels are empty. An image of many voxels needs a larger factor, and other
tracer beside the place is a matter of resolution. The background is subtracted exactly, see `mpisim.scanner.stability`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from mpisim.data.grid import Grid
from mpisim.data.schema import POSITION, VOXEL_DIMS, validate
from mpisim.data.views import noise_known, noise_like
from mpisim.errors import positive, require, whole
from mpisim.particles.iron import IRON_FRACTION, MAGNETITE_DENSITY, iron_mass
from mpisim.preprocess.rows import one_of_each_row
from mpisim.preprocess.step import stated
from mpisim.scanner.receive_chain import chain_of
from mpisim.simulation.provenance import from_mapping, particle_from_mapping, scanner_from_mapping
from mpisim.simulation.sample import Sample

__all__ = ["detection_limit", "measurement_noise", "sample_iron_mass"]

_AT_ONCE = 4_000_000  # values of a matrix that are handled together


def detection_limit(
    matrix: xr.Dataset,
    factor: float = 3.0,
    averages: int = 1,
    noise_std: ArrayLike | None = None,
    region: int = 1,
    sample_iron: float | None = None,
) -> xr.DataArray:
    """Return the smallest mass of iron that a measurement detects, for every place of a voxel or a larger region.

    Parameters
    ----------
    matrix
        A fine system matrix: exact, or recorded by `mpisim.record`, or measured.
    factor
        Standard deviations of the matched filter that the mass must exceed.
    averages
        Measurements of the object of which the mean is taken, each as long as those of which the noise is stated.
    noise_std
        Complex noise standard deviation of one measurement, in the unit of the matrix: a number, or one for each
        frequency. By default that of `measurement_noise`.
    region
        Edge in voxels of the square or cube that the mass fills evenly.
    sample_iron
        Iron in the calibration sample in kg; by default that of `sample_iron_mass`. Of a coarse matrix, that of a small
        sample, whose signal its values state.

    Returns
    -------
    xarray.DataArray
        Mass in kg over the centres of the regions; infinite where the matrix holds noise alone.

    Raises
    ------
    InputError
        If the data are no system matrix or contain their background, noise or sample are not known, or a number is out
        of range.
    """
    require(str(validate(matrix, "matrix").attrs["kind"]) == "system_matrix", "matrix", "a system matrix", "other data")
    factor, averages = positive("factor", factor), whole("averages", averages)
    mass = sample_iron_mass(matrix) if sample_iron is None else positive("sample_iron", sample_iron)
    energy = _energy(matrix, _noise(matrix, noise_std), _checked_region(matrix, region))
    with np.errstate(divide="ignore"):
        limit = factor * mass / np.sqrt(2 * averages * np.maximum(energy, 0.0))
    attributes = {"units": "kg", "factor": factor, "averages": averages, "region": region}
    return limit.assign_attrs(attributes).rename("detection_limit")


def sample_iron_mass(
    matrix: xr.Dataset, density: float = MAGNETITE_DENSITY, iron_fraction: float = IRON_FRACTION
) -> float:
    """Return the mass of iron in kg of the sample whose signal the values of a simulated system matrix are.

    Parameters
    ----------
    matrix
        A simulated system matrix, whose attributes state particle, sample and grid.
    density
        Density of the cores in kg/m^3.
    iron_fraction
        Mass fraction of iron in the cores.

    Raises
    ------
    InputError
        If the matrix does not state them, or a number is out of range.
    """
    known = all(isinstance(matrix.attrs.get(key), Mapping) for key in ("particle", "sample", "grid"))
    must = "simulated, with particle, sample and grid (or state sample_iron, the iron in the calibration sample)"
    require(known, "matrix", must, "a matrix without them")
    particle = particle_from_mapping(matrix.attrs["particle"])
    grid = from_mapping(Grid, matrix.attrs["grid"], "grid")
    sample = from_mapping(Sample, matrix.attrs["sample"], "sample")
    return sample.particles(grid) * iron_mass(particle, density, iron_fraction)


def measurement_noise(matrix: xr.Dataset) -> xr.DataArray:
    """Return the complex noise standard deviation of one measurement, in the unit of a system matrix.

    It is the noise that a fine matrix states, or a coarse one that was recorded with a large sample, times the signal
    of this sample by which its values were divided. An exact matrix, and a coarse one of means, have that of their
    scanner's receive chain.

    Raises
    ------
    InputError
        If the noise must come from a receive chain, and the scanner has none or the rows were preprocessed; or if a
        fine matrix does not state its noise.
    """
    require(noise_known(matrix), "noise_std", "given for a matrix that does not state its noise", "none")
    recorded = matrix.attrs.get("recorded")
    signal = float(recorded["signal"]) if isinstance(recorded, Mapping) else 1.0
    of_means = matrix.attrs.get("stage") == "coarse" and signal == 1
    if "noise_std" in matrix and bool(np.any(matrix["noise_std"].values)) and not of_means:
        return matrix["noise_std"] * signal
    described = matrix.attrs.get("scanner")
    chain = chain_of(scanner_from_mapping(described)) if isinstance(described, dict) else None
    good = chain is not None and chain.is_noisy and "frequency" in matrix.coords
    must = "given for a matrix that is exact or of means, and whose scanner has no receive chain with noise"
    require(good, "noise_std", must, "none")
    state = stated(matrix)
    as_received = not state.get("steps") and state.get("transfer_function") != "divided out"
    require(as_received, "noise_std", "given for a preprocessed matrix that is exact or of means", "none")
    assert chain is not None
    frequencies = np.atleast_1d(matrix["frequency"].values).astype(float)
    return xr.DataArray(chain.noise_std(frequencies).reshape(matrix["frequency"].shape), dims=matrix["frequency"].dims)


def _checked_region(matrix: xr.Dataset, region: int) -> int:
    """Return the edge of a region; refuse one that is larger than the grid."""
    edge = whole("region", region)
    sizes = [matrix.sizes[d] for d in VOXEL_DIMS if d in matrix["system_matrix"].dims] or [1]
    require(edge <= min(sizes), "region", f"at most {min(sizes)} voxels", edge)
    return edge


def _noise(matrix: xr.Dataset, noise_std: ArrayLike | None) -> np.ndarray:
    """Return the noise of one measurement for one value of each row; refuse a background that is still there."""
    require(not _has_background(matrix), "matrix", "after its background was subtracted", "one before")
    like = one_of_each_row(matrix)
    if noise_std is None:
        noise = measurement_noise(matrix)
    else:
        given = np.asarray(noise_std, dtype=float)
        count = matrix.sizes.get("frequency", 1)
        require(given.shape in ((), (count,)), "noise_std", f"a number or {count}, one a frequency", given.shape)
        noise = xr.DataArray(given, dims=("frequency",)[: given.ndim])
    good = bool(np.all(np.isfinite(noise)) and np.all(noise > 0))
    require(good, "noise_std", "positive everywhere", "others")
    return np.asarray(noise.broadcast_like(like).transpose(*like.dims).values, dtype=float).reshape(-1)


def _has_background(matrix: xr.Dataset) -> bool:
    """Return whether the rows still contain frames of an empty scanner, or a feedthrough that was recorded."""
    if stated(matrix).get("background") in ("subtracted", "corrected before"):
        return False
    described = matrix.attrs.get("scanner")
    if "recorded" not in matrix.attrs or not isinstance(described, dict):
        return "background" in matrix
    chain = chain_of(scanner_from_mapping(described))
    return "background" in matrix or (chain is not None and chain.feedthrough is not None)


def _energy(matrix: xr.Dataset, noise: np.ndarray, region: int) -> xr.DataArray:
    """Return the energy of the calibration sample's signal over the noise (row,), without that of its own noise."""
    variable = matrix["system_matrix"]
    inner = [d for d in variable.dims if d in (*VOXEL_DIMS, POSITION)]
    require(region == 1 or POSITION not in inner, "region", "1 for a matrix at positions", region)
    rows = variable.transpose(*(d for d in variable.dims if d not in inner), *inner).values
    rows = rows.reshape(-1, *rows.shape[len(variable.dims) - len(inner) :])
    own = noise_like(matrix, one_of_each_row(matrix)).reshape(-1) if noise_known(matrix) else np.zeros(len(rows))
    count = region ** len(inner)
    found: np.ndarray | float = 0.0
    block = max(1, _AT_ONCE // max(1, rows[0].size))
    for start in range(0, len(rows), block):
        part = slice(start, start + block)
        size = np.abs(_means(rows[part], region)).astype(float)
        found = found + np.sum((size.T / noise[part]).T ** 2, axis=0)
    found = np.asarray(found - np.sum((own / noise) ** 2) / count)
    coords = {d: _means(matrix[d].values[None].astype(float), region)[0] for d in inner if d in matrix.indexes}
    return xr.DataArray(found, dims=inner, coords=coords)


def _means(values: np.ndarray, region: int) -> np.ndarray:
    """Return means over windows of `region` values along every axis but the first."""
    if region == 1:
        return values
    axes = tuple(range(1, values.ndim))
    windows = sliding_window_view(values, (region,) * len(axes), axis=axes)
    return np.asarray(windows.mean(axis=tuple(range(-len(axes), 0))))
