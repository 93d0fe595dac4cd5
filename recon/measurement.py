r"""Measurements of phantoms, simulated on a finer grid than that of the image.

The signal of a phantom with the relative concentrations :math:`c` is :math:`y = A_f c_f + n`. Here :math:`A_f` is the
system matrix of the scanner, particle and sample that a file describes, simulated on `refine` times as many voxels
along x and y, where a box fills the smaller voxel. The reconstruction on the grid of the file therefore never uses
the model that simulated its data (no inverse crime). The noise is complex Gaussian,
:math:`20 \log_{10}(\mathrm{RMS}(A_f c_f)/\sigma)` = `snr` dB.

Imperfections of the scanner and of the particles are simulated again, errors that were drawn for each angle with the
same values: the phantom is measured as the calibration was. The shape of the calibration's sample, its
misalignment and its jitter are not: a phantom stands in the scanner's coordinates. An image that is made with a matrix
whose calibration was off by :math:`t` therefore shows the phantom displaced by :math:`-t`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping
from typing import TypeVar

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.noise import complex_gaussian, sigma_from_snr
from mpisim.data.schema import VOXEL_DIMS, build, expect
from mpisim.data.units import unit_of
from mpisim.data.views import as_matrix
from mpisim.errors import decibels, require, seed_number, warn, whole
from mpisim.memory import require_memory
from mpisim.particles.table import PARTICLES
from mpisim.preprocess.receive import DivideTransfer
from mpisim.preprocess.step import stated, with_state
from mpisim.scanner.table import SCANNERS
from mpisim.simulation.matrix import simulate
from mpisim.simulation.provenance import from_mapping, particle_from_mapping, scanner_from_mapping
from mpisim.simulation.sample import Sample
from recon.phantoms import Phantom

__all__ = ["measure"]

T = TypeVar("T")
_ROWS_AT_ONCE = 64
_COPIES = 1.5  # of the finer matrix in memory while it is simulated


def measure(
    fine: xr.Dataset,
    phantom: Phantom,
    snr: float = 30.0,
    seed: int = 0,
    refine: int = 2,
    same_grid: bool = False,
    noiseless: bool = False,
    frames: int | None = None,
) -> xr.Dataset:
    """Measure a phantom with the scanner of a system matrix.

    Parameters
    ----------
    fine
        A fine system matrix with its provenance; with `same_grid` any fine system matrix.
    phantom
        A phantom such as `recon.phantoms.tubes()`.
    snr
        RMS of the noise-free data over the complex noise standard deviation, in dB.
    seed
        Seed of the noise.
    refine
        Number of simulated voxels along each edge of a voxel of the image.
    same_grid
        Multiply with the matrix itself instead, as needed for a measured matrix without provenance.
    noiseless
        Add no noise; `noise_std` is then 0.
    frames
        Number of frames: repetitions whose noise is independent. None measures once, without the dimension `frame`.

    Returns
    -------
    xarray.Dataset
        `measurement` ([frame,] then the matrix's rows: angle, receive channel, frequency), `noise_std`, and the truth
        as `phantom` ([z,] y, x): the concentration relative to the sample's, times the volume of the voxel over that of
        the sample where these differ. The unit is V, or that of the matrix with `same_grid`. A phantom that is larger
        than the field of view is cut off, and a `DataWarning` states the share.

    Raises
    ------
    InputError
        If the matrix is coarse or lacks its provenance, the phantom is empty on the grid, a number is out of range, or
        the simulation needs more memory than `mpisim.memory` allows.
    """
    expect(fine, "system_matrix", "matrix", stage="fine")
    require(isinstance(phantom, Phantom), "phantom", "a recon.phantoms.Phantom", type(phantom).__name__)
    snr = snr if noiseless else decibels("snr", snr)
    seed, refine = seed_number(seed), whole("refine", refine)
    count = None if frames is None else whole("frames", frames)
    grid = Grid.of(fine)
    truth = phantom.sample(grid)
    require(bool(np.any(truth != 0)), "phantom", "inside the field of view", f"{phantom.name}, which leaves it empty")
    _say_what_is_cut_off(phantom, grid)
    unit = unit_of(fine)
    if same_grid:
        _say_what_is_no_signal(fine)
        clean = _signal(as_matrix(fine), truth)
    else:
        model, filling = _finer(fine, grid, refine)
        clean = _signal(as_matrix(model), phantom.sample(grid.refined(refine)))
        truth, unit = truth * filling, unit_of(model)
    sigma = 0.0 if noiseless else sigma_from_snr(clean, snr)
    shape = clean.shape if count is None else (count, *clean.shape)
    noisy = np.broadcast_to(clean, shape) + (complex_gaussian(shape, sigma, seed) if sigma > 0 else 0)
    origin = {
        "snr": None if noiseless else float(snr),
        "seed": seed,
        "refine": None if same_grid else refine,
        "same_grid": bool(same_grid),
        "phantom": phantom.describe(),
    }
    y = _dataset(fine, noisy, sigma, unit, origin).assign(phantom=_as_image(truth, fine))
    return _with_transfer(y, fine if same_grid else model)


def _say_what_is_no_signal(fine: xr.Dataset) -> None:
    """Warn of a matrix with a background, which is that of every voxel and would be summed with the signal."""
    if "background" in fine and stated(fine).get("background") not in ("subtracted", "corrected before"):
        warn(
            "The matrix still contains the background, and the measurement then contains it as often as there are "
            "voxels with tracer: subtract it before (`mpisim preprocess`)."
        )


def _signal(matrix: np.ndarray, concentration: np.ndarray) -> np.ndarray:
    """Return the product of a matrix (row, voxel) and a concentration in double precision, some rows at a time."""
    blocks = (matrix[i : i + _ROWS_AT_ONCE] for i in range(0, len(matrix), _ROWS_AT_ONCE))
    return np.concatenate([block.astype(complex) @ concentration.ravel() for block in blocks])


def _say_what_is_cut_off(phantom: Phantom, grid: Grid) -> None:
    """Warn of a phantom that is larger than the field of view."""
    share = phantom.share_outside(grid)
    if share > 1e-6:
        edges = " x ".join(f"{1e3 * length:g}" for length in grid.fov[:2])
        warn(
            f"{100 * share:.2g} % of the tracer of phantom {phantom.name} lies outside the field of view of {edges} mm "
            "and is cut off: what is measured is the rest."
        )


def _dataset(fine: xr.Dataset, values: np.ndarray, sigma: float, unit: str, origin: Mapping[str, object]) -> xr.Dataset:
    """Return a measurement ([frame,] row) with the rows and the provenance of a matrix."""
    variable = fine["system_matrix"]
    rows = {str(d): n for d, n in variable.sizes.items() if d not in VOXEL_DIMS}
    frames = {"frame": len(values)} if values.ndim == 2 else {}
    return build(
        "measurement",
        values.reshape((*frames.values(), *rows.values())),
        (*frames, *rows),
        {str(k): v for k, v in fine.coords.items() if set(map(str, v.dims)) <= set(rows)},
        noise_std=sigma,
        units=unit,
        origin="simulated",
        **origin,
        **{k: fine.attrs.get(k) for k in ("scanner", "particle", "sample", "grid", "mdf")},
    )


def _with_transfer(y: xr.Dataset, model: xr.Dataset) -> xr.Dataset:
    """Return a measurement with the transfer function of the receive chain, and whether it was divided out."""
    if "transfer_function" not in model:
        return y
    divided = stated(model).get("transfer_function") == "divided out"
    y = with_state(y, transfer_function="divided out") if divided else y
    return y.assign(transfer_function=model["transfer_function"])


def _as_image(concentration: np.ndarray, fine: xr.Dataset) -> xr.DataArray:
    voxels = tuple(d for d in VOXEL_DIMS if d in fine["system_matrix"].dims)
    labels = {"units": "1", "long_name": "concentration relative to the sample"}
    return xr.DataArray(concentration, {d: fine[d] for d in voxels}, voxels, attrs=labels)


def _finer(fine: xr.Dataset, grid: Grid, refine: int) -> tuple[xr.Dataset, float]:
    """Return the finer system matrix, and the volume of a voxel-filling sample over that of the file's sample."""
    scanner = _described(fine, "scanner", scanner_from_mapping, SCANNERS)
    particle = _described(fine, "particle", particle_from_mapping, PARTICLES)
    sample = _described(fine, "sample", lambda values: from_mapping(Sample, values, "sample"))
    voxel = sample.filling_voxels(grid)
    filling = voxel.volume(grid) / sample.volume(grid)
    needed = 16 * _COPIES * len(as_matrix(fine)) * math.prod(grid.shape) * refine**2
    require_memory(f"refine {refine} (a simulation on {refine} x {refine} times as many voxels)", needed)
    model = simulate(scanner, particle, grid.refined(refine), voxel)
    if stated(fine).get("transfer_function") == "divided out" and "transfer_function" in model:
        model = DivideTransfer().applied(model)
    rows, wanted = len(as_matrix(model)), len(as_matrix(fine))
    require(rows == wanted, "matrix", f"of the {rows} rows that its scanner gives, or measured with same_grid", wanted)
    return model, filling


def _described(fine: xr.Dataset, name: str, build_again: Callable[[object], T], classes: Container[str] = ()) -> T:
    """Build the scanner, particle or sample that the attributes of a matrix describe."""
    values = fine.attrs.get(name)
    kind = values.get("class") if isinstance(values, dict) else values
    known = isinstance(values, dict) and (kind is None or kind in classes)
    must = f"of a simulated {name} that its attributes describe and a known class builds, or measured with same_grid"
    require(known, "matrix", must, f"the {name} {kind!r}")
    return build_again(values)
