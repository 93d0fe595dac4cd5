r"""The method `auto`: the fit of the scanner where it describes the measurement, else a method that presumes less.

`recover` takes it where no method is named. Four ways are tried, in the order of how much they presume and of how
little they err where that holds:

1. `physical` fits the scanner. If the fit has converged, and what it leaves of the block means is noise (`chi2_excess`
   below `EXPLAINED` standard deviations), it is taken; but not where the phase varies within rows
   (`calib.methods.physical.phases`), as with a tracer that has a history. Few values can fit such a tracer then, and
   rows between them are wrong.
2. If it leaves more, has not converged, or is refused, `profile` is tried. If one profile for all of at least
   `_MANY_ANGLES` angles leaves only noise of every row, it is taken: the line is ideal then, and the tracer is one that
   the fit does not know, such as one whose moments lag behind the field. `_SOME_ANGLES` are enough where the phases
   show that already.
3. Else `linear-bayes` is tried: it presumes that the matrix is like those of its prior. Of two results that both count,
   the one is taken whose expected error is smaller; both widen their standard deviations by what they leave
   unexplained.
   A result that leaves more than noise counts only where it expects to err by less than half of the distance between
   its rows and interpolated ones. Errors of the two are hardly alike, so that the squared distance is the sum of their
   squares, and interpolated rows are then worse. If no scanner is fitted, `linear-bayes` leaves noise where its chi2 is
   below `_MOST_LEFT`.
4. If neither counts, it is the method that `calib.choice` takes: a network, profiles, ridges, or interpolation.

Rows at angles that were not measured, and what has changed since an earlier fit, are known to `physical` alone. If
`angles` are wanted, no other method can be taken: where no scanner is fitted, the matrix is refused.

A method that fails, whatever the error, is one that does not count. The result states what was tried, what each method
expects to err, and why one was taken. Where that is not a fit that leaves noise, a warning says so in one line; of the
warnings of the methods only those of the one that was taken are passed on.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from calib.methods.linear_bayes.coil_priors import coil_priors
from calib.methods.physical.fit_file import Source, fit_of
from calib.methods.physical.more_angles import wanted_angles
from calib.methods.physical.phases import MOST_OUT_OF_PHASE
from calib.methods.record import Recovered
from mpisim.data.coverage import expected_nrmse
from mpisim.data.sampling import Sampling
from mpisim.data.schema import CIRCULARITY, STD
from mpisim.data.views import as_images
from mpisim.errors import InputError, warn

__all__ = ["EXPLAINED", "By", "recover_automatically"]

By = Callable[[xr.Dataset, str | None, Mapping[str, object]], xr.Dataset]
"""Recovers a coarse matrix by a named method, without a name by the choice of `calib.choice`; with options by name."""
EXPLAINED = 6.0
"""Standard deviations of chi2 above its expected value up to which a fit counts as one that leaves noise."""
_FAILURES = (ArithmeticError, ValueError, IndexError, RuntimeError, np.linalg.LinAlgError)
_MOST_OTHERS = 0.5  # share of rows that a method may give up before its result does not count
_MOST_UNCERTAIN = 1.0  # expected error from which a result tells nothing of the rows
_LEAST = "bicubic-dc"
_LEAST_OF = {"positions": "smooth-rows", "strided": "bicubic-strided-aligned", "random": "cs"}
_MOST_LEFT = 2.0  # chi2 of a prior up to which its result counts by itself
_MANY_ANGLES = 8  # from which one profile for all of them is no accident
_SOME_ANGLES = 4  # from which it is taken where the tracer has a history
_CLOSE = 0.5  # of the distance between rows and interpolated ones: largest expected error where more than noise is left
_BY_OTHERS = "and matrices of other imperfect scanners describe it better"
_MUST = re.compile(  # a full stop ends a sentence where a space or nothing follows, so that numbers stay whole
    r"Input (.+?)(?: (?:of|for) the method physical)? must (.+?)(?: for the method physical)?(?:;|\.(?:\s|$)).*"
)


@dataclass(frozen=True, eq=False)
class _Tried:
    """A method that was tried: its result and warnings, or why it does not count."""

    method: str
    fine: xr.Dataset | None = None
    said: tuple[warnings.WarningMessage, ...] = ()
    refused: str = ""

    @property
    def metadata(self) -> Mapping[str, Any]:
        return {} if self.fine is None else self.fine.attrs["recovery"]

    @property
    def error(self) -> float:
        """The nRMSE that the result expects; infinite where it states none."""
        if self.fine is None or STD not in self.fine:
            return float("inf")
        return float(expected_nrmse(self.fine["system_matrix"].values, self.fine[STD].values))

    def described(self) -> dict[str, object]:
        """Return method, chi2, expected error and why it does not count, for the file."""
        found: dict[str, object] = {"method": self.method}
        if "chi2" in self.metadata:
            found["chi2"] = self.metadata["chi2"]
        if np.isfinite(self.error):
            found["expected_nrmse"] = float(f"{self.error:.4g}")
        return {**found, **({"refused": self.refused} if self.refused else {})}


def recover_automatically(coarse: xr.Dataset, by: By, **given: Any) -> Recovered:
    """Recover a coarse matrix by the method that describes it best.

    Parameters
    ----------
    coarse
        The coarse matrix, with its noise.
    by
        Recovers it by a named method.
    **given
        `prior`: known matrices for `linear-bayes`. `angles` and `prior_scanner`: the angles of the wanted rows, and an
        earlier fit of the same scanner, for `physical`. See `recover`; each may be left out or None.

    Returns
    -------
    Recovered
        The metadata are those of the method that was taken, whose name is under `method`, with the `reason`, and under
        `tried` what else was tried.

    Raises
    ------
    InputError
        If something that is given is not what it must be, `angles` are wanted and no scanner can be fitted, or no
        method can recover the matrix.
    """
    wanted, of_fit = _checked(**given)
    physical = _tried(coarse, "physical", by, of_fit)
    fit = _of_fit(physical, coarse)
    if _explains(physical):
        return _taken(physical, [physical], fit, usual=True)
    if wanted is not None:
        if physical.refused:
            must = f"left out, since {fit} and no other method has rows at angles that were not measured"
            raise InputError(f"Input angles must be {must}; instead received {len(wanted)} angles.")
        return _taken(physical, [physical], f"{fit}, yet no other has rows at angles that were not measured")
    profiles = _tried(coarse, "profile", by)
    if _all_rows_fit(profiles, coarse, _SOME_ANGLES if _has_history(physical) else _MANY_ANGLES):
        return _taken(profiles, [physical, profiles], f"{fit}, while profiles leave only noise of all rows")
    bayes = _tried(coarse, "linear-bayes", by, {"prior": given.get("prior")})
    tried = [physical, bayes]
    if not physical.refused:
        return _of_two(coarse, by, physical, bayes, fit)
    if not bayes.refused:
        if np.nanmax(np.array(bayes.metadata["chi2"], dtype=float)) < _MOST_LEFT:  # None for a coil without a prior
            return _taken(bayes, tried, f"{fit}, and it is like the matrices of other imperfect scanners")
        if _nearer(bayes, _tried(coarse, _least(coarse), by)):
            return _taken(bayes, tried, f"{fit}, and matrices of other scanners describe it better than interpolation")
    return _otherwise(coarse, by, tried, fit)


def _checked(
    prior: str | os.PathLike[str] | None = None,
    angles: int | Iterable[float] | None = None,
    prior_scanner: Source | None = None,
) -> tuple[np.ndarray | None, dict[str, object]]:
    """Return the wanted angles, and what the fit is given; refuse what is wrong before any method is tried."""
    if prior is not None:
        coil_priors(prior)  # which keeps them
    wanted = None if angles is None else wanted_angles(angles)
    earlier = None if prior_scanner is None else fit_of(prior_scanner)
    found = {"angles": wanted, "prior_scanner": earlier}
    return wanted, {name: value for name, value in found.items() if value is not None}


def _of_two(coarse: xr.Dataset, by: By, physical: _Tried, bayes: _Tried, fit: str) -> Recovered:
    """Take a fit that leaves more than noise, a prior that expects to err less, or else what presumes less than both.

    `fit` says what the fit did.
    """
    tried = [physical, bayes]
    better = not bayes.refused and bayes.error < physical.error
    chosen, why = (bayes, _BY_OTHERS) if better else (physical, "yet no other method is known to err less")
    if _nearer(chosen, _tried(coarse, _least(coarse), by)):
        return _taken(chosen, tried, f"{fit}, {why}")
    apart = "interpolated rows differ by less than twice the error that it expects"
    return _otherwise(coarse, by, tried, f"{fit}, {apart}")


def _all_rows_fit(profiles: _Tried, coarse: xr.Dataset, angles: int) -> bool:
    """Whether one profile for all of so many angles leaves only noise of every row: an ideal line with any tracer."""
    known, given_up = profiles.metadata, ("rows_partly_interpolated", "rows_refitted")
    fitted = not profiles.refused and "lengths" in known and not any(name in known for name in given_up)
    return fitted and coarse.sizes["angle"] >= angles


def _least(coarse: xr.Dataset) -> str:
    """Return the method that presumes least."""
    return _LEAST_OF.get(Sampling.of(coarse).scheme, _LEAST)


def _nearer(found: _Tried, least: _Tried) -> bool:
    """Whether a result errs less than what presumes least, as its expected error against their distance tells."""
    if found.fine is None or least.fine is None:
        return False
    rows = as_images(found.fine).astype(complex)
    apart = np.linalg.norm(rows - as_images(least.fine)) / np.linalg.norm(rows)
    return bool(found.error < _CLOSE * apart)


def _otherwise(coarse: xr.Dataset, by: By, tried: list[_Tried], fit: str) -> Recovered:
    """Take the method of `calib.choice`."""
    usual = _tried(coarse, None, by)
    if usual.fine is None:
        raise InputError(usual.refused)
    why = f"{fit}, and {usual.metadata.get('reason', 'it presumes least')}"
    reason = f"no field-free line was found: {why}" if usual.method == _LEAST else why
    return _taken(usual, [*tried, usual], reason)


def _tried(coarse: xr.Dataset, method: str | None, by: By, given: Mapping[str, object] | None = None) -> _Tried:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            fine = by(coarse, method, given or {})
        except InputError as error:
            if str(error).startswith(tuple(f"Input {name} " for name in given or {})):
                raise  # not the matrix is wrong, but what was given with it
            return _Tried(method or "", refused=str(error))
        except _FAILURES as error:  # numbers for which its mathematics was not made
            if method is None:
                raise
            return _Tried(method, refused=f"it failed ({type(error).__name__}: {error})")
    metadata = fine.attrs["recovery"]
    refused = "" if method is None else _refused(metadata, len(as_images(fine)))
    found = _Tried(method or str(metadata["method"]), fine, tuple(said), refused)
    if not refused and method is not None and _MOST_UNCERTAIN < found.error < np.inf:
        return replace(found, refused=f"it expects an error of {100 * found.error:.2g} %")
    return found


def _explains(physical: _Tried) -> bool:
    """Whether a fit of the scanner counts, has converged, and leaves noise, of a tracer without a history."""
    told = physical.metadata
    counts = not physical.refused and told.get("converged", True) and not _has_history(physical)
    return counts and told["chi2_excess"] <= EXPLAINED


def _has_history(physical: _Tried) -> bool:
    """Whether the phase varies within rows."""
    return bool(physical.metadata.get("out_of_phase", 0.0) > MOST_OUT_OF_PHASE)


def _refused(metadata: Mapping[str, Any], rows: int) -> str:
    """Return why a result does not count: the method gave up, or did so for most of the rows."""
    if "instead" in metadata:
        return str(metadata["reason"]).replace(" of them", " of the rows")
    reason = metadata.get("reason_of_fallback")
    if isinstance(reason, str):  # a list tells of single coils, whose rows are counted below
        return reason
    others = sum(metadata.get("rows_refitted", {}).values())
    return f"{others} of {rows} rows are not what it presumes" if others > _MOST_OTHERS * rows else ""


def _of_fit(physical: _Tried, coarse: xr.Dataset) -> str:
    """Return in words what the fit of the scanner came to."""
    if physical.fine is None:
        return _not_fitted(physical.refused, coarse)
    if physical.refused:
        return f"no scanner was fitted ({physical.refused})"
    chi2 = f"chi2 {physical.metadata['chi2']:.3g}"
    if _explains(physical):
        return f"a fitted scanner explains the measurement ({chi2})"
    if _has_history(physical):
        return f"the phase varies within rows, as of a tracer with a history, which a fitted scanner lacks ({chi2})"
    if physical.metadata["chi2_excess"] <= EXPLAINED:
        return f"the fit of the scanner has not converged ({chi2})"
    return f"a fitted scanner leaves more than noise ({chi2})"


def _not_fitted(refused: str, coarse: xr.Dataset) -> str:
    """Return in words what a matrix lacks that a scanner could be fitted to, from the sentence that refused it."""
    if "angle" not in coarse.coords:
        return "no scanner can be fitted without angles"
    found = _MUST.fullmatch(refused)
    return f"no scanner can be fitted ({found[1]} must {found[2].rstrip(',')})" if found else "no scanner can be fitted"


def _taken(chosen: _Tried, tried: list[_Tried], reason: str, usual: bool = False) -> Recovered:
    assert chosen.fine is not None
    if not usual:
        warn(f"The method is {chosen.method}, because {reason}.")
    for message in chosen.said:
        if usual or not str(message.message).startswith("The method is "):
            warnings.warn_explicit(message.message, message.category, message.filename, message.lineno)
    metadata = {k: v for k, v in chosen.metadata.items() if k not in ("sampling", "noise", "reason")}
    if np.isfinite(chosen.error):
        metadata["expected_nrmse"] = float(f"{chosen.error:.4g}")
    rows = as_images(chosen.fine).astype(complex)
    stated = [chosen.fine[n].values.reshape(rows.shape) if n in chosen.fine else None for n in (STD, CIRCULARITY)]
    found = {**metadata, "reason": reason, "tried": [t.described() for t in tried]}
    return Recovered(rows, found, *stated)
