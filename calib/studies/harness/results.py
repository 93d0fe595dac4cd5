"""Results of studies: tables as NetCDF, CSV and text."""

from __future__ import annotations

import csv
import io
import math
import os
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from calib.studies.harness.study import StudyOptions
from mpisim.io.atomic import deferring_interrupt, replacing, write_text
from mpisim.version import __version__

__all__ = ["deviation", "machine", "text_table", "write_results"]


def deviation(ours: float | None, published: float | None, relative: bool = True) -> float | None:
    """Return how far ours is off the published figure: relative in %, or the difference; None without either."""
    if ours is None or published is None or not math.isfinite(ours):
        return None
    return 100 * (ours / published - 1) if relative else ours - published


def text_table(titles: Sequence[str], lines: Iterable[Sequence[Any]], notes: Iterable[str] = ()) -> str:
    """Return an aligned table: first column to the left, the others to the right, None as `-`; then notes."""
    cells = [list(titles), *(["-" if c is None else str(c) for c in line] for line in lines)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(titles))]
    aligned = (
        "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True)))
        for line in cells
    )
    return "\n".join([*(line.rstrip() for line in aligned), *notes])


def write_results(
    options: StudyOptions,
    name: str,
    data: xr.Dataset,
    table: Sequence[Mapping[str, Any]],
    figure: Any = None,
    earlier: float = 0.0,
) -> list[str]:
    """Write `NAME.nc`, `NAME.csv` and, if given, the figure `NAME.png`; `NAME_quick` in the short form.

    The NetCDF file tells the machine, when the study ended and how many seconds it took, with those that its cached
    rows had taken (`earlier`); trainings tell their own minutes.

    Returns
    -------
    list of str
        The files.
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
    write_text(stem.with_suffix(".csv"), _csv(table))
    files = [stem.with_suffix(".nc"), stem.with_suffix(".csv")]
    if figure is not None:
        save_figure(figure, stem.with_suffix(".png"))
        files.append(stem.with_suffix(".png"))
    return [str(f) for f in files]


def machine() -> str:
    """Return what this computer is: processor and how many of its cores this process may use."""
    names = [line for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    name = names[0].split(":", 1)[1].strip() if names else platform.processor() or platform.machine()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores"


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


def _csv(table: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(key for row in table for key in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in table:
        writer.writerow(["" if v is None else f"{v:.6g}" if isinstance(v, float) else v for v in map(row.get, columns)])
    return text.getvalue()
