r"""The method `auto`: the fit of the scanner where it describes the measurement, else a method that presumes less.

Three ways are tried, in the order of how much they presume and of how little they err where that holds:

1. `physical` fits the scanner. If what it leaves of the block means is noise (`chi2_excess` below `EXPLAINED`
   standard deviations), it is taken.
2. If it leaves more, or is refused, `linear-bayes` is tried: it presumes that the matrix is like those of its prior.
   Of two results that both count, the one is taken whose expected error is smaller; both widen their standard
   deviations by what they leave unexplained.
3. If neither counts, it is the method that `calib.choice` takes without a method: a network, ridges, or interpolation.

The result states what was tried, what each method expects to err, and why one was taken. Only its own warnings are
passed on.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from calib.methods.record import Recovered
from mpisim.data.coverage import expected_nrmse
from mpisim.data.schema import STD
from mpisim.data.views import as_images
from mpisim.errors import InputError

__all__ = ["EXPLAINED", "recover_automatically"]

By = Callable[[xr.Dataset, str | None, str | os.PathLike[str] | None], xr.Dataset]
EXPLAINED = 6.0
"""Standard deviations of chi2 above its expected value up to which a fit counts as one that leaves noise."""
_MOST_OTHERS = 0.5  # share of rows that a method may give up before its result does not count
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
    if not physical.refused and physical.metadata["chi2_excess"] <= EXPLAINED:
        chi2 = physical.metadata["chi2"]
        return _taken(physical, [physical], f"a fitted scanner explains the measurement (chi2 {chi2:.3g})")
    bayes = _tried(coarse, "linear-bayes", by, prior)
    tried, fit = [physical, bayes], _of_fit(physical)
    if not physical.refused:
        if not bayes.refused and bayes.error < physical.error:
            return _taken(bayes, tried, f"{fit}, and matrices of other imperfect scanners describe it better")
        return _taken(physical, tried, f"{fit}, yet no other method is known to err less")
    if not bayes.refused and float(np.max(bayes.metadata["chi2"])) < _MOST_LEFT:
        return _taken(bayes, tried, f"{fit}, and it is like the matrices of other imperfect scanners")
    usual = _tried(coarse, None, by)
    if usual.fine is None:
        raise InputError(usual.refused)
    return _taken(usual, [*tried, usual], f"{fit}, and {usual.metadata.get('reason', 'it presumes least')}")


def _tried(coarse: xr.Dataset, method: str | None, by: By, prior: str | os.PathLike[str] | None = None) -> _Tried:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            fine = by(coarse, method, prior)
        except InputError as error:
            return _Tried(method or "", refused=str(error))
    metadata = fine.attrs["recovery"]
    refused = "" if method is None else _refused(metadata, len(as_images(fine)))
    return _Tried(method or str(metadata["method"]), fine, tuple(said), refused)


def _refused(metadata: Mapping[str, Any], rows: int) -> str:
    """Return why a result does not count: the method gave up, or did so for most of the rows."""
    if "instead" in metadata:
        return str(metadata["reason"])
    if "reason_of_fallback" in metadata:
        return str(metadata["reason_of_fallback"])
    others = sum(metadata.get("rows_refitted", {}).values())
    return f"{others} of {rows} rows are not what it presumes" if others > _MOST_OTHERS * rows else ""


def _of_fit(physical: _Tried) -> str:
    if physical.fine is None:
        return "no scanner can be fitted"
    if physical.refused:
        return f"no scanner was fitted: {physical.refused}"
    return f"a fitted scanner leaves more than noise (chi2 {physical.metadata['chi2']:.3g})"


def _taken(chosen: _Tried, tried: list[_Tried], reason: str) -> Recovered:
    assert chosen.fine is not None
    for message in chosen.said:
        warnings.warn_explicit(message.message, message.category, message.filename, message.lineno)
    metadata = {k: v for k, v in chosen.metadata.items() if k not in ("sampling", "noise", "reason")}
    std = chosen.fine[STD].values.reshape(as_images(chosen.fine).shape) if STD in chosen.fine else None
    found = {**metadata, "reason": reason, "tried": [t.described() for t in tried]}
    return Recovered(as_images(chosen.fine).astype(complex), found, std)
