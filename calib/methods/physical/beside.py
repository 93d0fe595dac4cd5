"""Rows of a matrix of bands: harmonics of a drive that changes, lines beside them, and what no scanner describes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

from calib.methods.misfit import named_rows
from calib.methods.physical.model import Model
from calib.methods.physical.replacement import replace_others
from calib.methods.physical.rest import add_rest
from calib.methods.physical.rounds import InRounds
from calib.methods.record import Recovered
from mpisim.data.coverage import expected_nrmse
from mpisim.data.sampling import BoxSampling
from mpisim.errors import warn

__all__ = ["joined"]

_OF_SCANNER = 2.0
"""Relative error of a line by the scanner's parameters over that of the harmonic next to it."""
_OF_TURNED = 10.0
"""The same where the line of the scanner turns: lines are then derivatives of the rows."""
_Simpler = tuple[str, Callable[[xr.Dataset], Recovered]]


class _Rows(NamedTuple):
    """Fine rows, their standard deviation and its circularity, each of one shape that ends with (y, x)."""

    rows: np.ndarray
    spread: np.ndarray
    circularity: np.ndarray

    def reshaped(self, *shape: int) -> _Rows:
        """Return views of another shape before (y, x)."""
        return _Rows(*(v.reshape(*shape, *v.shape[-2:]) for v in self))


def joined(fits: InRounds, harmonics: Recovered, coarse: xr.Dataset, simpler: _Simpler) -> Recovered:
    """Return all rows of a file.

    Parameters
    ----------
    fits
        The scanner and its lines.
    harmonics
        Rows of the harmonics, without what the waveform changes of them, with deviations.
    coarse
        The coarse matrix.
    simpler
        Name and function of a method that presumes less, for lines that the scanner does not describe.
    """
    lines, (n_angles, n_coils) = fits.found.lines, fits.out.shape[:2]
    fine, shape = fits.fitted.fine_model(), fits.fitted.measurement.fine.array_shape
    assert harmonics.std is not None and harmonics.circularity is not None
    of_harmonics = _Rows(harmonics.rows, harmonics.std, harmonics.circularity).reshaped(n_angles, n_coils, -1)
    if fits.before is not None:
        changes = fits.in_file(fits.before.changes(fine)).reshape(of_harmonics.rows.shape)
        of_harmonics = of_harmonics._replace(rows=of_harmonics.rows + changes)
    beside = _beside(fits, fine, of_harmonics)
    counts = _replaced(fits, beside.reshaped(-1), coarse.isel(frequency=lines.others), simpler)
    found = []
    for known, others in zip(of_harmonics, beside, strict=True):
        every = np.empty((n_angles, n_coils, coarse.sizes["frequency"], *shape), dtype=known.dtype)
        every[:, :, lines.harmonics], every[:, :, lines.others] = known, others
        found.append(every.reshape(-1, *shape))
    metadata = {**harmonics.metadata, "bands": _reported(fits, coarse)}
    known_counts: dict[str, int] = dict(metadata.get("rows_refitted", {}))  # type: ignore[call-overload]
    for name, count in counts.items():
        known_counts[name] = known_counts.get(name, 0) + count
    if known_counts:
        metadata["rows_refitted"] = known_counts
    metadata["expected_nrmse"] = float(f"{float(expected_nrmse(found[0], found[1])):.4g}")
    return Recovered(found[0], metadata, found[1], found[2])


def _beside(fits: InRounds, fine: Model, harmonics: _Rows) -> _Rows:
    """Return the lines of the fitted scanner, (angle, coil, line, y, x).

    Their variance is that of their own coefficients, and that of the scanner's parameters: relative to the row, that of
    the harmonic next to it times the square of `_OF_SCANNER` or `_OF_TURNED`.
    """
    lines, unit = fits.found.lines, fits.fitted.measurement.unit
    near = [lines.nearest(number) for number, _ in lines.beside]
    spread = harmonics.spread[:, :, near]
    found, variances = fits.found.rows_and_variances(fine)
    rows, own = fits.in_file(found).reshape(spread.shape), unit**2 * variances.reshape(spread.shape)
    square, of_harmonic = (np.mean(np.abs(v) ** 2, axis=(-2, -1)) for v in (rows, harmonics.rows[:, :, near]))
    size = square / np.maximum(of_harmonic, np.finfo(float).tiny)
    factor = _OF_TURNED if fits.found.waveform.turn else _OF_SCANNER
    wide = np.sqrt(own + factor**2 * size[..., None, None] * spread**2)
    return _Rows(rows, wide, np.zeros(spread.shape, dtype=complex))


def _replaced(fits: InRounds, found: _Rows, coarse: xr.Dataset, simpler: _Simpler) -> dict[str, int]:
    """Add what is left and significant, and recover rows that are not described otherwise, in place; how many so."""
    undescribed = np.broadcast_to(fits.undescribed[None], fits.out.shape)
    if isinstance(fits.fitted.measurement.sampling, BoxSampling):
        add_rest(found.rows, coarse, fits.fitted, ~(fits.out | undescribed).ravel())
    counts: dict[str, int] = {}
    if undescribed.any():
        counts[simpler[0]] = _by_simpler(found, undescribed, coarse, simpler)
    (single,) = np.nonzero((fits.out & ~undescribed).ravel())
    if single.size:
        others = replace_others(*found, coarse, single, simpler)
        counted = " and ".join(f"{count} by {name}" for name, count in others.items())
        warn(
            f"{single.size} of {fits.out.size} rows of lines beside harmonics are not those of the fitted scanner and "
            f"were recovered otherwise, {counted} ({named_rows(coarse, single)})."
        )
        for name, count in others.items():
            counts[name] = counts.get(name, 0) + count
    return counts


def _by_simpler(found: _Rows, undescribed: np.ndarray, coarse: xr.Dataset, simpler: _Simpler) -> int:
    """Recover lines that the scanner does not describe by a method that presumes less, in place; how many rows."""
    name, by = simpler
    lines = np.flatnonzero(undescribed.any(axis=(0, 1)))
    every = by(coarse.isel(frequency=lines)).rows
    place, chosen = undescribed.ravel(), undescribed[:, :, lines].ravel()
    apart = np.abs(every[chosen] - found.rows[place]) / np.sqrt(2)
    found.spread[place] = np.maximum(found.spread[place], apart)
    found.rows[place], found.circularity[place] = every[chosen], 0.0
    named = ", ".join(f"{f / 1e3:.6g}" for f in coarse["frequency"].values[lines][:3])
    more = ", ..." if lines.size > 3 else ""
    warn(
        f"{lines.size} of {undescribed.shape[2]} lines beside harmonics are not what the fitted scanner makes of them, "
        f"and were recovered by {name}: {named}{more} kHz."
    )
    return int(place.sum())


def _reported(fits: InRounds, coarse: xr.Dataset) -> dict[str, object]:
    """Return waveform and lines in values that JSON holds; times and changes are those of a frame."""
    lines, waveform = fits.found.lines, fits.found.waveform
    frequencies, undescribed = coarse["frequency"].values[lines.others], fits.undescribed
    changes = {name: _short(getattr(waveform, name)) for name in ("rise", "drift", "turn")}
    told = [
        {
            "coil": c,
            "frequency": float(frequencies[i]),
            "harmonic": number,
            "cycles": _short(cycles),
            "chi2": _short(fits.found.fits[c][i].chi2),
            "chi2_excess": _short(fits.found.fits[c][i].excess),
            "described": not bool(undescribed[c, i]),
        }
        for c in range(len(undescribed))
        for i, (number, cycles) in enumerate(lines.beside)
    ]
    return {**changes, "rounds": fits.rounds, "lines": told}


def _short(value: float) -> float:
    return float(f"{float(value):.6g}")
