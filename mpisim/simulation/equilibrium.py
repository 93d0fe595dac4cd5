r"""Rows of the system matrix as plain arrays, by the general and by the ridge path.

A sample with :math:`N` particles at :math:`r` gives the voltage
:math:`v = -\mu_0\,N m\,\frac{d}{dt}\,p\cdot L(\xi) B/|B|`. Its harmonic is, integrating by parts,

.. math:: a_k = \frac1T\int_0^T v\,e^{-2\pi i k f_0 t}\,dt = -2\pi i k f_0\,\Phi_k,

:math:`\Phi_k` that of the flux. In equilibrium the flux depends on time through :math:`\sin\varphi` alone, so half a
period, :math:`\varphi \in (-\pi/2, \pi/2)`, holds everything: even harmonics of the flux are real, odd ones imaginary,
and :math:`a_k` is imaginary for even and real for odd k. Midpoints of the half period are the uniform samples of the
whole one, a rule that converges exponentially.

Ridge path: with homogeneous coils and no thickness a row is :math:`a_k(r) = f_k(u)`, one profile for all angles. The
mean over a square sample is then a filter on a table of :math:`f_k` that depends on the angle, and every voxel a
six-point interpolation. The table is as fine as the distance :math:`\pi/(\beta G)` of the nearest pole asks, which
keeps the two paths within 1e-6 of each other.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mpisim.constants import MU_0
from mpisim.data.grid import Grid
from mpisim.kernels import equilibrium as kernels
from mpisim.particles.particle import Particle
from mpisim.progress import progress
from mpisim.scanner.protocol import Scanner
from mpisim.simulation.sample import Sample

__all__ = ["general_rows", "half_period_basis", "point_rows"]

_VECTOR = 8  # the time axis is padded to a multiple of this, so that the compiler's vectors hold all of it
_axis_rule = lru_cache(maxsize=32)(Sample.axis_rule)


def half_period_basis(scanner: Scanner) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sin of the phases (time,), the basis (harmonic, time) in 1/s, and each harmonic's channel.

    The basis maps flux samples on the half period to the real (channel 0) or imaginary (1) part of a_k. Both are padded
    with zeros to whole vectors of the processor.
    """
    return _basis(scanner.samples_per_period // 2, tuple(scanner.harmonics), scanner.drive_frequency)


@lru_cache(maxsize=32)
def _basis(count: int, harmonics: tuple[int, ...], frequency: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    phi = ((np.arange(count) + 0.5) / count - 0.5) * np.pi
    k = np.array(harmonics)
    even = k % 2 == 0
    omega = 2 * np.pi * frequency
    sines = np.zeros(count + -count % _VECTOR)
    sines[:count] = np.sin(phi)
    basis = np.zeros((k.size, sines.size))
    basis[:, :count] = np.where(even[:, None], np.cos(k[:, None] * phi), np.sin(k[:, None] * phi))
    basis *= -(k * omega / count)[:, None]
    return sines, basis, even.astype(np.int64)


def point_rows(
    scanner: Scanner, particle: Particle, points: np.ndarray, weights: np.ndarray, particles: float
) -> np.ndarray:
    """Rows for samples made of any points, by the general path.

    Parameters
    ----------
    scanner
        Fields and sequence.
    particle
        The tracer.
    points
        Points of each sample, shape (voxel, point, 3), in m.
    weights
        Their weights, shape (point,), summing to 1 for a mean.
    particles
        Number of particles in each sample.

    Returns
    -------
    numpy.ndarray
        Voltages, complex128, shape (angle, harmonic, voxel), in V.
    """
    phases, basis, channel = half_period_basis(scanner)
    basis = basis * MU_0 * particles * particle.moment
    drive = np.ascontiguousarray(scanner.drive_field(points))
    sensitivity = np.ascontiguousarray(scanner.receive_sensitivity(points))
    out = np.zeros((len(scanner.angles), len(scanner.harmonics), len(points), 2))
    for i, angle in enumerate(progress(scanner.angles, unit="angle")):
        selection = np.ascontiguousarray(scanner.selection_field(points, angle))
        kernels.harmonic_rows(selection, drive, sensitivity, weights, phases, basis, particle.beta, channel, out[i])
    return out.view(np.complex128)[..., 0]


def general_rows(scanner: Scanner, particle: Particle, grid: Grid, sample: Sample) -> np.ndarray:
    """Rows on a grid by the general path: any field, sensitivity and sample volume.

    Returns complex128 voltages in V, shape (angle, harmonic, voxel), x fastest.
    """
    rules = [_axis_rule(sample, i, grid) for i in range(3)]
    offsets = np.stack([o.ravel() for o in np.meshgrid(*(r[0] for r in rules), indexing="ij")], axis=-1)
    weights = np.einsum("i,j,k->ijk", *(r[1] for r in rules)).ravel()
    points = grid.centers()[:, None, :] + offsets
    return point_rows(scanner, particle, points, weights, sample.particles(grid))
