r"""The engine for several tones: Langevin particles in any periodic drive, with any fields, coils and sample.

It samples a common period at N times, as `mpisim.simulation.time_domain` does, and has the same accuracy. The flux of a
sample,

.. math:: \Phi_c(t_j) = \mu_0 N_p \sum_q w_q\,p_c(r_q)\cdot \bar m(B(r_q, t_j)),

is summed over points and sizes in one compiled loop (`mpisim.kernels.several_tones`), for a slab of voxels at a time,
whose spectra :math:`a_k = -2\pi i k f\,\Phi_k` are kept at the recorded frequencies only. All times of all voxels are
never there together: the memory in use is that of the result and of one slab. Relaxation that is a filter in time is a
complex gain of each frequency.
"""

from __future__ import annotations

import math

import numpy as np

from mpisim.constants import MU_0
from mpisim.data.grid import Grid
from mpisim.kernels.several_tones import flux_of_tones
from mpisim.memory import require_memory
from mpisim.particles.protocol import Magnetisation, sizes_of
from mpisim.progress import progress
from mpisim.scanner.protocol import Scanner
from mpisim.simulation.equilibrium import apply_response, known_sizes
from mpisim.simulation.precision import complex_type
from mpisim.simulation.sample import Sample
from mpisim.simulation.time_domain import drive_waves, voltage_lines

__all__ = ["has_langevin_sizes", "several_tones_rows"]

_BLOCK_BYTES = 3.2e7
_SINGLE = (1e-18, 1e30)  # V; peaks of a slab that leave no doubt that single precision holds the whole matrix


def has_langevin_sizes(particle: Magnetisation) -> bool:
    """Whether the tracer is a sum of Langevin functions, at most filtered in time."""
    return sizes_of(particle) is not None


def several_tones_rows(
    scanner: Scanner, particle: Magnetisation, grid: Grid, sample: Sample, block_bytes: float = _BLOCK_BYTES
) -> np.ndarray:
    """Return the rows on a grid for any periodic drive, where `has_langevin_sizes` holds.

    Parameters
    ----------
    scanner, particle
        Fields, coils and sequence, and the tracer.
    grid, sample
        Voxels, and the sample that is moved over them.
    block_bytes
        Size of the flux and the fields of the voxels that are computed together, at least one voxel; what is in use
        besides the result is about twice that.

    Returns
    -------
    numpy.ndarray
        Voltages in V, of `complex_type`, shape (angle, coil, frequency, voxel), x fastest.

    Raises
    ------
    InputError
        If the tracer is no sum of Langevin functions, or the result needs more memory than `mpisim.memory` allows.
    """
    offsets, weights = sample.rule(grid)
    sequence, centers, sizes = scanner.sequence, sample.positions(grid), known_sizes(particle)
    coils = len(scanner.receive_sensitivities(centers[:1], sequence.angles[0]))
    shape = (len(sequence.angles), coils, len(sequence.harmonics), len(centers))
    what = f"system matrix of {shape[0] * coils * shape[2]} rows x {shape[3]} voxels"
    require_memory(what, 8.0 * math.prod(shape))  # in single precision; the first slab says whether that is enough
    scale = MU_0 * sample.particles(grid) * sizes.moment
    factors = np.outer(weights, scale * sizes.betas * sizes.shares)
    waves = drive_waves(sequence)
    per_voxel = 24 * len(weights) * (1 + len(waves) + coils) + 8 * coils * waves.shape[1] * 2
    at_once = max(1, int(block_bytes / per_voxel))
    rows: np.ndarray | None = None
    for start in progress(range(0, len(centers), at_once), unit="slab of voxels"):
        block = slice(start, start + at_once)
        points = centers[block, None] + offsets
        flux = np.empty((len(points), coils, waves.shape[1]))
        for i, angle in enumerate(sequence.angles):
            selection = np.ascontiguousarray(scanner.selection_field(points, angle))
            drives = np.ascontiguousarray(scanner.drive_fields(points, angle))
            coil_fields = np.ascontiguousarray(scanner.receive_sensitivities(points, angle))
            flux_of_tones(selection, drives, coil_fields, factors, sizes.betas, waves, flux)
            lines = voltage_lines(flux.swapaxes(0, 1), sequence)
            if rows is None:
                peak = float(np.abs(lines).max())
                single = _SINGLE[0] <= peak <= _SINGLE[1]
                number = np.dtype(complex_type(peak) if single else complex)
                require_memory(what, float(number.itemsize) * math.prod(shape))
                rows = np.empty(shape, number)
            rows[i, :, :, block] = lines
    assert rows is not None
    return apply_response(rows, particle, sequence)
