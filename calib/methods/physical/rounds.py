"""Fits of a scanner and of its lines of bands, in turn, until neither changes the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from calib.methods.misfit import MOST_LEFT, share_left
from calib.methods.physical.bands import FittedLines, fit_lines
from calib.methods.physical.earlier import Earlier
from calib.methods.physical.fitting import Fitted, fit_measurement
from calib.methods.physical.lines import Lines
from calib.methods.physical.measurement import Measurement, values_and_noise
from calib.methods.physical.waveform import STEADY, Waveform
from mpisim.data.views import as_images

__all__ = ["InRounds", "fit_in_rounds"]

_MOST_ROUNDS = 6
_SETTLED = 0.02  # change of the harmonics, as a chi2, from which another round is made
_MOST_OF_LINE = 0.5  # share of the rows of a line that its fit may leave undescribed
_MOST_OF_ENERGY = 3e-3  # share of the energy of a line that its fit may leave
_CHANCE = 6.0  # standard deviations of chi2 above its expectation that count as chance


@dataclass(frozen=True, eq=False)
class InRounds:
    """A scanner with lines beside its harmonics.

    Parameters
    ----------
    found
        The fitted lines.
    before
        Those of the round before, whose changes of the harmonics the fit of the scanner is free of; None where it was
        fitted to the harmonics as they are.
    out
        Rows of lines that did not count, (angle, coil, line).
    rounds
        How often the scanner was fitted.
    """

    found: FittedLines
    before: FittedLines | None
    out: np.ndarray
    rounds: int

    @property
    def fitted(self) -> Fitted:
        """The scanner."""
        return self.found.fitted

    @property
    def undescribed(self) -> np.ndarray:
        """Lines of which more than noise is left of many rows or of their energy, (coil, line)."""
        fits = self.found.fits
        left = [[fit.left if fit.excess > _CHANCE else 0.0 for fit in of_coil] for of_coil in fits]
        return (self.out.mean(axis=0) > _MOST_OF_LINE) | (np.array(left).reshape(self.out.shape[1:]) > _MOST_OF_ENERGY)

    def in_file(self, values: np.ndarray) -> np.ndarray:
        """Return values (angle, coil, line, value) of the fit in the unit and with the signs of the file."""
        return np.asarray(self.fitted.measurement.unit * self.fitted.signs[:, None, None, None] * values)

    def corrected(self, harmonics: xr.Dataset) -> xr.Dataset:
        """Return the coarse matrix of the harmonics without what the waveform changes of them."""
        if self.before is None:
            return harmonics
        fitted, values = self.fitted, harmonics["system_matrix"]
        images = as_images(harmonics).astype(complex).reshape(*fitted.measurement.values.shape[:3], -1)
        mask = getattr(fitted.measurement.sampling, "mask", None)
        kept = slice(None) if mask is None else mask.reshape(-1)
        images[..., kept] -= self.in_file(self.before.changes(fitted.model))
        return harmonics.assign(system_matrix=values.copy(data=images.reshape(values.shape)))


def fit_in_rounds(
    fitted: Fitted, coarse: xr.Dataset, lines: Lines, measurement: Measurement, earlier: Earlier | None
) -> InRounds:
    """Fit the lines, and the scanner again without what their waveform changes of the harmonics, in turn.

    Parameters
    ----------
    fitted
        The scanner as it describes the harmonics alone.
    coarse, lines
        The coarse matrix and its lines.
    measurement
        That of the harmonics.
    earlier
        An earlier fit of the same scanner.
    """
    base = replace(measurement, parameters=fitted.measurement.parameters)
    values, sigma = _measured(fitted, coarse, lines)
    found, out = _fit_lines(fitted, lines, values, sigma)
    best = InRounds(found, None, out, 1)
    while best.found.waveform.changes and best.rounds < _MOST_ROUNDS:
        changes, fitted = best.found.changes(best.fitted.model), best.fitted
        known = 0.0 if best.before is None else best.before.changes(fitted.model)
        moved = ((changes - known) / fitted.measurement.sigma)[fitted.measurement.counts]
        if np.mean(np.abs(moved) ** 2) < _SETTLED:
            break
        without = replace(base, values=base.values - fitted.signs[:, None, None, None] * changes)
        again = fit_measurement(without, earlier, best.fitted.climbed)
        if again is None:
            break
        found, out = _fit_lines(again, lines, values, sigma, best.found.waveform)
        other = InRounds(found, best.found, out, best.rounds + 1)
        if _score(other) <= _score(best):
            break
        best = other
    return best


def _score(fits: InRounds) -> float:
    """Log likelihood of the harmonics without profiles, and evidence of the lines."""
    fitted = fits.fitted
    misfit = fitted.climbed.fit.chi2 * fitted.rescaled**2 * int(fitted.measurement.counts.sum())
    return fits.found.evidence - misfit


def _measured(fitted: Fitted, coarse: xr.Dataset, lines: Lines) -> tuple[np.ndarray, np.ndarray]:
    """Return values of the lines and their noise in units of the fit; that of exact ones is what the scanner leaves."""
    measurement = fitted.measurement
    values, noise = values_and_noise(coarse, lines.others, measurement.unit)
    if measurement.exact:
        left = np.sqrt(fitted.chi2 * np.mean(measurement.sigma[measurement.counts] ** 2))
        return values, np.maximum(noise, left)
    return values, np.maximum(fitted.rescaled * noise, np.finfo(float).tiny)


def _fit_lines(
    fitted: Fitted, lines: Lines, values: np.ndarray, sigma: np.ndarray, waveform: Waveform = STEADY
) -> tuple[FittedLines, np.ndarray]:
    """Fit the lines, and once more without rows that they do not describe; with these, (angle, coil, line)."""
    values = fitted.signs[:, None, None, None] * values
    counted = np.where(fitted.out_positions, np.inf, sigma)
    found = fit_lines(fitted, lines, values, counted, waveform)
    out = _out_rows(found, values, counted)
    single = out & (out.mean(axis=0) <= _MOST_OF_LINE)
    if not single.any():
        return found, out
    found = fit_lines(fitted, lines, values, np.where(single[..., None], np.inf, counted), found.waveform)
    return found, _out_rows(found, values, counted)


def _out_rows(found: FittedLines, values: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return the rows of which more than a tenth of the energy is left beyond the noise, (angle, coil, line)."""
    finite = np.isfinite(sigma)
    left = np.where(finite, values - found.rows(found.fitted.model), 0)
    noise = np.sqrt(np.sum(np.where(finite, sigma, 0) ** 2, axis=-1) / np.maximum(finite.sum(axis=-1), 1))
    return share_left(left[..., None, :], np.where(finite, values, 0)[..., None, :], noise) > MOST_LEFT
