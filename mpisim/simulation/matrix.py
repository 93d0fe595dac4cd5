"""Where scanner, particle, grid and sample meet: one call, one system matrix with its provenance."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.schema import build
from mpisim.errors import one_of, require
from mpisim.particles.particle import Particle
from mpisim.scanner.ffl import OpenSidedFFL
from mpisim.scanner.protocol import Scanner
from mpisim.simulation.equilibrium import general_rows
from mpisim.simulation.line_profile import is_ridge, ridge_rows
from mpisim.simulation.provenance import provenance
from mpisim.simulation.sample import Sample

__all__ = ["simulate"]


def simulate(
    scanner: Scanner, particle: Particle, grid: Grid | None = None, sample: Sample | None = None, path: str = "auto"
) -> xr.Dataset:
    """Simulate the system matrix of a scanner.

    Parameters
    ----------
    scanner
        Fields and sequence, such as `open_sided_ffl(0.5)`.
    particle
        The tracer.
    grid
        Voxels; 32 x 32 over 32 x 32 mm by default.
    sample
        The sample that is moved over them; it fills a voxel by default.
    path
        `ridge` (in the plane of an ideal FFL), `general` (any field), or `auto`, which takes the ridge path where it
        is exact. They agree within 1e-6.

    Returns
    -------
    xarray.Dataset
        `system_matrix` (angle, frequency[, z], y, x), complex64, in V.

    Raises
    ------
    InputError
        If an argument is of another type, the path is unknown, or is `ridge` where rows are not ridges.
    """
    grid, sample = grid or Grid(), sample or Sample()
    for name, value, kind in (("particle", particle, Particle), ("grid", grid, Grid), ("sample", sample, Sample)):
        require(isinstance(value, kind), name, f"a mpisim.{kind.__name__}", repr(value))
    require(hasattr(scanner, "selection_field"), "scanner", "a scanner, such as open_sided_ffl(0.5)", repr(scanner))
    one_of("path", path, ("auto", "ridge", "general"))
    ridge = isinstance(scanner, OpenSidedFFL) and is_ridge(scanner, grid, sample)
    require(
        ridge or path != "ridge",
        "path",
        "'general' or 'auto' off the plane, with thickness or with other fields",
        repr(path),
    )
    _check_samples(scanner, particle)
    if ridge and path != "general":
        assert isinstance(scanner, OpenSidedFFL)
        values = ridge_rows(scanner, particle, grid, sample)
    else:
        values = general_rows(scanner, particle, grid, sample)
    harmonics = np.array(scanner.harmonics)
    coords = {
        **grid.coords(),
        "angle": np.array(scanner.angles),
        "frequency": harmonics * scanner.drive_frequency,
        "harmonic": ("frequency", harmonics),
        "particle_diameter": ((), particle.diameter, {"units": "m"}),
    }
    if isinstance(scanner, OpenSidedFFL):
        coords["sf_gradient"] = ((), scanner.sf_gradient, {"units": "T/m"})
    return build(
        "system_matrix",
        values.reshape(*values.shape[:2], *grid.array_shape).astype(np.complex64, copy=False),
        ("angle", "frequency", *grid.dims),
        coords,
        stage="fine",
        origin="simulated",
        path="ridge" if ridge and path != "general" else "general",
        **provenance(scanner, particle, grid, sample),
    )


def _check_samples(scanner: Scanner, particle: Particle) -> None:
    """Warn where the drive is too steep for the samples: their error falls as exp(-samples pi / (beta A))."""
    steepness = particle.beta * getattr(scanner, "drive_amplitude", 0.0) / np.pi
    if scanner.samples_per_period < np.log(1e4) * steepness:
        wanted = 2 * int(np.ceil(np.log(1e8) * steepness / 2))
        warnings.warn(
            f"{scanner.samples_per_period} samples a period are too few for cores of {particle.diameter * 1e9:.1f} nm "
            f"in this drive field; take samples_per_period={wanted}",
            stacklevel=3,
        )
