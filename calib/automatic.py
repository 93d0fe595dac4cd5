r"""The method `auto`: the fit of the scanner where it describes the measurement, else a method that presumes less.

`recover` takes it where no method is named. Three ways are tried, in the order of how much they presume and of how
little they err where that holds:

1. `physical` fits the scanner. If the fit has converged, and what it leaves of the block means is noise (`chi2_excess`
   below `EXPLAINED` standard deviations), it is taken.
2. If it leaves more, has not converged, or is refused, `linear-bayes` is tried: it presumes that the matrix is like
   those of its prior. Of two results that both count, the one is taken whose expected error is smaller; both widen
   their standard deviations by what they leave unexplained.
3. If neither counts, it is the method that `calib.choice` takes: a network, ridges, profiles, or interpolation. A
   network that leaves much unexplained (`MISFIT`) does not count either: nothing describes such a matrix, and
   `bicubic-dc` presumes least.

A method that fails, whatever the error, is one that does not count. The result states what was tried, what each method
expects to err, and why one was taken. Where that is not a fit that leaves noise, a warning says so in one line; of the
warnings of the methods only those of the one that was taken are passed on.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from calib.learned.differences import MISFIT, unexplained
from calib.methods.record import Recovered
from mpisim.data.coverage import expected_nrmse
from mpisim.data.schema import STD
from mpisim.data.views import as_images
from mpisim.errors import InputError, warn

__all__ = ["EXPLAINED", "recover_automatically"]

By = Callable[[xr.Dataset, str | None, str | os.PathLike[str] | None], xr.Dataset]
EXPLAINED = 6.0
"""Standard deviations of chi2 above its expected value up to which a fit counts as one that leaves noise."""
_FAILURES = (ArithmeticError, ValueError, IndexError, RuntimeError, np.linalg.LinAlgError)
_MOST_OTHERS = 0.5  # share of rows that a method may give up before its result does not count
_LEAST = "bicubic-dc"
_MOST_LEFT = 2.0  # chi2 of a prior up to which its result counts by itself


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


def recover_automatically(coarse: xr.Dataset, by: By, prior: str | os.PathLike[str] | None = None) -> Recovered:
    """Recover a coarse matrix by the method that describes it best.

    Parameters
    ----------
    coarse
        The coarse matrix, with its noise.
    by
        `recover` of a coarse matrix by a named method with a prior; without a name by the choice of `calib.choice`.
    prior
        Known matrices for `linear-bayes`, see `recover`.

    Returns
    -------
    Recovered
        The metadata are those of the method that was taken, whose name is under `method`, with the `reason`, and under
        `tried` what else was tried.
    """
    physical = _tried(coarse, "physical", by)
    if _explains(physical):
        chi2 = physical.metadata["chi2"]
        return _taken(physical, [physical], f"a fitted scanner explains the measurement (chi2 {chi2:.3g})", usual=True)
    bayes = _tried(coarse, "linear-bayes", by, prior)
    tried, fit = [physical, bayes], _of_fit(physical, coarse)
    if not physical.refused:
        if not bayes.refused and bayes.error < physical.error:
            return _taken(bayes, tried, f"{fit}, and matrices of other imperfect scanners describe it better")
        return _taken(physical, tried, f"{fit}, yet no other method is known to err less")
    if not bayes.refused and float(np.max(bayes.metadata["chi2"])) < _MOST_LEFT:
        return _taken(bayes, tried, f"{fit}, and it is like the matrices of other imperfect scanners")
    usual = _tried(coarse, None, by)
    if usual.fine is None:
        raise InputError(usual.refused)
    tried.append(usual)
    misfit = usual.metadata.get("misfit", 0.0)
    if misfit > MISFIT:
        least = _tried(coarse, _LEAST, by)
        if not least.refused:
            return _taken(least, [*tried, least], f"{fit}, and {unexplained(misfit)}")
    why = f"{fit}, and {usual.metadata.get('reason', 'it presumes least')}"
    return _taken(usual, tried, f"no field-free line was found: {why}" if usual.method == _LEAST else why)


def _tried(coarse: xr.Dataset, method: str | None, by: By, prior: str | os.PathLike[str] | None = None) -> _Tried:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            fine = by(coarse, method, prior)
        except InputError as error:
            return _Tried(method or "", refused=str(error))
        except _FAILURES as error:  # numbers for which its mathematics was not made
            if method is None:
                raise
            return _Tried(method, refused=f"it failed ({type(error).__name__}: {error})")
    metadata = fine.attrs["recovery"]
    refused = "" if method is None else _refused(metadata, len(as_images(fine)))
    return _Tried(method or str(metadata["method"]), fine, tuple(said), refused)


def _explains(physical: _Tried) -> bool:
    """Whether a fit of the scanner counts, has converged, and leaves noise."""
    told = physical.metadata
    return not physical.refused and told.get("converged", True) and told["chi2_excess"] <= EXPLAINED


def _refused(metadata: Mapping[str, Any], rows: int) -> str:
    """Return why a result does not count: the method gave up, or did so for most of the rows."""
    if "instead" in metadata:
        return str(metadata["reason"]).replace(" of them", " of the rows")
    if "reason_of_fallback" in metadata:
        return str(metadata["reason_of_fallback"])
    others = sum(metadata.get("rows_refitted", {}).values())
    return f"{others} of {rows} rows are not what it presumes" if others > _MOST_OTHERS * rows else ""


def _of_fit(physical: _Tried, coarse: xr.Dataset) -> str:
    """Return in words what the fit of the scanner came to."""
    if not physical.refused:
        chi2 = f"chi2 {physical.metadata['chi2']:.3g}"
        if physical.metadata["chi2_excess"] <= EXPLAINED:
            return f"the fit of the scanner has not converged ({chi2})"
        return f"a fitted scanner leaves more than noise ({chi2})"
    if physical.fine is not None:
        return f"no scanner was fitted ({physical.refused})"
    if "angle" not in coarse.coords:
        return "no scanner can be fitted without angles"
    return "no scanner can be fitted"


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
    std = chosen.fine[STD].values.reshape(as_images(chosen.fine).shape) if STD in chosen.fine else None
    found = {**metadata, "reason": reason, "tried": [t.described() for t in tried]}
    return Recovered(as_images(chosen.fine).astype(complex), found, std)
