"""Finished results of studies on disk, under everything that they depend on.

A key names what a result depends on: digests of data and weights, settings, the method's name and the `version` of its
record. Comments, renames and moves of code therefore recompute nothing; whoever changes the numbers of a method raises
its version.

Version 0.1.0 wrote a digest of the source files into its keys instead of versions of methods. Its results are still
read: they are those of version 1 of every method, and a row is stored again under today's key when it is first read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import xarray as xr

from calib.studies.harness.results import Row
from mpisim.errors import InputError
from mpisim.io import read, write
from mpisim.io.atomic import output_folder, write_text
from mpisim.io.digest import digest
from mpisim.progress import say

__all__ = ["ResultCache"]

_VERSIONS = ("version", "solver_version")
"""Entries that keys of 0.1.0 lack; its results belong to version 1 of each."""
_OF_0_1_0 = {"software": "0.1.0", "code": "33abdcbcc6b61562"}
"""Entries that version 0.1.0 added to every key; `code` is the digest of its source files."""


_Entry: TypeAlias = tuple[Row, float]
"""A finished row and the seconds that it took; its file also holds the key, and a digest of all three."""


class ResultCache:
    """Finished rows, each a small JSON file, and finished matrices as NetCDF, in the folder `rows` of the cache.

    `report` receives a line of text for every computed row and every damaged file. The attribute `earlier` holds the
    seconds that the rows read from the cache took when they were computed.
    """

    def __init__(self, folder: Path, report: Callable[[str], None] = say) -> None:
        self.folder = output_folder(folder / "rows")
        self.report = report
        self.earlier = 0.0

    def row(
        self, name: str, key: Mapping[str, object], compute: Callable[[], Mapping[str, object]], message: str = ""
    ) -> Row:
        """Return the row of a key and compute it if the cache lacks it or its file is damaged.

        The key holds everything on which the row depends; key and row are values that JSON holds, and the row is
        returned as JSON holds it, so that a computed row and one from the cache are equal. `name` is the start of the
        file's name; `message` is reported when the row is computed, formatted with the row.
        """
        key = _as_json(key)
        file = self._file(name, key, ".json")
        entry = self._read(file, key) or self._migrated(name, key)
        if entry is not None:
            self.earlier += entry[1]
            return entry[0]
        start = time.monotonic()
        row = _as_json(compute())
        self._store(file, key, row, round(time.monotonic() - start, 1))
        if message:
            self.report(message.format(**row))
        return row

    def matrix(self, name: str, key: Mapping[str, object], compute: Callable[[], xr.Dataset]) -> xr.Dataset:
        """Return the dataset of a key and compute it if the cache lacks it or its file is damaged."""
        key = _as_json(key)
        file = self._file(name, key, ".nc")
        old = _key_of_0_1_0(key)
        for known in (file, *([] if old is None else [self._file(name, old, ".nc")])):
            if known.is_file():
                try:
                    return read(known)
                except InputError as error:
                    self.report(f"mpisim: the cached matrix {known} is damaged and is computed again: {error}")
        computed = compute()
        write(computed, file)
        return computed

    def _file(self, name: str, key: Mapping[str, object], suffix: str) -> Path:
        return self.folder / f"{name}_{digest(key)}{suffix}"

    def _store(self, file: Path, key: Mapping[str, object], row: Mapping[str, object], seconds: float) -> None:
        entry = {"key": key, "row": row, "seconds": seconds}
        write_text(file, json.dumps({**entry, "digest": digest(entry)}))

    def _migrated(self, name: str, key: Mapping[str, object]) -> _Entry | None:
        """Return the entry that version 0.1.0 wrote for a key, and store it again under the key."""
        old = _key_of_0_1_0(key)
        entry = None if old is None else self._read(self._file(name, old, ".json"), old)
        if entry is not None:
            self._store(self._file(name, key, ".json"), key, *entry)
        return entry

    def _read(self, file: Path, key: Mapping[str, object]) -> _Entry | None:
        """Return the entry in a file; None without the file, or if it is damaged, which removes it."""
        if not file.is_file():
            return None
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            content = json.loads(file.read_text(encoding="utf-8"))
            stored = content.pop("digest")
            if stored == digest(content) and content["key"] == key:
                return content["row"], content["seconds"]
        self.report(f"mpisim: the cached row {file} is damaged; it is removed and computed again.")
        file.unlink()
        return None


def _as_json(values: Mapping[str, object]) -> dict[str, object]:
    return dict(json.loads(json.dumps(dict(values))))


def _key_of_0_1_0(key: Mapping[str, object]) -> dict[str, object] | None:
    """Return a key as version 0.1.0 wrote it, or None where a method has changed since."""
    if any(key.get(name, 1) != 1 for name in _VERSIONS):
        return None
    return {k: v for k, v in key.items() if k not in _VERSIONS} | _OF_0_1_0
