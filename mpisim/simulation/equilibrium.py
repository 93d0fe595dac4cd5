r"""The equilibrium engine: one sine tone and Langevin particles of any sizes, for any fields, coils and sample.

A sample with :math:`N` particles at :math:`r` gives the voltage
:math:`v = -\mu_0\,N m\,\frac{d}{dt}\,p\cdot L(\xi) B/|B|`. Its harmonic is, integrating by parts,

.. math:: a_k = \frac1T\int_0^T v\,e^{-2\pi i k f_0 t}\,dt = -2\pi i k f_0\,\Phi_k,

where :math:`\Phi_k` is the harmonic of :math:`\mu_0` times the flux. In equilibrium the flux depends on time through
:math:`\sin\varphi` alone, so half a period, :math:`\varphi \in (-\pi/2, \pi/2)`, holds everything: even harmonics of
the flux are real, odd ones imaginary, and :math:`a_k` is imaginary for even and real for odd k. Midpoints of the half
period are the uniform samples of the whole one, a rule that converges exponentially.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from mpisim.constants import MU_0
from mpisim.data.grid import Grid
from mpisim.errors import InputError
from mpisim.kernels.equilibrium import harmonic_rows, harmonic_rows_of_coils
from mpisim.kernels.sizes import harmonic_rows_of_sizes, harmonic_rows_of_sizes_and_coils
from mpisim.particles.protocol import Magnetisation, Sizes, response_of, sizes_of
from mpisim.progress import progress
from mpisim.scanner.protocol import Scanner, Sequence, fixed_in_angle
from mpisim.scanner.sequences import Tone
from mpisim.simulation.sample import Sample

__all__ = [
    "apply_response",
    "equilibrium_rows",
    "half_period_basis",
    "has_half_period",
    "known_sizes",
    "point_rows",
]

_BLOCK_BYTES = 4e6
_VECTOR = 8  # the time axis is padded to a multiple of this, so that the compiler's vectors hold all of it


def has_half_period(scanner: Scanner, particle: Magnetisation) -> bool:
    """Whether half a period holds everything: one sine tone, and a sum of Langevin functions, at most filtered."""
    return tuple(scanner.sequence.tones) == (Tone(1),) and sizes_of(particle) is not None


def known_sizes(particle: Magnetisation) -> Sizes:
    """Return the sizes of a particle that is a sum of Langevin functions.

    Raises
    ------
    InputError
        If it has none.
    """
    sizes = sizes_of(particle)
    if sizes is None:
        raise InputError(f"Input particle must be a Langevin equilibrium; instead received {particle!r}.")
    return sizes


def apply_response(rows: np.ndarray, particle: Magnetisation, sequence: Sequence) -> np.ndarray:
    """Multiply rows (..., harmonic, voxel) in place with the gains of the particle's response, if it has one."""
    gains = response_of(particle, sequence.base_frequency * np.array(sequence.harmonics, dtype=float))
    if gains is not None:
        rows *= gains.astype(rows.dtype)[:, None]
    return rows


def half_period_basis(sequence: Sequence) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how a sequence of one sine tone samples half a period, and the transform of the flux to harmonics.

    Returns
    -------
    drive_sine
        Sine of the drive's phase, shape (time,).
    basis
        Factors in 1/s from the flux on the half period to each harmonic, shape (harmonic, time).
    imaginary_part
        1 where the harmonic is imaginary and 0 where it is real, shape (harmonic,).

    The time axis is padded with zeros to whole vectors of the processor.
    """
    return _basis(sequence.samples_per_period // 2, tuple(sequence.harmonics), sequence.base_frequency)


@lru_cache(maxsize=32)
def _basis(count: int, harmonics: tuple[int, ...], frequency: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    phi = ((np.arange(count) + 0.5) / count - 0.5) * np.pi
    k = np.array(harmonics)
    even = k % 2 == 0
    omega = 2 * np.pi * frequency
    drive_sine = np.zeros(count + -count % _VECTOR)
    drive_sine[:count] = np.sin(phi)
    basis = np.zeros((k.size, drive_sine.size))
    basis[:, :count] = np.where(even[:, None], np.cos(k[:, None] * phi), np.sin(k[:, None] * phi))
    basis *= -(k * omega / count)[:, None]
    return drive_sine, basis, even.astype(np.int64)


def point_rows(
    scanner: Scanner, particle: Magnetisation, points: np.ndarray, weights: np.ndarray, particles: float
) -> np.ndarray:
    """Return the rows of samples that are made of any points, where `has_half_period` holds.

    Parameters
    ----------
    scanner
        Fields, coils and sequence.
    particle
        The tracer, with `sizes`.
    points
        Points of each sample in m, shape (voxel, point, 3).
    weights
        Their weights, shape (point,), with the sum 1 for a mean.
    particles
        Number of particles in each sample.

    Returns
    -------
    numpy.ndarray
        Voltages in V, complex128, shape (angle, coil, harmonic, voxel).
    """
    angles = scanner.sequence.angles
    drive_sine, basis, imaginary_part = half_period_basis(scanner.sequence)
    sizes = known_sizes(particle)
    basis = basis * MU_0 * particles * sizes.moment
    drive_fixed, coils_fixed = fixed_in_angle(scanner)
    drive, coils = _drive(scanner, points, angles[0]), _coils(scanner, points, angles[0])
    fill_rows, factors, steepness = _loop_of(sizes, weights, len(coils))
    out = np.zeros((len(angles), len(coils), len(basis), len(points), 2))
    for rows, angle in zip(out, progress(angles, unit="angle"), strict=True):
        selection = np.ascontiguousarray(scanner.selection_field(points, angle))
        drive = drive if drive_fixed else _drive(scanner, points, angle)
        coils = coils if coils_fixed else _coils(scanner, points, angle)
        sensitivity, row = (coils[0], rows[0]) if len(coils) == 1 else (coils, rows)
        fill_rows(selection, drive, sensitivity, factors, drive_sine, basis, steepness, imaginary_part, row)
    return apply_response(out.view(np.complex128)[..., 0], particle, scanner.sequence)


def _loop_of(
    sizes: Sizes, weights: np.ndarray, coils: int
) -> tuple[Callable[..., None], np.ndarray, float | np.ndarray]:
    """Return the loop for these sizes and this number of coils, with its factors of a sample's points and steepness."""
    if sizes.betas.size == 1:
        return harmonic_rows if coils == 1 else harmonic_rows_of_coils, weights, float(sizes.betas[0])
    ascending = np.argsort(sizes.betas)
    betas = sizes.betas[ascending]
    loop = harmonic_rows_of_sizes if coils == 1 else harmonic_rows_of_sizes_and_coils
    return loop, np.outer(weights, betas * sizes.shares[ascending]), betas


def _drive(scanner: Scanner, points: np.ndarray, angle: float) -> np.ndarray:
    """Peak drive field of the one tone in T at points (voxel, point, 3)."""
    return np.ascontiguousarray(scanner.drive_fields(points, angle)[0])


def _coils(scanner: Scanner, points: np.ndarray, angle: float) -> np.ndarray:
    """Sensitivity of every coil in 1/m at points (voxel, point, 3); shape (coil, voxel, point, 3)."""
    return np.ascontiguousarray(scanner.receive_sensitivities(points, angle))


def equilibrium_rows(
    scanner: Scanner, particle: Magnetisation, grid: Grid, sample: Sample, block_bytes: float = _BLOCK_BYTES
) -> np.ndarray:
    """Return the rows on a grid, where `has_half_period` holds, for any fields, coils and sample.

    Parameters
    ----------
    scanner, particle
        Fields, coils and sequence, and the tracer.
    grid, sample
        Voxels, and the sample that is moved over them.
    block_bytes
        Size of the points of the voxels that are computed together, at least one voxel; fields, coils and what is
        needed for them take some ten times that. The numbers do not depend on it.

    Returns
    -------
    numpy.ndarray
        Voltages in V, complex128, shape (angle, coil, harmonic, voxel), x fastest.
    """
    offsets, weights = sample.rule(grid)
    positions, particles = sample.positions(grid), sample.particles(grid)
    at_once = max(1, int(block_bytes / offsets.nbytes))
    starts = range(0, len(positions), at_once)
    if len(starts) == 1:
        return point_rows(scanner, particle, positions[:, None] + offsets, weights, particles)
    sequence, coils = scanner.sequence, len(scanner.receive_sensitivities(positions[:1], scanner.sequence.angles[0]))
    out = np.empty((len(sequence.angles), coils, len(sequence.harmonics), len(positions)), dtype=complex)
    for start in progress(starts, unit="block of voxels"):
        block = slice(start, start + at_once)
        points = positions[block, None] + offsets
        out[..., block] = point_rows(scanner, particle, points, weights, particles)
    return out
