"""Results of studies on disk and on the terminal: tables as NetCDF, CSV and text."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd
import xarray as xr

from calib.studies.harness.study import StudyOptions
from mpisim.io.atomic import deferring_interrupt, replacing, write_text
from mpisim.version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Row", "as_csv", "deviation", "formatted", "machine", "table_dataset", "text_table", "write_results"]

Row: TypeAlias = Mapping[str, Any]
"""A row of a table: a number, a word, a truth value or None by the name of the column."""


def deviation(ours: float | None, published: float | None, relative: bool = True) -> float | None:
    """Return how far our figure is off the published one: in %, or the difference in their unit if not `relative`.

    It is None where one figure is missing or ours is not finite.
    """
    if ours is None or published is None or not math.isfinite(ours):
        return None
    return 100 * (ours / published - 1) if relative else ours - published


def text_table(titles: Sequence[str], lines: Iterable[Sequence[object]], notes: Iterable[str] = ()) -> str:
    """Return an aligned table: first column to the left, the others to the right, None as `-`; then notes.

    A column with no value in any line is left out.
    """
    values = [list(line) for line in lines]
    kept = [i for i in range(len(titles)) if not values or any(line[i] is not None for line in values)]
    filled = [["-" if line[i] is None else str(line[i]) for i in kept] for line in values]
    words = [[titles[i] for i in kept], *filled]
    widths = [max(len(line[i]) for line in words) for i in range(len(kept))]
    aligned = (
        "  ".join(w.ljust(n) if i == 0 else w.rjust(n) for i, (w, n) in enumerate(zip(line, widths, strict=True)))
        for line in words
    )
    return "\n".join([*(line.rstrip() for line in aligned), *notes])


def formatted(row: Row, formats: Mapping[str, str]) -> list[str | None]:
    """Return columns of a row as text, in the order of their formats; None stays None."""
    return [None if row[name] is None else form.format(row[name]) for name, form in formats.items()]


def as_csv(table: Sequence[Row]) -> str:
    """Return a table as CSV with a line of column names, numbers of six digits, and nothing for None and NaN."""
    frame = pd.DataFrame(table).convert_dtypes()
    return str(frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def table_dataset(
    table: Sequence[Row], dimension: str, numbers: Sequence[str], coordinates: Mapping[str, str]
) -> xr.Dataset:
    """Return columns of a table as a dataset with one dimension, along which the rows lie.

    `numbers` are the columns that become variables of floating point; None becomes NaN. `coordinates` are the columns
    that become coordinates, by the name of the coordinate.
    """
    frame = pd.DataFrame(table, columns=[*numbers, *coordinates.values()])
    return xr.Dataset(
        {name: (dimension, frame[name].astype(float).to_numpy()) for name in numbers},
        coords={name: (dimension, list(frame[column])) for name, column in coordinates.items()},
    )


def write_results(
    options: StudyOptions,
    name: str,
    data: xr.Dataset,
    table: Sequence[Row],
    figure: Figure | None = None,
    earlier: float = 0.0,
) -> list[str]:
    """Write `NAME.nc`, `NAME.csv` and, if given, the figure `NAME.png`; return the names of the files.

    In the short form the name is `NAME_quick`. The NetCDF file states the machine, when the study ended and how many
    seconds it took; `earlier`, the seconds that results from the cache took when they were computed, count as time of
    the study.
    """
    from mpisim.plot.panels import save_figure

    stem = options.out / (f"{name}_quick" if options.quick else name)
    described = data.assign_attrs(
        software=f"mpisim {__version__}",
        study=name,
        quick=int(options.quick),
        machine=machine(),
        finished=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        seconds=round(earlier + time.time() - options.started, 1),
    )
    with replacing(stem.with_suffix(".nc")) as temporary, deferring_interrupt():
        described.to_netcdf(temporary, engine="netcdf4")
    write_text(stem.with_suffix(".csv"), as_csv(table))
    files = [stem.with_suffix(".nc"), stem.with_suffix(".csv")]
    if figure is not None:
        save_figure(figure, stem.with_suffix(".png"))
        files.append(stem.with_suffix(".png"))
    return [str(f) for f in files]


def machine() -> str:
    """Return a description of this computer: processor and how many of its cores this process may use."""
    names = [line for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    name = names[0].split(":", 1)[1].strip() if names else platform.processor() or platform.machine()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores"


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
