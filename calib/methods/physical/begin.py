"""What is settled before a scanner is climbed: an ideal start, and which positions, rows and signs are wrong.

A few positions or angles may spoil the start. Where it leaves much, one is tried that does not heed the worst; rows
that it describes so little that they are reversed do not count at first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from calib.methods.physical.earlier import REVERSED, Earlier
from calib.methods.physical.levenberg import STEEPEST, fit_scanner
from calib.methods.physical.measurement import Measurement
from calib.methods.physical.model import Model
from calib.methods.physical.outliers import MOST_POSITIONS, dropped_positions
from calib.methods.physical.parameters import ScannerState
from calib.methods.physical.resolution import STEEPER, models, narrow
from calib.methods.physical.start import ideal_start, robust_start

__all__ = ["MOST_ROWS", "Begun", "begin"]

MOST_ROWS = 0.5
"""Share of the rows that may be left out."""
_MOST_AT_START = 0.3  # share of the energy that an ideal scanner may leave beyond the noise; strong ones leave 0.02
_DOUBTED_AT_START = 0.05  # the same, from which a few positions or angles may be wrong


@dataclass(frozen=True, eq=False)
class Begun:
    """Where the climb begins.

    Parameters
    ----------
    measurement
        What was measured, with the right sign of all angles.
    start, steepest
        An ideal scanner, and the largest steepness of one.
    model, rough
        Models for it.
    empty, positions, rows
        Positions (value,) without sample, positions that do not count, and rows (angle, coil, harmonic) that do not.
    signs
        -1 for angles that had the wrong sign, else 1, (angle,).
    """

    measurement: Measurement
    start: ScannerState
    steepest: float
    model: Model
    rough: Model
    empty: np.ndarray
    positions: np.ndarray
    rows: np.ndarray
    signs: np.ndarray

    @property
    def counted(self) -> Measurement:
        """The measurement without positions and rows that do not count."""
        return self.measurement.without(self.positions | self.rows[..., None])


def begin(measurement: Measurement, earlier: Earlier | None = None) -> Begun | None:
    """Return where the climb begins; None where no ideal scanner describes even most of the values.

    With an earlier fit of the same scanner that is its ideal scanner.
    """
    empty = dropped_positions(measurement.values, measurement.sigma)
    noise = min(float(np.mean(measurement.sigma**2)), 1.0)
    if earlier is None:
        start, left, positions, spoiled = _searched(measurement, empty, noise)
    else:
        start, left, positions, spoiled = earlier.ideal, earlier.left, empty, False
    if left - noise > _MOST_AT_START or positions.mean() > MOST_POSITIONS:
        return None
    start = _with_gains(start)
    steepest = min(float(start.shared[measurement.parameters.place("steepness")]) + STEEPER, STEEPEST)
    model, rough = models(measurement, start)
    signs = _signs(rough.means(start)[..., ~positions], measurement.values[..., ~positions])
    measurement = replace(measurement, values=signs[:, None, None, None] * measurement.values)
    rows = np.asarray(~np.any(measurement.values, axis=-1))
    if earlier is None:
        if spoiled:
            wrong = rows | _reversed(rough.means(start), measurement, positions)
            rows = wrong if wrong.mean() <= MOST_ROWS else rows
        counted = measurement.without(positions | rows[..., None]) if spoiled else measurement.without(positions)
        start = fit_scanner(rough, measurement.values, counted.sigma, start, None, steepest=steepest).state
        model, rough = models(measurement, start if measurement.exact else narrow(measurement, start))
    return Begun(measurement, start, steepest, model, rough, empty, positions, rows, signs)


def _searched(
    measurement: Measurement, empty: np.ndarray, noise: float
) -> tuple[ScannerState, float, np.ndarray, bool]:
    """Return a start, what it leaves, the positions that do not count, and whether some values had spoiled it."""
    place = (measurement.parameters, measurement.sampling, measurement.fine, empty)
    start, left = ideal_start(measurement.values, *place)
    if left - noise <= _DOUBTED_AT_START:
        return start, left, empty, False
    other, less, wrong = robust_start(measurement.values, *place)
    if less - noise >= left - noise - _DOUBTED_AT_START:
        return start, left, empty, False
    return other, less, empty | wrong, True


def _with_gains(state: ScannerState) -> ScannerState:
    """Return the state with small gains for those that are zero, of harmonics without any signal: zero has no phase."""
    gains = np.where(state.gains == 0, 1e-3 * np.abs(state.gains).max(), state.gains)
    return ScannerState(state.shared, gains, state.local)


def _signs(means: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return -1 for angles whose values, (angle, coil, harmonic, value), are those of a model with the wrong sign."""
    sizes = np.sqrt(np.sum(np.abs(means) ** 2, axis=(1, 2, 3)) * np.sum(np.abs(values) ** 2, axis=(1, 2, 3)))
    alike = np.sum((means.conj() * values).real, axis=(1, 2, 3)) / np.maximum(sizes, np.finfo(float).tiny)
    return np.where(alike < -REVERSED, -1.0, 1.0)


def _reversed(means: np.ndarray, measurement: Measurement, positions: np.ndarray) -> np.ndarray:
    """Return which rows an ideal scanner describes so little that they are reversed, (angle, coil, harmonic)."""
    kept, values, sigma = ~positions, measurement.values, measurement.sigma
    left = np.sum(np.abs(values - means)[..., kept] ** 2 - sigma[..., kept] ** 2, axis=-1)
    return np.asarray(left > REVERSED * np.sum(np.abs(values[..., kept]) ** 2, axis=-1))
