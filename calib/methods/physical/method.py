r"""The method `physical`: the scanner is fitted to all rows at once, and its fine rows are the result.

Rows that the scanner does not describe (`calib.methods.misfit`) are recovered by a factor or a mirror of its rows where
that explains them (`replacement`), or else as single ridges or by bicubic interpolation, and named in a warning. What
remains of rows whose residual is significant is shrunk, interpolated and added. Block means of rows within their noise
are not made consistent with the data: the fit is closer to the truth than they are. Where the scanner describes less
than half of the rows, or the fit does not converge, a warning says so and a method that presumes less recovers all of
them: `profile` for block means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import xarray as xr

from calib.methods.bicubic import bicubic_aligned
from calib.methods.compressed import compressed_sensing
from calib.methods.misfit import MOST_LEFT, named_rows, share_left
from calib.methods.physical.beside import joined
from calib.methods.physical.changes import changes_reported
from calib.methods.physical.earlier import Earlier
from calib.methods.physical.fit_file import Source, fit_of
from calib.methods.physical.fitting import Fitted, fit_measurement
from calib.methods.physical.lines import Lines
from calib.methods.physical.measurement import Measurement
from calib.methods.physical.more_angles import at_more_angles, measured_angles, wanted_angles
from calib.methods.physical.parameters import LOCAL
from calib.methods.physical.phases import MOST_OUT_OF_PHASE, out_of_phase
from calib.methods.physical.replacement import replace_others
from calib.methods.physical.report import reported
from calib.methods.physical.rest import add_rest
from calib.methods.physical.rounds import fit_in_rounds
from calib.methods.profile import recover_by_profiles
from calib.methods.record import Recovered
from calib.methods.smooth import recover_smoothly
from mpisim.data.angles import look_like_degrees
from mpisim.data.coverage import expected_nrmse
from mpisim.data.sampling import BoxSampling
from mpisim.errors import InputError, require, warn

__all__ = ["recover_by_scanner"]

_MOST_OTHERS = 0.5  # share of rows that the scanner may leave undescribed
_FAR = 8.0  # scales of the table from which an error of an angle is reported
_MOST_LEFT_BY_EARLIER = 0.1  # share of the energy that an earlier fit of the same scanner may leave
_MOST_UNCERTAIN = 1.0  # expected nRMSE above which a fit tells nothing of the rows
_OTHER_SIGN = ", while rows at angles that were not measured have the sign of the other angles"
_UNDETERMINED = "the values do not determine its parameters"
_UNCONVERGED_EXCESS = 10.0  # standard deviations of chi2 above which a fit that has not converged does not count


def recover_by_scanner(
    coarse: xr.Dataset,
    angles: int | Iterable[float] | None = None,
    prior_scanner: Source | None = None,
) -> Recovered:
    """Recover a coarse matrix with dimensions (angle, [receive,] frequency, y, x) by a fit of its scanner.

    With `angles` the rows are those of these angles, measured or not (`more_angles`). `prior_scanner` is an earlier fit
    of the same scanner (`earlier`); the metadata then say what `changes`. Raises `InputError` if the matrix has no
    angles or harmonics, or too few values (`measurement`), or angles are wanted and no scanner is fitted.
    """
    wanted = None if angles is None else wanted_angles(angles)
    lines = Lines.of(coarse)
    must = "left out for rows of bands, since lines beside harmonics are known at measured angles alone"
    require(lines is None or wanted is None, "angles", must, "angles")
    harmonics = coarse if lines is None else lines.harmonics_of(coarse)
    measurement = Measurement.of(harmonics)
    earlier = None if prior_scanner is None else _earlier(prior_scanner, measurement)
    fitted = _fitted(measurement, earlier)
    if fitted is None:
        return _instead(coarse, "no ideal scanner with a field-free line describes even most of them", wanted)
    phases = out_of_phase(measurement.without(fitted.out_positions), max(1.0, fitted.rescaled))
    fits = None
    if lines is not None:
        fits = fit_in_rounds(fitted, coarse, lines, measurement, earlier)
        fitted, harmonics = fits.fitted, fits.corrected(harmonics)
    found = _of_harmonics(harmonics, fitted, phases, wanted)
    if isinstance(found, str):
        return _instead(coarse, found, wanted)
    if earlier is not None:
        found = replace(found, metadata={**found.metadata, "changes": changes_reported(fitted, earlier)})
    return found if fits is None else joined(fits, found, coarse, _simpler(coarse))


def _of_harmonics(coarse: xr.Dataset, fitted: Fitted, phases: float, wanted: np.ndarray | None) -> Recovered | str:
    """Return the rows of a fitted scanner with their metadata, or why the fit does not count.

    `phases` is what the rows have out of phase (`phases`).
    """
    measurement = fitted.measurement
    others = _others(fitted)
    reason = _refused(fitted, others)
    if reason:
        return reason
    try:
        found = (fitted.rows(), *fitted.deviation())
    except np.linalg.LinAlgError:
        return _UNDETERMINED
    shape, unit = measurement.fine.array_shape, measurement.unit
    rows, spread, circularity = (
        scale * measurement.as_rows(v, coarse).reshape(-1, *shape)
        for v, scale in zip(found, (unit, unit, 1.0), strict=True)
    )
    bad = measurement.as_rows(others[..., None], coarse)[:, 0]
    if float(expected_nrmse(rows[~bad], spread[~bad])) > _MOST_UNCERTAIN:
        return _UNDETERMINED
    metadata = reported(fitted)
    metadata["out_of_phase"] = float(f"{phases:.4g}")
    if isinstance(measurement.sampling, BoxSampling):
        add_rest(rows, coarse, fitted, ~bad)
    if bad.any():
        metadata["rows_refitted"] = _replaced(rows, spread, circularity, coarse, bad)
    metadata["expected_nrmse"] = float(f"{float(expected_nrmse(rows, spread)):.4g}")
    _warn_of(coarse, metadata, fitted, wanted)
    if wanted is not None:
        rows, spread, circularity = at_more_angles(fitted, coarse, (rows, spread, circularity), wanted)
        metadata["angles_measured"] = coarse["angle"].values.tolist()
        metadata["expected_nrmse"] = float(f"{float(expected_nrmse(rows, spread)):.4g}")
    return Recovered(rows, metadata, spread, circularity)


def _earlier(source: Source, measurement: Measurement) -> Earlier | None:
    """Return an earlier fit for a measurement; None, with a warning, where it does not describe it."""
    earlier = Earlier.of(fit_of(source), measurement)
    if earlier.left > _MOST_LEFT_BY_EARLIER:
        warn(
            f"The scanner of prior_scanner leaves {100 * earlier.left:.2g} % of the energy of these rows: it is "
            "another scanner, and was not used."
        )
        return None
    return earlier


def _fitted(measurement: Measurement, earlier: Earlier | None = None) -> Fitted | None:
    """Fit a scanner, at the stated angles or, where that fails, as if they were counted otherwise; None if it fails."""
    if earlier is not None:
        return fit_measurement(measurement, earlier)
    angles = np.array(measurement.parameters.angles)
    senses = {"": angles, "count the other way": -angles, "count from the y axis, the other way": np.pi / 2 - angles}
    if look_like_degrees(angles):
        senses["are degrees"] = np.deg2rad(angles)
    for words, sense in senses.items():
        try:
            fitted = fit_measurement(measurement.turned(sense) if words else measurement)
        except np.linalg.LinAlgError:  # of equations that the values do not determine
            continue
        if fitted is not None:
            if words:
                warn(f"The stated angles describe no scanner; those of the fit {words}.")
            return fitted
    return None


def _others(fitted: Fitted) -> np.ndarray:
    """Which rows the scanner does not describe, (angle, coil, harmonic)."""
    measurement = fitted.measurement
    sigma = measurement.sigma
    share = np.where(np.isfinite(sigma), np.nanmin(np.where(np.isfinite(sigma), sigma, np.nan)) / sigma, 0.0)
    noise = np.nanmin(np.where(np.isfinite(sigma), sigma, np.inf), axis=-1)
    noise = np.where(np.isfinite(noise), noise, 1.0)
    left = share_left((share * fitted.residual)[..., None, :], (share * measurement.values)[..., None, :], noise)
    return fitted.out_rows | (left > MOST_LEFT)


def _refused(fitted: Fitted, others: np.ndarray) -> str:
    """Why the fit does not count; empty if it does."""
    if others.mean() > _MOST_OTHERS:
        return f"no scanner with a field-free line was found that describes more than {1 - others.mean():.0%} of them"
    if not fitted.climbed.fit.converged and fitted.excess > _UNCONVERGED_EXCESS:
        return f"the fit of the scanner did not converge (chi2 {fitted.chi2:.3g} after {fitted.climbed.steps} steps)"
    return ""


def _instead(coarse: xr.Dataset, reason: str, wanted: np.ndarray | None) -> Recovered:
    """Recover all rows by a method that presumes less, and say so; none of these has rows at `wanted` angles."""
    if wanted is not None:
        raise InputError(f"Input angles must be left out, since {reason}; instead received {len(wanted)} angles.")
    name, by = _simpler(coarse)
    warn(f"All rows were recovered by {name} instead of physical, because {reason}.")
    found = by(coarse)
    return replace(found, metadata={**found.metadata, "instead": name, "reason": reason})


def _simpler(coarse: xr.Dataset) -> tuple[str, Callable[[xr.Dataset], Recovered]]:
    """The next simpler method of a sampling: its name and function."""
    return {
        "box": ("profile", recover_by_profiles),
        "strided": ("bicubic-strided-aligned", bicubic_aligned),
        "random": ("cs", compressed_sensing),
        "positions": ("smooth-rows", recover_smoothly),
    }[coarse.attrs["sampling"]["scheme"]]


def _replaced(
    rows: np.ndarray, spread: np.ndarray, circularity: np.ndarray, coarse: xr.Dataset, bad: np.ndarray
) -> dict[str, int]:
    """Recover rows that the scanner does not describe otherwise, in place, and say so; how many in which way."""
    (others,) = np.nonzero(bad)
    counts = replace_others(rows, spread, circularity, coarse, others, _simpler(coarse))
    counted = " and ".join(f"{count} by {name}" for name, count in counts.items())
    warn(
        f"{len(others)} of {len(rows)} rows are not those of the fitted scanner and were recovered otherwise, "
        f"{counted} ({named_rows(coarse, others)})."
    )
    return counts


def _warn_of(coarse: xr.Dataset, metadata: dict[str, object], fitted: Fitted, wanted: np.ndarray | None = None) -> None:
    """Warn of positions left out, reversed angles, a noise level that was replaced, histories, and an early stop."""
    positions = fitted.out_positions.sum()
    if positions:
        first = ", ".join(str(tuple(p)) for p in metadata["positions_left_out"][:3])  # type: ignore[index]
        more = ", ..." if positions > 3 else ""
        warn(
            f"{positions} of {fitted.out_positions.size} positions (y, x) do not agree with all others and were left "
            f"out of the fit: {first}{more}."
        )
    (turned,) = np.nonzero(fitted.signs < 0)
    if turned.size:
        first, more = _degrees(coarse, turned[:3]), ", ..." if turned.size > 3 else ""
        beside = "" if wanted is None or measured_angles(coarse, wanted)[1].all() else _OTHER_SIGN
        warn(
            f"{turned.size} of {len(fitted.signs)} angles have rows of the opposite sign, and were recovered so: "
            f"{first}{more} degrees{beside}."
        )
    local = np.abs(fitted.climbed.fit.state.local) / [p.scale for p in LOCAL]
    (odd,) = np.nonzero((local > _FAR).any(axis=1))
    if odd.size:
        which = [LOCAL[int(np.argmax(local[i]))].name for i in odd]
        first = ", ".join(
            f"{np.degrees(float(coarse['angle'][i])):.4g} degrees ({name})"
            for i, name in zip(odd[:3], which, strict=False)
        )
        more = ", ..." if odd.size > 3 else ""
        warn(f"{odd.size} of {len(local)} angles have errors far beyond those of scanners: {first}{more}.")
    if fitted.rescaled != 1 and not fitted.measurement.exact:
        warn(
            f"The residual of the fitted scanner is noise of {fitted.rescaled:.3g} times the stated level, which "
            "replaces it."
        )
    if metadata["out_of_phase"] > MOST_OUT_OF_PHASE:  # type: ignore[operator]
        warn(
            f"{100 * metadata['out_of_phase']:.2g} % of the signal is out of phase with the rest of its row, as with "  # type: ignore[operator]
            "tracers that have a history, or a phase that drifts: the fitted scanner has none, and its rows can err by "
            "several times what is stated."
        )
    if not fitted.climbed.fit.converged:
        warn(f"The fit of the scanner has not converged completely after {fitted.climbed.steps} steps.")


def _degrees(coarse: xr.Dataset, which: np.ndarray) -> str:
    return ", ".join(f"{np.degrees(float(coarse['angle'][i])):.4g}" for i in which)
