"""What a physicist should know before trusting a recovered matrix, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from calib.diagnostics.agreement import Agreement
from calib.methods.misfit import named_rows
from calib.methods.physical.phases import MOST_OUT_OF_PHASE
from mpisim.data.coverage import expected_nrmse
from mpisim.data.schema import STD

__all__ = ["distrust", "expected_error", "verdict"]

_SIGNIFICANT = 3.0  # standard deviations of chi2
_UNCERTAIN = 0.1  # expected error of a harmonic over its RMS
_BY_PRIOR = 0.5  # share that the data determine below which a parameter is the prior's


def expected_error(recovered: xr.Dataset, dim: str | None = None) -> float | np.ndarray | None:
    """Return the expected nRMSE from the standard deviation of the values: in total, or along a dimension of the rows.

    Returns
    -------
    float or numpy.ndarray
        The root of the summed variance over the energy of the rows, a share; None if the matrix states no deviation.
    """
    if STD not in recovered:
        return None
    values, deviation = recovered["system_matrix"], recovered[STD]
    others = tuple(i for i, d in enumerate(values.dims) if d != dim)
    found = expected_nrmse(values.values, deviation.values, others)
    return float(found) if found.ndim == 0 else found


def verdict(recovered: xr.Dataset, agrees: Agreement | None) -> str:
    """Return in a sentence or two how far the matrix explains the measurement and what error is expected."""
    error = expected_error(recovered)
    words = (
        f"The matrix states an expected error of {100 * error:.2g} % (nRMSE)."
        if isinstance(error, float)
        else "The method states no expected error."
    )
    if agrees is None:
        return f"{words} The noise of the measurement is not known or zero, so nothing says whether it is explained."
    excess = (agrees.mean - 1) / agrees.spread
    if excess > _SIGNIFICANT:
        return (
            f"{words} It leaves {agrees.mean:.4g} times the variance of the noise: more than noise, so the rows are "
            "not quite what the method presumes, or the noise is larger than stated."
        )
    return f"{words} What it leaves of the measurement is noise (chi2 {agrees.mean:.4g})."


def distrust(recovered: xr.Dataset, coarse: xr.Dataset, agrees: Agreement | None) -> list[str]:
    """Return what to distrust, the most important first; empty if nothing is known against the matrix."""
    return [*_of_recovery(recovered.attrs["recovery"]), *_of_rows(coarse, agrees), *_of_errors(recovered)]


def _of_recovery(recovery: Mapping[str, Any]) -> Iterator[str]:
    if recovery.get("converged") is False:
        yield "The fit did not converge."
    if recovery.get("out_of_phase", 0.0) > MOST_OUT_OF_PHASE:
        yield (
            f"{100 * recovery['out_of_phase']:.2g} % of the signal is out of phase with the rest of its row, as with "
            "tracers that have a history, which a fitted scanner lacks."
        )
    if recovery.get("few_blocks"):
        yield f"There are {recovery['few_blocks']}."
    others = recovery.get("rows_refitted") or {}
    if others:
        by = " and ".join(f"{count} by {name}" for name, count in others.items())
        yield f"{sum(others.values())} rows are not what the method presumes; simpler methods recovered them: {by}."
    if recovery.get("positions_left_out"):
        places = ", ".join(str(tuple(p)) for p in recovery["positions_left_out"])
        yield f"These positions of the sample (row, column) do not fit the others and were left out: {places}."
    noise = recovery.get("noise") or {}
    if noise.get("bound"):
        yield "The noise level is an upper bound that was estimated from the data."
    elif noise.get("estimated"):
        yield "The noise level was estimated from the data."
    unknown = [p["name"] for p in recovery.get("parameters", []) if p["determined"] < _BY_PRIOR]
    if unknown:
        yield (
            f"{len(unknown)} of {len(recovery['parameters'])} parameters of the scanner are not determined by these "
            "data but by what was presumed of them. The matrix hardly depends on them."
        )


def _of_rows(coarse: xr.Dataset, agrees: Agreement | None) -> Iterator[str]:
    if agrees is None:
        return
    rows = agrees.outliers()
    if len(rows):
        yield f"Rows that are explained less than the others: {len(rows)} ({named_rows(coarse, rows)})."
    for dim, name, unit, scale in (("angle", "angle", " degrees", 180 / np.pi), ("frequency", "harmonic", "", 1.0)):
        if dim not in agrees.chi2.dims or name not in agrees.chi2.coords:
            continue
        along = agrees.along(dim)
        spread = agrees.spread * np.sqrt(along.size)
        worst = int(np.argmax(along.values))
        if float(along[worst]) > max(1.0, float(along.median())) + 2 * _SIGNIFICANT * spread:
            place = f"{scale * float(along[name][worst]):.4g}{unit}"
            yield f"The {name} {place} is explained worst (chi2 {float(along[worst]):.3g})."


def _of_errors(recovered: xr.Dataset) -> Iterator[str]:
    if "harmonic" not in recovered.coords:
        return
    errors = expected_error(recovered, "frequency")
    if errors is None:
        return
    many = np.flatnonzero(np.asarray(errors) > _UNCERTAIN)
    if len(many):
        names = ", ".join(f"{int(h)}" for h in recovered["harmonic"].values[many])
        yield f"Expected errors exceed {100 * _UNCERTAIN:.0f} % of the rows at harmonics {names}."
