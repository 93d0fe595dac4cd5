r"""Mean directions of magnetic moments in a periodic field, by the Fokker-Planck equation.

The field of every point is taken at the stages of implicit steps by its Fourier series, which is exact for a field of
few tones. A point gets the numbers of steps and degrees that its own field needs, so that no point depends on another:
steps are a power of two in every sample of the field, such that :math:`\xi = m B/(k_B T)` changes by at most 0.2 in one
(0.4 in the vector case), and degrees a multiple of eight (four).

A field that keeps one direction, the easy axis where there is an anisotropy, has the Legendre series
(`mpisim.kernels.fokker_planck`), any other one the spherical harmonics (`mpisim.kernels.fokker_planck_vector`).

Accuracy: with 216 samples of a period the mean direction of 25 nm cores in 14 mT is within 2e-5 (Legendre series) and
2e-4 (spherical harmonics) of a solution by SciPy with a tolerance of 1e-10, and a row of a matrix closer than that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numba import get_num_threads

from mpisim.errors import require, warn
from mpisim.kernels.fokker_planck import STAGE_TIMES, advance_axis
from mpisim.kernels.fokker_planck_vector import advance_vector, couplings
from mpisim.particles.expansion import AXIS_DIGITS, VECTOR_DIGITS, axis_bands, degree_for
from mpisim.particles.periodic import Advance, periodic_state
from mpisim.progress import progress

__all__ = ["Rotation", "mean_directions", "one_direction"]

_Z = (0.0, 0.0, 1.0)
_ONE_AXIS = 1e-12  # field across the axis, of the largest along it
_STEP_OF_XI, _VECTOR_STEP = 0.2, 0.4
_DEGREES, _VECTOR_DEGREES = 8, 4
_HIGHEST, _HIGHEST_OF_VECTOR = 400, 64
_MOST_STEPS = 2**17  # of a period
_BLOCK_BYTES = 3e7
_POINTS_OF_A_CORE = 8  # in a block of the vector case, between whose blocks progress is told
_MANY_PERIODS = 1000


class Rotation(NamedTuple):
    """How moments turn: the time tau in s, alpha = K V / (k_B T), the easy axis (3,), and the damping (None: Brown)."""

    time: float
    alpha: float = 0.0
    axis: tuple[float, float, float] | None = None
    damping: float | None = None


def mean_directions(xi: np.ndarray, period: float, rotation: Rotation) -> np.ndarray:
    """Return the mean direction of moments over a period, once it is periodic.

    Parameters
    ----------
    xi
        m B / (k_B T) at uniform times of a period, shape (time, point, 3).
    period
        Period in s.
    rotation
        How the moments turn.

    Returns
    -------
    numpy.ndarray
        Mean of the unit vectors along the moments, shape (time, point, 3).

    Raises
    ------
    InputError
        If the field is so strong, the anisotropy so large or the samples so few that the series or the steps would
        be too many, or if some state does not become periodic.
    """
    frame = _frame(rotation.axis)
    turned, out = xi @ frame.T, np.zeros(xi.shape)
    along, one_axis = one_direction(turned, None if rotation.axis is None else _Z)
    for group in _groups(turned, rotation.alpha, np.flatnonzero(one_axis), False):
        scalar = np.einsum("tpi,pi->tp", turned[:, group.points], along[group.points])
        out[:, group.points] = _on_one_axis(scalar, period, rotation, group)[..., None] * along[group.points]
    groups = list(_groups(turned, rotation.alpha, np.flatnonzero(~one_axis), True))
    with progress(total=sum(group.points.size for group in groups), unit="point", desc="Fokker-Planck") as bar:
        for group in groups:
            out[:, group.points] = _in_space(turned[:, group.points], period, rotation, group)
            bar.update(group.points.size)
    return out @ frame


def one_direction(xi: np.ndarray, direction: tuple[float, float, float] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return along which direction the field of each point is, and whether it never leaves it.

    Parameters
    ----------
    xi
        Field at uniform times of a period, shape (time, point, 3).
    direction
        Unit vector that is asked for; by default that in which the field of the point is largest.

    Returns
    -------
    along
        Unit vectors, shape (point, 3).
    kept
        Whether what the field of a point has across is rounding, at all times; shape (point,).
    """
    largest = np.abs(xi).max(axis=(0, 2), initial=0.0)
    along = _directions(xi, largest) if direction is None else np.broadcast_to(np.array(direction), xi.shape[1:])
    across = xi - np.einsum("tpi,pi->tp", xi, along)[..., None] * along
    return along, np.abs(across).max(axis=(0, 2), initial=0.0) <= _ONE_AXIS * largest


def _frame(axis: tuple[float, float, float] | None) -> np.ndarray:
    """Return a rotation whose rows are x, y and z of a frame with z along `axis`; that of the scanner without one."""
    if axis is None:
        return np.eye(3)
    z = np.array(axis) / np.linalg.norm(axis)
    x = np.cross(z, np.eye(3)[int(np.argmin(np.abs(z)))])
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])


def _directions(xi: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """Return the direction of the field of each point where it is largest, (point, 3); z without a field."""
    times = np.argmax(np.abs(xi).max(axis=2), axis=0)
    vectors = xi[times, np.arange(xi.shape[1])]
    vectors = np.where(largest[:, None] > 0, vectors, _Z)
    return vectors / np.linalg.norm(vectors, axis=1)[:, None]


class _Group(NamedTuple):
    """Points that share a number of steps in a sample of the field, and a degree."""

    points: np.ndarray
    substeps: int
    degree: int


def _groups(xi: np.ndarray, alpha: float, points: np.ndarray, in_space: bool) -> Iterator[_Group]:
    """Yield blocks of points that share what they need; raise `InputError` where that is too much."""
    if points.size == 0:
        return
    own = xi[:, points]
    change = np.linalg.norm(own - np.roll(own, 1, axis=0), axis=2).max(axis=0)
    step = _VECTOR_STEP if in_space else _STEP_OF_XI
    substeps = 2 ** np.ceil(np.log2(np.maximum(change / step, 1))).astype(int)
    most = int(substeps.max()) * len(xi)
    require(most <= _MOST_STEPS, "field", f"one that {_MOST_STEPS} steps of a period resolve for this particle", most)
    digits, multiple = (VECTOR_DIGITS, _VECTOR_DEGREES) if in_space else (AXIS_DIGITS, _DEGREES)
    strongest = np.linalg.norm(own, axis=2).max(axis=0)
    degrees = np.array([-(-degree_for(size, alpha, digits) // multiple) * multiple for size in strongest.tolist()])
    limit = _HIGHEST_OF_VECTOR if in_space else _HIGHEST
    kind = "spherical harmonics" if in_space else "the Legendre series"
    must = f"such that {kind} of the Fokker-Planck equation converge up to the degree {limit}"
    require(int(degrees.max()) <= limit, "field, core diameter and anisotropy", must, f"degree {degrees.max()}")
    for pair in np.unique(np.stack([substeps, degrees]), axis=1).T.tolist():
        chosen = points[(substeps == pair[0]) & (degrees == pair[1])]
        at_once = max(1, int(_BLOCK_BYTES / (8 * len(STAGE_TIMES) * (3 if in_space else 1) * pair[0] * len(xi))))
        at_once = min(at_once, _POINTS_OF_A_CORE * get_num_threads()) if in_space else at_once
        for start in range(0, chosen.size, at_once):
            yield _Group(chosen[start : start + at_once], *pair)


def _at_stages(xi: np.ndarray, substeps: int) -> np.ndarray:
    """Return a periodic field (time, ...) at the stages of all steps by its Fourier series: (stage, step, ...)."""
    samples, steps = len(xi), len(xi) * substeps
    lines = np.fft.rfft(xi, axis=0, norm="forward")
    if samples % 2 == 0 and substeps > 1:
        lines[-1] *= 0.5  # the highest line stands for two, which more steps tell apart
    turns = 2j * np.pi * np.arange(len(lines)).reshape(-1, *[1] * (xi.ndim - 1)) / steps
    return np.stack([np.fft.irfft(lines * np.exp(turns * c), n=steps, axis=0, norm="forward") for c in STAGE_TIMES])


def _on_one_axis(xi: np.ndarray, period: float, rotation: Rotation, group: _Group) -> np.ndarray:
    """Return the mean cosine to the axis, shape (time, point), of a field (time, point) along it."""
    field = _at_stages(xi, group.substeps)
    rate = period / field.shape[1] / (2 * rotation.time)
    bands = axis_bands(group.degree, rotation.alpha)

    def advance(states: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        end, cosine = np.empty_like(states), np.empty((field.shape[1], len(states)))
        advance_axis(np.ascontiguousarray(field[:, :, points]), rate, bands, states, end, cosine)
        return end, cosine[:: group.substeps]

    start = np.zeros((len(group.points), group.degree + 1))
    start[:, 0] = 1
    _warn_of_slow_states(advance, start, 1, period, rotation)
    return _periodic(advance, start)


def _in_space(xi: np.ndarray, period: float, rotation: Rotation, group: _Group) -> np.ndarray:
    """Return the mean direction, shape (time, point, 3), in a field of this shape whose z is along the easy axis."""
    field = _at_stages(xi, group.substeps)
    steps = field.shape[1]
    rate = period / steps / (2 * rotation.time)
    first, along, across = couplings(group.degree, rotation.alpha, 1 / rotation.damping if rotation.damping else 0.0)

    def advance(states: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        begin = np.ascontiguousarray(states).view(complex)
        end, direction = np.empty_like(begin), np.empty((steps, len(begin), 3))
        advance_vector(np.ascontiguousarray(field[:, :, points]), rate, first, along, across, begin, end, direction)
        return end.view(float), direction[:: group.substeps].transpose(0, 2, 1).reshape(-1, len(begin))

    start = np.zeros((len(group.points), int(first[-1])), dtype=complex)
    start[:, 0] = 1
    _warn_of_slow_states(advance, start.view(float), 2, period, rotation)
    return _periodic(advance, start.view(float)).reshape(len(xi), 3, -1).transpose(0, 2, 1)


def _periodic(advance: Advance, start: np.ndarray) -> np.ndarray:
    given, done = periodic_state(advance, start)
    must = "one whose moments become periodic within 200 periods of the field"
    require(bool(done.all()), "particle", must, f"one that does not at {np.count_nonzero(~done)} points")
    require(bool(np.isfinite(given).all()), "particle", "one whose coefficients stay finite", "others")
    return given


def _warn_of_slow_states(
    advance: Advance,
    start: np.ndarray,
    place: int,
    period: float,
    rotation: Rotation,
) -> None:
    """Warn where a period leaves a polarisation along the axis, the coefficient `place`, as it is.

    That can only be where the moments cross their barrier rarely without a field, too (Brown 1963, for high ones).
    """
    alpha = rotation.alpha
    if alpha < 1 or math.log(rotation.time / period) + alpha - 1.5 * math.log(alpha) < math.log(_MANY_PERIODS / 10):
        return
    polarised, points = np.zeros_like(start), np.arange(len(start))
    polarised[:, place] = 1
    once = advance(polarised, points)[0]
    twice = advance(once, points)[0]
    slow = np.count_nonzero(np.linalg.norm(twice, axis=1) > (1 - 1 / _MANY_PERIODS) * np.linalg.norm(once, axis=1))
    if slow:
        warn(
            f"At {slow} points the moments cross the barrier of their anisotropy, {alpha:.0f} k_B T, so rarely that "
            f"they need more than {_MANY_PERIODS} periods to become periodic; their periodic state is returned."
        )
