r"""The line-profile engine of any tracer: its moments at some distances from the line give all rows.

Where a scanner has a `LineProfile`, the field at a point of the plane z = 0 is :math:`(G u + A \sin 2\pi f t)\,\hat z`
at every angle. Whatever the model of the magnetisation, with a history or without, its mean moment along z is then one
function of :math:`u` and the time, and a row one complex profile :math:`f_k(u)` for all angles, as in
`mpisim.simulation.line_profile`. The moments are computed at equidistant nodes of :math:`u`; the distance of nodes is
halved until interpolation through six of them misses what lies between by less than 2e-5 of the peak of all profiles,
after which the error of the table is some sixtieth of that. Where thousands of nodes would not resolve a profile, such
as one with jumps, the rows are those of the time domain. The mean over the sample and the interpolation at voxels are
those of Langevin particles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpisim.constants import MU_0
from mpisim.data.grid import Grid
from mpisim.errors import require
from mpisim.kernels.line_profile import interpolate_profile
from mpisim.particles.protocol import Magnetisation
from mpisim.particles.table import PARTICLES
from mpisim.scanner.protocol import LineProfile, Scanner
from mpisim.simulation.line_profile import profile_in_plane, required_profile
from mpisim.simulation.precision import complex_type
from mpisim.simulation.sample import Sample
from mpisim.simulation.time_domain import time_domain_rows, voltage_lines

__all__ = ["has_sampled_profile", "sampled_profile_rows"]

_FIRST_NODES = 40  # from the centre to the outermost point
_MOST_NODES = 5000
_MISSED = 2e-5  # of the peak, by a table of twice the distance of nodes
_MARGIN = 3  # nodes of the interpolation beyond the outermost value
_MIDDLE = (3 / 256, -25 / 256, 150 / 256, 150 / 256, -25 / 256, 3 / 256)  # six-point interpolation halfway
_NODES_AT_ONCE = 256


def has_sampled_profile(scanner: Scanner, particle: Magnetisation, grid: Grid, sample: Sample) -> bool:
    """Whether rows are functions of u: for an aligned flat box in the plane z = 0, and a coil that receives z alone."""
    if profile_in_plane(scanner, grid, sample) is None:
        return False
    coils = scanner.receive_sensitivities(sample.region(grid), scanner.sequence.angles[0])
    return not np.any(coils[..., :2])


def sampled_profile_rows(scanner: Scanner, particle: Magnetisation, grid: Grid, sample: Sample) -> np.ndarray:
    """Return the rows on a grid, where `has_sampled_profile` holds.

    Returns
    -------
    numpy.ndarray
        Voltages in V, of `complex_type`, shape (angle, 1, harmonic, voxel), x fastest.

    Raises
    ------
    InputError
        If the scanner has no line profile.
    """
    profile, sequence = required_profile(scanner), scanner.sequence
    x, y = grid.axis(0), grid.axis(1)
    (sx, wx), (sy, wy) = sample.axis_rule(0, grid), sample.axis_rule(1, grid)
    reach = float(np.hypot(np.abs(x).max(), np.abs(y).max())), float(np.hypot(np.abs(sx).max(), np.abs(sy).max()))
    table = _Profiles(scanner, particle, profile).resolved(*reach)
    if table is None:
        return time_domain_rows(scanner, particle, grid, sample)
    values = table.values * (MU_0 * sample.particles(grid) * profile.sensitivity)
    number = complex_type(float(np.abs(values).max()))
    real = np.float32 if number is np.complex64 else np.float64
    out = np.zeros((len(sequence.angles), values.shape[1], y.size, x.size, 2), real)
    for part, whole in ((0, values.real), (1, values.imag)):
        interpolate_profile(
            np.ascontiguousarray(whole),
            sx / table.step,
            sy / table.step,
            np.outer(wx, wy),
            table.radius,
            np.cos(sequence.angles),
            np.sin(sequence.angles),
            x / table.step,
            y / table.step,
            -float(table.edge),
            np.full(values.shape[1], part),
            False,
            out,
        )
    return out.view(number).reshape(len(sequence.angles), 1, values.shape[1], y.size * x.size)


@dataclass(frozen=True)
class _Table:
    """Profiles (node, harmonic) at 2 `edge` + 1 nodes, `step` in m apart; `radius` in nodes of the sample's filter."""

    values: np.ndarray
    step: float
    edge: int
    radius: int


@dataclass(frozen=True)
class _Profiles:
    """Profiles of one particle per unit of MU_0 and sensitivity."""

    scanner: Scanner
    particle: Magnetisation
    profile: LineProfile

    def resolved(self, half: float, spread: float) -> _Table | None:
        """Return the table for voxels up to `half` and points of the sample up to `spread` around them, both in m.

        None where it would have too many nodes.
        """
        step = (half + spread) / _FIRST_NODES
        edge = int(np.ceil(half / step) + np.ceil(spread / step)) + 2 * _MARGIN
        values = self._at(step * np.arange(-edge, edge + 1))
        while len(values) < _MOST_NODES:
            between = self._at(step * (np.arange(-edge, edge) + 0.5))
            missed = float(np.abs(_halfway(values) - between[2:-2]).max())
            finer = np.empty((2 * len(values) - 1, values.shape[1]), dtype=complex)
            finer[::2], finer[1::2] = values, between
            values, step, edge = finer, step / 2, 2 * edge
            if missed <= _MISSED * float(np.abs(values).max()):
                return _Table(values, step, edge, int(np.ceil(spread / step)) + _MARGIN)
        return None

    def _at(self, u: np.ndarray) -> np.ndarray:
        """Return the profiles at distances (node,) in m, shape (node, harmonic)."""
        blocks = [self._of_block(u[start : start + _NODES_AT_ONCE]) for start in range(0, len(u), _NODES_AT_ONCE)]
        return np.concatenate(blocks)

    def _of_block(self, u: np.ndarray) -> np.ndarray:
        sequence = self.scanner.sequence
        turns = np.arange(sequence.samples_per_period) / sequence.samples_per_period
        field = np.zeros((turns.size, len(u), 3))
        field[:, :, 2] = self.profile.gradient * u + self.profile.drive_amplitude * np.sin(2 * np.pi * turns)[:, None]
        with PARTICLES.guarded(type(self.particle).__name__):
            moment = self.particle.moments(field, 1 / sequence.base_frequency)
        require(moment.shape == field.shape, "moments", f"of the field's shape {field.shape}", moment.shape)
        return voltage_lines(moment[None, ..., 2].swapaxes(1, 2), sequence)[0].T


def _halfway(values: np.ndarray) -> np.ndarray:
    """Return six-point interpolation halfway between the inner nodes of a table (node, harmonic)."""
    count = len(values) - 5
    return sum((w * values[i : i + count] for i, w in enumerate(_MIDDLE)), np.zeros((count, values.shape[1])))
