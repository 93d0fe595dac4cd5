"""Results of studies: rows that are kept as they are made, and tables as NetCDF, CSV and text."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import xarray as xr

from mpisim.digest import digest, file_digest
from mpisim.errors import InputError
from mpisim.io import read, write
from mpisim.io.atomic import deferring_interrupt, output_folder, replacing, write_text
from mpisim.progress import say
from mpisim.studies.study import StudyOptions
from mpisim.version import __version__

__all__ = ["RowCache", "beside", "machine", "text_table", "write_results"]

_PACKAGES = ("mpisim", "calib", "recon")
_NO_PART = {  # of what makes a row: training, the table of commands and what people look at
    *("train.py", "data.py", "between.py", "recipe.py", "muon.py", "tuning.py"),
    *("evaluate.py", "original.py", "shipped.py"),
    *("command.py", "commands.py", "options.py", "study_command.py", "tune.py", "tune_command.py"),
    *("demo.py", "plot.py", "progress.py", "report.py", "version.py", "digest.py"),
}


class RowCache:
    """Finished rows, each a small JSON file under everything that it depends on, and matrices for figures.

    Parameters
    ----------
    folder
        The cache; rows lie in `rows` of it. A change of the code that makes them (not of training, the command line or
        the studies themselves) makes them anew.

    Attributes
    ----------
    earlier
        Seconds that the rows found in the cache took when they were made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = output_folder(folder / "rows")
        self.common = {"software": __version__, "code": _code()}
        self.earlier = 0.0

    def row(
        self, name: str, key: Mapping[str, Any], compute: Callable[[], Mapping[str, Any]], told: str = ""
    ) -> dict[str, Any]:
        """Return the row of a key, computed if it is not there; a damaged file is told, removed and made anew.

        Parameters
        ----------
        name
            Start of the file's name.
        key
            Everything on which the row depends.
        compute
            Makes the row; anything that JSON holds.
        told
            What to tell when it is made, formatted with the row.
        """
        key = json.loads(json.dumps({**key, **self.common}))
        file = self.folder / f"{name}_{digest(key)}.json"
        row = self._read(file, key)
        if row is None:
            start = time.monotonic()
            row = json.loads(json.dumps(dict(compute())))
            kept = {"key": key, "row": row, "seconds": round(time.monotonic() - start, 1)}
            write_text(file, json.dumps({**kept, "digest": digest(kept)}))
            if told:
                say(told.format(**row))
        return row

    def matrix(self, name: str, key: Mapping[str, Any], compute: Callable[[], xr.Dataset]) -> xr.Dataset:
        """Return the dataset of a key as `row` does; it is kept as NetCDF."""
        file = self.folder / f"{name}_{digest(json.loads(json.dumps({**key, **self.common})))}.nc"
        if file.is_file():
            try:
                return read(file)
            except InputError as error:
                say(f"mpisim: the cached matrix {file} is damaged and is made anew: {error}")
        found = compute()
        write(found, file)
        return found

    def _read(self, file: Path, key: Mapping[str, Any]) -> dict[str, Any] | None:
        if not file.is_file():
            return None
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            found = json.loads(file.read_text(encoding="utf-8"))
            kept = {k: v for k, v in found.items() if k != "digest"}
            if found["digest"] == digest(kept) and found["key"] == key:
                self.earlier += found["seconds"]
                return found["row"]
        say(f"mpisim: the cached row {file} is damaged; it is removed and made anew.")
        file.unlink()
        return None


def _code() -> str:
    found = []
    for name in _PACKAGES:
        spec = find_spec(name)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            files = {f.relative_to(folder): f for f in Path(folder).rglob("*.py") if f.name not in _NO_PART}
            found += sorted((p.as_posix(), file_digest(f)) for p, f in files.items() if "studies" not in p.parts)
    return digest(found)


def beside(ours: float | None, published: float | None, relative: bool = True) -> float | None:
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
    from mpisim.plot import save_figure

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
