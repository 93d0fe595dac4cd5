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
from typing import Protocol

import numpy as np

from mpisim import kernels
from mpisim.constants import MU_0
from mpisim.errors import require
from mpisim.grid import Grid, Sample
from mpisim.particles import Particle
from mpisim.progress import progress
from mpisim.scanner import OpenSidedFFL

__all__ = ["Scanner", "general_rows", "is_ridge", "point_rows", "ridge_rows"]

_NODES_PER_POLE_DISTANCE = 24
_MOST_NODES = 1e6
_VECTOR = 8  # the time axis is padded to a multiple of this, so that the compiler's vectors hold all of it
_axis_rule = lru_cache(maxsize=32)(Sample.axis_rule)


class Scanner(Protocol):
    """What the general path asks of a scanner: fields at points, and a periodic sequence (see `OpenSidedFFL`)."""

    @property
    def drive_frequency(self) -> float:
        """f_0 in Hz."""

    @property
    def angles(self) -> tuple[float, ...]:
        """Rotation angles in rad."""

    @property
    def harmonics(self) -> tuple[int, ...]:
        """Harmonics of f_0 that are kept."""

    @property
    def samples_per_period(self) -> int:
        """Uniform samples of one drive period, an even number."""

    def selection_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Selection field in T at `points` (..., 3) in m."""

    def drive_field(self, points: np.ndarray) -> np.ndarray:
        """Peak drive field in T at `points` (..., 3) in m."""

    def receive_sensitivity(self, points: np.ndarray) -> np.ndarray:
        """Receive sensitivity in 1/m at `points` (..., 3) in m."""


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


def is_ridge(scanner: Scanner, grid: Grid, sample: Sample) -> bool:
    """Whether rows are ridge functions exactly: an ideal FFL, in its plane, without thickness."""
    return type(scanner) is OpenSidedFFL and not sample.thick and bool(np.all(grid.axis(2) == 0))


def ridge_rows(scanner: OpenSidedFFL, particle: Particle, grid: Grid, sample: Sample) -> np.ndarray:
    """Rows on a grid by the ridge path, where `is_ridge` holds.

    Returns complex64 voltages in V, which the schema holds, shape (angle, harmonic, voxel), x fastest.
    """
    phases, basis, channel = half_period_basis(scanner)
    basis = basis * MU_0 * sample.particles(grid) * particle.moment * scanner.sensitivity[2]
    x, y = grid.axis(0), grid.axis(1)
    (sx, wx), (sy, wy) = _axis_rule(sample, 0, grid), _axis_rule(sample, 1, grid)
    half = max(np.hypot(px, py) for px in (x[0], x[-1]) for py in (y[0], y[-1]))
    spread = np.hypot(np.abs(sx).max(), np.abs(sy).max())
    step = min(np.pi / (particle.beta * scanner.sf_gradient) / _NODES_PER_POLE_DISTANCE, (half + spread) / 80)
    needed = (half + spread) / step
    must = f"such that {_MOST_NODES:.0e} nodes resolve a row"
    require(needed < _MOST_NODES, "field of view, gradient and core diameter", must, f"{needed:.0e}")
    reach = int(np.ceil(spread / step)) + 3
    edge = int(np.ceil(half / step)) + reach + 3
    nodes = step * np.arange(-edge, edge + 1)
    table = np.empty((nodes.size, len(scanner.harmonics)))
    kernels.profile_table(scanner.sf_gradient * nodes, scanner.drive_amplitude, phases, basis, particle.beta, table)

    centred = all(bool(np.abs(axis + axis[::-1]).max() < 1e-12 * step) for axis in (x, y))
    cosines, sines = np.cos(scanner.angles), np.sin(scanner.angles)
    out = np.zeros((cosines.size, len(scanner.harmonics), y.size, x.size, 2), np.float32)
    kernels.interpolate_ridge(
        table,
        sx / step,
        sy / step,
        np.outer(wx, wy),
        reach,
        cosines,
        sines,
        x / step,
        y / step,
        -float(edge),
        channel,
        centred,
        out,
    )
    return out.view(np.complex64).reshape(cosines.size, len(scanner.harmonics), y.size * x.size)
