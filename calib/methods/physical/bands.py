r"""Rows of bands: lines beside the harmonics, of a drive or a line that changes while a frame is recorded.

The scanner is fitted to the harmonics, which are the lines next to the whole multiples of the drive frequency. Every
other line holds a linear functional of the same scanner (`waveform`): with the flux F of the fitted scanner,

.. math:: a(f, r, \theta) = (1 + g_\theta)\,e^{i\varphi_\theta} \Bigl(c\,\Phi_n(r, \theta)
          + \sum_{k \ne n} d_k \frac{\gamma_k}{n - k} F_k(r, \theta)\Bigr) .

:math:`\Phi_n` is that of the waveform (rise, drift, turn), which all lines share. The sum is what other harmonics leak
where the drive is switched on, the first one, which is not recorded, among them. c is about the gain :math:`\gamma_n`
of the harmonic, up to filters and weights of the line (Gaussian, mean :math:`\gamma_n`, deviation `_OF_GAIN` of it);
the variance of all d is the likeliest one (`line_fit`). The parameters of the waveform are those of the largest
evidence of all lines together (`waveform_search`).

A line for which this leaves more than noise is fitted once more, with the flux at all amplitudes and the derivatives by
the angle as free terms: any waveform, alike at all angles. That counts if the evidence is larger.

**The harmonics change, too.** With the drive rising they are means over amplitudes, not rows of one amplitude. What the
waveform changes of them, beyond a factor,

.. math:: \gamma_n\,(\alpha\,\Phi_n - F_n),

is subtracted, the scanner is fitted again, and both steps are repeated (`refined`). The gains of the fit are therefore
those of whole frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from calib.methods.physical.fitting import Fitted
from calib.methods.physical.line_fit import LineEquations, LineFit, fit_line
from calib.methods.physical.lines import Lines
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import ScannerState
from calib.methods.physical.scanner_table import scanner_parameters
from calib.methods.physical.waveform import STEADY, Waveform, amplitudes, nodes_needed
from calib.methods.physical.waveform_search import likeliest_waveform

__all__ = ["FittedLines", "fit_lines"]

_FURTHER = 2  # harmonics above the highest recorded one that leak
_OF_GAIN = 0.5  # deviation of the factor of a line from the gain of its harmonic
_LACKS = 3.0  # standard deviations of chi2 from which free terms are tried
_STEP = 0.01  # rad, of differences by the angle
_TOLERANCE = 1e-4  # of the quadrature


@dataclass(frozen=True, eq=False)
class FittedLines:
    """The lines of a matrix with a fitted scanner.

    Parameters
    ----------
    fitted
        The scanner.
    lines
        Those of the matrix.
    waveform
        What changes in a frame.
    fits
        By coil and line beside a harmonic, [coil][line].
    gained
        Log evidence of the waveform over that of one that is steady.
    """

    fitted: Fitted
    lines: Lines
    waveform: Waveform
    fits: list[list[LineFit]]
    gained: float

    @property
    def evidence(self) -> float:
        """Log evidence of all lines."""
        return _evidence(self.fits)

    @cached_property
    def _of_harmonics(self) -> np.ndarray:
        """Coefficients of the fields in what the waveform changes of the harmonics, (coil, harmonic, field)."""
        fields = _Fields(self.fitted, self.lines, self.fitted.model)
        gains = self.fitted.model.units * self.fitted.climbed.fit.state.gains
        out = np.zeros((*gains.shape, fields.own + len(fields.harmonics)), dtype=complex)
        if not self.waveform.changes:
            return out
        for c, k in np.ndindex(*gains.shape):
            number, cycles = self.lines.of_harmonics[k]
            weights = self.waveform.weights(cycles, number, fields.nodes)
            of_own = fields.of(number, c)[: fields.own].reshape(fields.own, -1)
            mixed = weights @ of_own
            factor = np.vdot(mixed, of_own[0]) / max(np.vdot(mixed, mixed).real, np.finfo(float).tiny)
            out[c, k, : fields.own] = gains[c, k] * factor * weights
            out[c, k, 0] -= gains[c, k]
        return out

    def changes(self, model: Model) -> np.ndarray:
        """Return what the waveform changes of the harmonics at the values of a model, (angle, coil, harmonic, value).

        Angles have the signs of the fit, not those of the file.
        """
        fields = _Fields(self.fitted, self.lines, model)
        numbers = [number for number, _ in self.lines.of_harmonics]
        return self._over(fields, numbers, [list(rows) for rows in self._of_harmonics])

    def rows(self, model: Model) -> np.ndarray:
        """Return the lines at the values of a model, complex (angle, coil, line, value), with the signs of the fit."""
        return self._rows(_Fields(self.fitted, self.lines, model))

    def rows_and_variances(self, model: Model) -> tuple[np.ndarray, np.ndarray]:
        """Return `rows` and the variance of each part of them by their own coefficients, of the same shape."""
        fields = _Fields(self.fitted, self.lines, model)
        return self._rows(fields), self._variances(fields)

    def _rows(self, fields: _Fields) -> np.ndarray:
        numbers = [number for number, _ in self.lines.beside]
        return self._over(fields, numbers, [[fit.coefficients for fit in of_coil] for of_coil in self.fits])

    def _variances(self, fields: _Fields) -> np.ndarray:
        size = np.abs(fields.of_angle)[:, None] ** 2
        out = np.zeros((len(size), len(self.fits), len(self.lines.beside), fields.values))
        for c, of_coil in enumerate(self.fits):
            for number, places in self.lines.by_harmonic():
                values = fields.of(number, c)
                for i in places:
                    spread = np.tensordot(of_coil[i].root.T, values, axes=1)
                    out[:, c, i] = size * np.sum(np.abs(spread) ** 2, axis=0)
        return out

    def _over(self, fields: _Fields, numbers: list[int], coefficients: list[list[np.ndarray]]) -> np.ndarray:
        shape = (len(fields.of_angle), len(coefficients), len(numbers), fields.values)
        out = np.zeros(shape, dtype=complex)
        for c, i in np.ndindex(*shape[1:3]):
            out[:, c, i] = fields.of_angle[:, None] * np.tensordot(coefficients[c][i], fields.of(numbers[i], c), axes=1)
        return out


class _Fields:
    """Flux of a fitted scanner at the values of a model, at all amplitudes, and its derivatives by the angle.

    The fields of a line are the flux of its harmonic at `nodes` amplitudes, two derivatives, and the flux of all
    harmonics, each over its distance from that of the line and times the size of its gain; that of its own is zero.
    """

    def __init__(self, fitted: Fitted, lines: Lines, model: Model) -> None:
        state, known = fitted.climbed.fit.state, fitted.measurement.parameters
        self.nodes = nodes_needed(fitted.model.steepness)
        self.own, self.values = self.nodes + 2, len(model.measured.weights)
        self.harmonics = tuple(range(1, lines.highest + _FURTHER + 1))
        parameters = scanner_parameters(list(known.angles), list(self.harmonics), known.coils)
        of_all = _without_gains(state, known.coils, len(self.harmonics))
        every = Model(parameters, model.sampling, model.fine, of_all, fitted.measurement.sample, _TOLERANCE)
        places = [self.harmonics.index(n) for n in lines.numbers]
        self._places = {n: i for i, n in enumerate(lines.numbers)}
        self.full = every.at_amplitude(of_all)
        self._own = np.empty((self.own, *self.full.shape[:-1], len(places)))
        self._own[0] = self.full[..., places]
        for m, amplitude in enumerate(amplitudes(self.nodes)[1:], start=1):
            self._own[m] = every.at_amplitude(of_all, float(amplitude))[..., places]
        before, after = (every.at_amplitude(_turned(of_all, by))[..., places] for by in (-_STEP, _STEP))
        self._own[-2], self._own[-1] = (after - before) / (2 * _STEP), (after + before - 2 * self._own[0]) / _STEP**2
        self.of_angle = (1 + state.local[:, 2]) * np.exp(1j * state.local[:, 3])
        sizes = np.abs(state.gains)
        self._sizes = np.stack([np.interp(self.harmonics, known.harmonics, of_coil) for of_coil in sizes])

    def of(self, number: int, coil: int) -> np.ndarray:
        """Return the fields of the lines of a harmonic, real (field, angle, value)."""
        own = self._own[:, :, coil, :, self._places[number]]
        apart = np.array([0.0 if k == number else 1 / (number - k) for k in self.harmonics])
        factors = apart * self._sizes[coil] / self._sizes[coil, number - 1]
        return np.concatenate([own, np.moveaxis(self.full[:, coil] * factors, -1, 0)])


def fit_lines(
    fitted: Fitted, lines: Lines, values: np.ndarray, sigma: np.ndarray, start: Waveform = STEADY
) -> FittedLines:
    """Fit the waveform and the factors of all lines beside the harmonics.

    Parameters
    ----------
    fitted
        The scanner.
    lines
        Those of the matrix.
    values, sigma
        Lines, complex (angle, coil, line, value), with the signs of the fit and in units of the fit's values, and the
        deviation of their complex noise, of the same shape; infinite for values that do not count.
    start
        A waveform that is likely.
    """
    fields, gains = _Fields(fitted, lines, fitted.model), fitted.model.units * fitted.climbed.fit.state.gains
    equations = [
        [
            _equations(fields.of(number, c), fields.of_angle, values[:, c, i], sigma[:, c, i])
            for i, (number, _) in enumerate(lines.beside)
        ]
        for c in range(len(gains))
    ]

    def fits(waveform: Waveform, free: bool = False) -> list[list[LineFit]]:
        return [
            [
                _fit(e, fields, waveform, at, lines.gain(gains[c], at[0]), free)
                for e, at in zip(of_coil, lines.beside, strict=True)
            ]
            for c, of_coil in enumerate(equations)
        ]

    waveform, gained = likeliest_waveform(lambda waveform: _evidence(fits(waveform)), start)
    found = fits(waveform)
    if any(fit.excess > _LACKS for of_coil in found for fit in of_coil):
        found = [
            [max(pair, key=lambda fit: fit.evidence) for pair in zip(*both, strict=True)]
            for both in zip(found, fits(waveform, True), strict=True)
        ]
    return FittedLines(fitted, lines, waveform, found, gained)


def _evidence(fits: list[list[LineFit]]) -> float:
    return sum(fit.evidence for of_coil in fits for fit in of_coil)


def _fit(
    equations: LineEquations, fields: _Fields, waveform: Waveform, line: tuple[int, float], gain: complex, free: bool
) -> LineFit:
    """Fit a line (number, cycles) with the terms of a waveform, and with free terms if these are asked for."""
    number, cycles = line
    leaks = np.eye(fields.own + len(fields.harmonics))[:, fields.own :]
    leaks = np.delete(leaks, number - 1, axis=1)
    own = np.zeros((len(leaks), 1), dtype=complex)
    own[: fields.own, 0] = waveform.weights(cycles, number, fields.nodes)
    parts = [own, leaks * gain]
    if free:
        any_amplitude, turned = np.eye(len(leaks))[:, : fields.nodes], np.eye(len(leaks))[:, fields.nodes : fields.own]
        parts += [any_amplitude * gain, turned * gain]
    groups = np.repeat(np.arange(len(parts)), [part.shape[1] for part in parts])
    return fit_line(equations, np.concatenate(parts, axis=1), groups, gain, _OF_GAIN * abs(gain))


def _equations(fields: np.ndarray, of_angle: np.ndarray, values: np.ndarray, sigma: np.ndarray) -> LineEquations:
    size = of_angle[:, None]
    return LineEquations.of(fields.reshape(len(fields), -1), (values / size).ravel(), (sigma / np.abs(size)).ravel())


def _without_gains(state: ScannerState, coils: int, harmonics: int) -> ScannerState:
    return ScannerState(state.shared, np.ones((coils, harmonics), dtype=complex), state.local)


def _turned(state: ScannerState, by: float) -> ScannerState:
    local = state.local.copy()
    local[:, 1] += by
    return ScannerState(state.shared, state.gains, local)
