"""Public data sets: which files there are, where they lie, under which licence, and how they are cited.

The files of a data set are kept in a folder with `checksums.json`, which holds the SHA-256 and the size of each. The
publishers of OpenMPIData state no checksums; those of the first download are recorded, and every later use is compared
with them. A file that somebody else put into the folder is recorded without an address.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from mpisim.errors import InputError, one_of, require, warn
from mpisim.io.atomic import output_folder, write_text
from mpisim.io.download import Resuming

__all__ = ["DATA_SETS", "DataSet", "Fetched", "data_folder", "fetch"]

_RECORD = "checksums.json"
_FOLDER_VARIABLE = "MPISIM_DATA"


@dataclass(frozen=True)
class DataSet:
    """A public data set.

    Parameters
    ----------
    name
        How a user names it.
    url
        Where its files lie; the name of a file follows.
    files
        Names of its files.
    licence, citation
        As its publishers state them.
    sums
        SHA-256 by file, where the publishers state it.
    """

    name: str
    url: str
    files: tuple[str, ...]
    licence: str
    citation: str
    sums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fetched:
    """A file of a data set in its folder.

    Parameters
    ----------
    name
        Its name in the data set.
    path
        Where it lies.
    sha256, nbytes
        Its checksum and size.
    is_new
        Whether it was loaded now.
    checked
        What the checksum was compared with: `published`, `recorded` at an earlier download, or `none` (the first one).
    """

    name: str
    path: Path
    sha256: str
    nbytes: int
    is_new: bool
    checked: str


_PHANTOMS = ("shapePhantom", "resolutionPhantom", "concentrationPhantom")
DATA_SETS = {
    "open-mpi": DataSet(
        "open-mpi",
        "https://media.tuhh.de/ibi/openMPIData/data/",
        (
            *(f"calibrations/{n}.mdf" for n in range(1, 16)),
            *(f"measurements/{phantom}/{n}.mdf" for phantom in _PHANTOMS for n in (1, 2, 3)),
        ),
        "CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)",
        "T. Knopp, P. Szwargulski, F. Griese, M. Gräser: OpenMPIData: An initiative for freely accessible magnetic "
        "particle imaging data. Data in Brief 28, 104971 (2020). doi:10.1016/j.dib.2019.104971",
    )
}
"""Data sets by name."""


def data_folder(name: str, folder: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of a data set: the given one, or that name in `MPISIM_DATA` or the user's folder for caches."""
    if folder is not None:
        return Path(folder)
    above = os.environ.get(_FOLDER_VARIABLE)
    return Path(above) / name if above else _user_cache() / name


def _user_cache() -> Path:
    """Return this program's folder for caches, the one of `pooch.os_cache`, which may not be installed."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "mpisim" / "mpisim" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mpisim"
    stated = os.environ.get("XDG_CACHE_HOME", "").strip()
    return (Path(stated) if stated else Path.home() / ".cache") / "mpisim"


def fetch(
    data_set: DataSet,
    names: Iterable[str],
    folder: str | os.PathLike[str] | None = None,
    url: str | None = None,
    downloader: Resuming | None = None,
) -> list[Fetched]:
    """Return files of a data set, loaded where they are not in the folder.

    Parameters
    ----------
    data_set
        See `DATA_SETS`.
    names
        Names of its files, such as `calibrations/10.mdf`.
    folder
        Where files are kept; see `data_folder`.
    url
        Where the files lie instead of `data_set.url`, such as a mirror.
    downloader
        Loads a file; None takes `Resuming()`.

    Raises
    ------
    InputError
        If `pooch` is not installed, there is no such file or no connection, or a file is not what its checksum says.
    """
    wanted = [one_of("name", name, data_set.files) for name in names]
    pooch = _pooch()
    place = output_folder(data_folder(data_set.name, folder))
    base = (url or data_set.url).rstrip("/") + "/"
    found = []
    for name in wanted:
        record = _record(place)
        known = data_set.sums.get(name) or record.get(name, {}).get("sha256")
        store = pooch.create(path=place, base_url=base, registry={name: known}, allow_updates=False)
        is_new = not (place / name).exists() or not _is_sound(store, pooch, name, known)
        if is_new:
            _load(store, name, known, downloader or Resuming())
        digest = known or pooch.file_hash(str(place / name), alg="sha256")
        checked = "published" if name in data_set.sums else "recorded" if known else "none"
        found.append(Fetched(name, place / name, digest, (place / name).stat().st_size, is_new, checked))
        if name not in record:
            _write_record(place, record | {name: _entry(found[-1], base if is_new else None)})
    return found


def _is_sound(store: Any, pooch: Any, name: str, known: str | None) -> bool:
    """Whether a file in the folder has its checksum; one that has not is removed."""
    file = Path(store.abspath) / name
    if known is None or pooch.file_hash(str(file), alg="sha256") == known:
        return True
    warn(f"{file} is not the file that was recorded when it was loaded; it is loaded again.")
    file.unlink()
    return False


def _load(store: Any, name: str, known: str | None, downloader: Resuming) -> None:
    try:
        store.fetch(name, downloader=downloader)
    except InputError:
        raise
    except ValueError as error:  # of pooch, where the checksum is another one
        must = f"the file with the SHA-256 {known} (known from {_RECORD} or its publishers)"
        reason = "one with other bytes, which was removed"
        raise InputError(f"Input {name} must be {must}; instead received {reason}.") from error


def _record(folder: Path) -> dict[str, dict[str, Any]]:
    file = folder / _RECORD
    if not file.exists():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        good = all(isinstance(e, dict) and isinstance(e.get("sha256"), str) for e in found.values())
    except (ValueError, AttributeError):
        good = False
    require(good, str(file), "the record of checksums that this program writes", "another file")
    return dict(found)


def _entry(file: Fetched, base: str | None) -> dict[str, Any]:
    """Return what is recorded of a file; `base` is None where it was in the folder before, from a place not known."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"sha256": file.sha256, "bytes": file.nbytes, "url": base and base + file.name, "recorded": now}


def _write_record(folder: Path, record: Mapping[str, Any]) -> None:
    write_text(folder / _RECORD, json.dumps(dict(sorted(record.items())), indent=1) + "\n")


def _pooch() -> Any:
    try:
        pooch = import_module("pooch")
    except ImportError:
        must = "run where the package pooch is installed (pip install 'mpisim[data]')"
        raise InputError(f"Input data set must be {must}; instead received a Python without it.") from None
    pooch.get_logger().setLevel(logging.WARNING)
    return pooch
