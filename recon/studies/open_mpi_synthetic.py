"""Files of the structure of Open MPI data, simulated: calibrations 7 to 10 and a measurement, for the short form.

As there, calibrations 8, 9 and 10 have one sequence and tracer and fields of view that are not aligned; calibration 7
has twice the gradient, another tracer, and samples that overlap by half. All have three receive channels, a volume, a
field-free point on a Lissajous path, and stored signal-to-noise ratios. Unlike there, grids are small (18 x 18 x 3
voxels), dividers are small (a period of 2,448 samples instead of 53,856), noise is white, fields are ideal, and there
are no background frames.
"""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.noise import complex_gaussian
from mpisim.io.atomic import output_folder
from mpisim.io.writing import write
from mpisim.particles.particle import Particle
from mpisim.scanner.ffp import LissajousFFP
from mpisim.simulation.matrix import simulate
from mpisim.simulation.sample import Sample
from recon.measurement import measure
from recon.phantoms import shape

__all__ = ["MEASUREMENT", "synthetic_files"]

MEASUREMENT = "measurement.mdf"
"""Name of the measurement."""
_VOXEL = 2e-3  # m
_SHAPE = (18, 18, 3)
_NOISE = 2e-3  # of the RMS of the strongest row
_CASES = {
    7: ((-1.0, -1.0, 2.0), 15e-9, 0.5, (0.0, 0.0, 0.0)),
    8: ((-0.5, -0.5, 1.0), 17e-9, 1.0, (1e-3, 0.0, 0.0)),
    9: ((-0.5, -0.5, 1.0), 17e-9, 1.0, (0.0, -1e-3, 0.5e-3)),
    10: ((-0.5, -0.5, 1.0), 17e-9, 1.0, (0.0, 0.0, 0.0)),
}
"""Gradients in T/m, core diameter in m, voxel over that of the others, and centre in m, by number."""


def synthetic_files(folder: Path) -> Path:
    """Write the files that are not there yet, and return their folder."""
    output_folder(folder)
    for number, case in _CASES.items():
        file = folder / f"{number}.mdf"
        if not file.is_file():
            write(_calibration(number, *case), file)
    if not (folder / MEASUREMENT).is_file():
        gradients, diameter, scale, centre = _CASES[10]
        exact = _exact(gradients, diameter, scale, centre)
        write(measure(exact, shape(5e-3), snr=40.0, seed=1), folder / MEASUREMENT)
    return folder


def _exact(
    gradients: tuple[float, float, float], diameter: float, scale: float, centre: tuple[float, float, float]
) -> xr.Dataset:
    scanner = LissajousFFP(
        gradients,
        dividers=(17, 16, 18),
        clock_frequency=2.5e6 / 6,
        samples_per_period=4896,
        highest_order=4,
    )
    voxel = (scale * _VOXEL, scale * _VOXEL, scale * _VOXEL / 2)
    grid = Grid(_SHAPE, (_SHAPE[0] * voxel[0], _SHAPE[1] * voxel[1], _SHAPE[2] * voxel[2]), centre)
    sample = Sample((_VOXEL, _VOXEL), height=_VOXEL / 2, thick=True, points=2)  # overlaps where the voxel is smaller
    return simulate(scanner, Particle(diameter), grid, sample)


def _calibration(
    number: int,
    gradients: tuple[float, float, float],
    diameter: float,
    scale: float,
    centre: tuple[float, float, float],
) -> xr.Dataset:
    """Return a noisy matrix with the ratios RMS / noise of its rows, and without a statement of its noise."""
    exact = _exact(gradients, diameter, scale, centre)
    values = exact["system_matrix"]
    size = (abs(values) ** 2).mean(("z", "y", "x")) ** 0.5
    sigma = _NOISE * float(size.max())
    noisy = values.values + complex_gaussian(values.shape, sigma, number)
    measured = exact.drop_vars("noise_std").assign(system_matrix=values.copy(data=noisy.astype(values.dtype)))
    return measured.assign_coords(snr_ratio=(size.dims, size.values / sigma)).assign_attrs(origin="measured")
