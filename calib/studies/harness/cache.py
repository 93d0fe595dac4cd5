"""Finished results of studies, kept on disk under everything that they depend on.

A key names what a result depends on: digests of data and weights, settings, the method's name and the `version` of its
record (`calib.recovery.Method.version`). Comments, renames and moves of code therefore recompute nothing; whoever
changes the numbers of a method raises its version.

Version 0.1.0 wrote a digest of the source files into its keys instead of method versions. Results that it left are
still found: they are what version 1 of every method gives, and are stored again under today's key when first read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import xarray as xr

from mpisim.errors import InputError
from mpisim.io import read, write
from mpisim.io.atomic import output_folder, write_text
from mpisim.io.digest import digest
from mpisim.progress import say

__all__ = ["ResultCache"]

_VERSIONS = ("version", "solver_version")
"""Entries of a key that results of 0.1.0 do not have; theirs are 1."""
_OF_0_1_0 = {"software": "0.1.0", "code": "33abdcbcc6b61562"}
"""What version 0.1.0 added to every key: the digest is that of its source files."""


class ResultCache:
    """Finished rows, each a small JSON file, and finished matrices as NetCDF.

    Parameters
    ----------
    folder
        The cache; results lie in `rows` of it.

    Attributes
    ----------
    earlier
        Seconds that the rows found in the cache took when they were computed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = output_folder(folder / "rows")
        self.earlier = 0.0

    def row(
        self, name: str, key: Mapping[str, Any], compute: Callable[[], Mapping[str, Any]], message: str = ""
    ) -> dict[str, Any]:
        """Return the row of a key, computed if it is not there; a damaged file is reported and computed again.

        Parameters
        ----------
        name
            Start of the file's name.
        key
            Everything on which the row depends, in values that JSON holds.
        compute
            Computes the row; anything that JSON holds.
        message
            What to report when it is computed, formatted with the row.
        """
        key = _as_json(key)
        file = self._file(name, key, ".json")
        found = self._read(file, key) or self._migrated(name, key)
        if found is not None:
            self.earlier += found["seconds"]
            return found["row"]
        start = time.monotonic()
        row = _as_json(compute())
        self._store(file, key, row, round(time.monotonic() - start, 1))
        if message:
            say(message.format(**row))
        return row

    def matrix(self, name: str, key: Mapping[str, Any], compute: Callable[[], xr.Dataset]) -> xr.Dataset:
        """Return the dataset of a key as `row` does."""
        key = _as_json(key)
        file = self._file(name, key, ".nc")
        old = _key_of_0_1_0(key)
        for known in (file, *([] if old is None else [self._file(name, old, ".nc")])):
            if known.is_file():
                try:
                    return read(known)
                except InputError as error:
                    say(f"mpisim: the cached matrix {known} is damaged and is computed again: {error}")
        found = compute()
        write(found, file)
        return found

    def _file(self, name: str, key: Mapping[str, Any], suffix: str) -> Path:
        return self.folder / f"{name}_{digest(key)}{suffix}"

    def _store(self, file: Path, key: Mapping[str, Any], row: Mapping[str, Any], seconds: float) -> None:
        kept = {"key": key, "row": row, "seconds": seconds}
        write_text(file, json.dumps({**kept, "digest": digest(kept)}))

    def _migrated(self, name: str, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the entry of version 0.1.0 for a key, stored again under it."""
        old = _key_of_0_1_0(key)
        found = None if old is None else self._read(self._file(name, old, ".json"), old)
        if found is not None:
            self._store(self._file(name, key, ".json"), key, found["row"], found["seconds"])
        return found

    def _read(self, file: Path, key: Mapping[str, Any]) -> dict[str, Any] | None:
        if not file.is_file():
            return None
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            found = json.loads(file.read_text(encoding="utf-8"))
            kept = {k: v for k, v in found.items() if k != "digest"}
            if found["digest"] == digest(kept) and found["key"] == key:
                return kept
        say(f"mpisim: the cached row {file} is damaged; it is removed and computed again.")
        file.unlink()
        return None


def _as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(dict(values)))


def _key_of_0_1_0(key: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a key as version 0.1.0 wrote it, or None where a method has changed since."""
    if any(key.get(name, 1) != 1 for name in _VERSIONS):
        return None
    return {k: v for k, v in key.items() if k not in _VERSIONS} | _OF_0_1_0
