"""Tables of errors of recovered matrices: their rows, and a table as dataset, figure and text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from calib.recovery import METHODS
from calib.studies.harness.figures import plot_table
from calib.studies.harness.missing import missing_note, quick_note, shown
from calib.studies.harness.recovery import Errors, Recovery
from calib.studies.harness.results import Row, deviation, formatted, text_table, write_results
from calib.studies.harness.trained import Trained
from mpisim.cli.command import Result
from mpisim.data.noise import PROTOCOL_SNR

__all__ = ["ErrorRow", "error_row", "matrix_coords", "report"]

_AXES = ("method", "factor", "noise")
_FORMATS = {
    "method": "{}",
    "factor": "{}x",
    "noise": "{}",
    "nrmse_percent": "{:.2f}",
    "published_percent": "{:.2f}",
    "difference_percent": "{:+.0f}%",
    "steps": "{}",
    "minutes": "{:.1f}",
    "parameters": "{}",
}
_MARKS = {"no": "*", "unknown": "?", "yes": " "}
"""Marks behind a figure by the column `converged` of its training."""


@dataclass(frozen=True)
class ErrorRow:
    """A row of a table of errors.

    Parameters
    ----------
    method, factor, noise
        What was recovered; the noise is `noiseless` or `noisy`.
    errors
        Errors over the test matrices; None where weights are missing.
    published
        The published mean nRMSE in %, if there is one to compare with.
    training
        Columns that state how the weights were trained.
    """

    method: str
    factor: int
    noise: str
    errors: Errors | None
    published: float | None
    training: Row

    @property
    def columns(self) -> Row:
        """The row as it is written."""
        ours = None if self.errors is None else self.errors.percent
        return {
            "method": self.method,
            "factor": self.factor,
            "noise": self.noise,
            "nrmse_percent": ours,
            "published_percent": self.published,
            "difference_percent": deviation(ours, self.published),
            **self.training,
            "rows_not_converged": None if self.errors is None else self.errors.rows_not_converged,
        }


def error_row(
    recovery: Recovery, method: str, factor: int, noise: str, published: float | None, weights: Trained | None
) -> ErrorRow:
    """Return a row of a table, from the cache or computed.

    `weights` are those of a learned method, None where they are missing. `published`, the mean nRMSE in %, is left out
    of results that are not complete.
    """
    missing = METHODS[method].learned and weights is None
    errors = None if missing else recovery.errors(method, factor, noise, weights)
    training = recovery.training_columns(weights, missing)
    return ErrorRow(method, factor, noise, errors, published if recovery.complete else None, training)


def report(recovery: Recovery, name: str, rows: Sequence[ErrorRow], notes: Sequence[str] = ()) -> Result:
    """Write a table of errors as `NAME.nc`, `NAME.csv` and `NAME.png`, and return the result of its study."""
    options, count = recovery.options, len(recovery.test)
    table = [row.columns for row in rows]
    drawn = shown(options, table)
    short = "" if recovery.complete else f", a short form of {count} matrices, not comparable with published figures"
    title = f"nRMSE in %, mean over {count} test matrices{short}"
    figure = plot_table(drawn, "nrmse_percent", "published_percent", "nRMSE in %", title)
    files = write_results(options, name, _as_dataset(rows, recovery.test), table, figure, recovery.cache.earlier)
    text = _as_text(title, drawn, [*notes, *quick_note(options), *missing_note(options, table)])
    return {"matrices": count, "table": table, "files": files, "text": text}


def _as_dataset(rows: Sequence[ErrorRow], matrices: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return `nrmse` (method, factor, noise, matrix), a fraction, NaN where weights are missing."""
    places = [(row.method, row.factor, row.noise) for row in rows]
    names = {key: list(dict.fromkeys(column)) for key, column in zip(_AXES, zip(*places, strict=True), strict=True)}
    values = np.full((*map(len, names.values()), len(matrices)), np.nan)
    for row, place in zip(rows, places, strict=True):
        if row.errors is not None:
            index = tuple(names[key].index(value) for key, value in zip(_AXES, place, strict=True))
            values[index] = row.errors.nrmse
    data = xr.Dataset({"nrmse": ((*names, "matrix"), values, {"units": "1"})}, names | matrix_coords(matrices))
    return data.assign_attrs(snr=PROTOCOL_SNR)


def matrix_coords(matrices: Sequence[xr.Dataset]) -> dict[str, object]:
    """Return gradient and diameter of matrices as coordinates of the dimension `matrix`."""
    units = {"sf_gradient": "T/m", "particle_diameter": "m"}
    return {name: ("matrix", [float(m[name]) for m in matrices], {"units": unit}) for name, unit in units.items()}


def _as_text(title: str, table: Sequence[Row], notes: Iterable[str] = ()) -> str:
    """Return a table for the terminal: our figure, the published one, the deviation of ours, and the training."""
    used = {row["converged"] for row in table}
    legend = ["* twice the steps lowered the error by over 2 %: not converged"] * ("no" in used)
    legend += ["? convergence unknown: no training of at most half the steps to compare with"] * ("unknown" in used)
    titles = ("method", "factor", "noise", "ours", "paper", "off by", "steps", "minutes", "parameters")
    return "\n".join([title, text_table(titles, map(_words, table), [*legend, *notes])])


def _words(row: Row) -> list[str | None]:
    """Return the words of a row of the text."""
    method, factor, noise, ours, *others = formatted(row, _FORMATS)
    return [method, factor, noise, f"{ours}{_MARKS.get(row['converged'], '')}", *others]
