r"""Measurements of phantoms, simulated on a finer grid than the image's.

The signal of a phantom with the relative concentrations :math:`c` is :math:`y = A_f c_f + n`: the system matrix of the
file's scanner, particle and sample, simulated again on `refine` times as many voxels along x and y, where the
sample fills a (smaller) voxel. The reconstruction, on the file's own grid, then does not meet the model that made its
data (no inverse crime). The noise is complex Gaussian, :math:`20 \log_{10}(\mathrm{RMS}(A_f c_f)/\sigma)` = `snr` dB.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.noise import complex_gaussian, sigma_from_snr
from mpisim.data.schema import VOXEL_DIMS, build, expect
from mpisim.data.views import as_matrix
from mpisim.errors import InputError, decibels, require, seed_number, whole
from mpisim.particles.particle import Particle
from mpisim.scanner.ffl import OpenSidedFFL
from mpisim.simulation.matrix import simulate
from mpisim.simulation.provenance import from_mapping
from mpisim.simulation.sample import Sample
from recon.phantoms import Phantom

__all__ = ["measure"]

_PROVENANCE = {"scanner": OpenSidedFFL, "particle": Particle, "sample": Sample}


def measure(
    fine: xr.Dataset,
    phantom: Phantom,
    snr: float = 30.0,
    seed: int = 0,
    refine: int = 2,
    same_grid: bool = False,
    noiseless: bool = False,
) -> xr.Dataset:
    """Measure a phantom with the scanner of a system matrix.

    Parameters
    ----------
    fine
        A fine system matrix with its provenance, or any fine one with `same_grid`.
    phantom
        Such as `recon.phantoms.tubes()`.
    snr
        RMS of the noise-free data over the complex noise standard deviation, in dB.
    seed
        Of the noise.
    refine
        Voxels of the simulation along each edge of one of the image's.
    same_grid
        Multiply with the matrix itself instead, as a measured one without provenance asks for.
    noiseless
        Add no noise; `noise_std` is then 0.

    Returns
    -------
    xarray.Dataset
        `measurement` over the matrix's rows, `noise_std`, and the truth as `phantom` (y, x): the concentration
        relative to the sample's, times voxel over sample area where these differ.

    Raises
    ------
    InputError
        If the matrix is coarse or lacks its provenance, the phantom is empty on the grid, or a number is out of range.
    """
    expect(fine, "system_matrix", "matrix", stage="fine")
    require(isinstance(phantom, Phantom), "phantom", "a recon.phantoms.Phantom", type(phantom).__name__)
    snr = snr if noiseless else decibels("snr", snr)
    seed, refine = seed_number(seed), whole("refine", refine)
    grid = Grid.of(fine)
    truth = phantom.sample(grid)
    require(bool(np.any(truth != 0)), "phantom", "inside the field of view", f"{phantom.name}, which leaves it empty")
    variable = fine["system_matrix"]
    rows = tuple(str(d) for d in variable.dims if d not in VOXEL_DIMS)
    if same_grid:
        clean = as_matrix(fine).astype(complex) @ truth.ravel()
    else:
        model, filling = _finer(fine, grid, refine)
        clean = as_matrix(model).astype(complex) @ phantom.sample(grid.refined(refine)).ravel()
        truth = truth * filling
    sigma = 0.0 if noiseless else sigma_from_snr(clean, snr)
    noisy = clean + (complex_gaussian(clean.shape, sigma, seed) if sigma > 0 else 0)
    coords = {str(k): v for k, v in fine.coords.items() if not set(VOXEL_DIMS) & set(v.dims)}
    kept = {k: fine.attrs.get(k) for k in (*_PROVENANCE, "grid")}
    made = build(
        "measurement",
        noisy.reshape([variable.sizes[d] for d in rows]),
        rows,
        coords,
        noise_std=sigma,
        units=variable.attrs.get("units", "1"),
        origin="simulated",
        snr=None if noiseless else float(snr),
        seed=seed,
        refine=None if same_grid else refine,
        same_grid=bool(same_grid),
        phantom=phantom.describe(),
        **kept,
    )
    voxels = tuple(d for d in VOXEL_DIMS if d in variable.dims)
    labels = {"units": "1", "long_name": "concentration relative to the sample"}
    return made.assign(phantom=xr.DataArray(truth, {d: fine[d] for d in voxels}, voxels, attrs=labels))


def _finer(fine: xr.Dataset, grid: Grid, refine: int) -> tuple[xr.Dataset, float]:
    """Return the finer system matrix, and the volume of a sample that fills the voxel over that of the file's."""
    made = {name: _description(fine, name, kind) for name, kind in _PROVENANCE.items()}
    sample: Sample = made["sample"]
    filling = math.prod(replace(sample, size=None).edges(grid)) / math.prod(sample.edges(grid))
    model = simulate(made["scanner"], made["particle"], grid.refined(refine), replace(sample, size=None))
    shape, wanted = model["system_matrix"].shape[:2], as_matrix(fine).shape[0]
    require(math.prod(shape) == wanted, "matrix", f"of the {math.prod(shape)} rows that its scanner gives", wanted)
    return model, filling


def _description(fine: xr.Dataset, name: str, kind: type) -> Any:
    values = fine.attrs.get(name)
    if not isinstance(values, dict) or "class" in values:
        found = values["class"] if isinstance(values, dict) else values
        raise InputError(
            f"Input matrix must be of a simulated ideal scanner whose {name} its attributes describe, or "
            f"be measured with same_grid (--same-grid); instead received the {name} {found!r}."
        )
    return from_mapping(kind, values, name)
