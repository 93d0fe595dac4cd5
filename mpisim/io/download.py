"""Loading files over HTTP, large ones in several goes.

What arrived is kept in `NAME.part`, with what the server said of the file in `NAME.part.json`. A later request asks for
the rest (`Range`) of the same file (`If-Range` with its ETag or the time of its last change; RFC 9110, section 14). A
server that ignores this, or has another file by now, sends the whole file, which then replaces the part. A part whose
server gave neither an ETag nor a time is not continued, since nothing would tell that it is of the same file. A part
that is the whole file (the process ended before it was moved into place) is taken where the server says so: it has no
more bytes (416) of a file of that length (`Content-Range: bytes */LENGTH`).
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from mpisim.errors import InputError, require
from mpisim.memory import GIGABYTE
from mpisim.progress import progress

__all__ = ["Resuming"]

_CHUNK = 2**20
_BROKEN = (http.client.HTTPException, ConnectionError, TimeoutError, urllib.error.URLError, OSError)
_TEMPORARY = (408, 425, 429, 500, 502, 503, 504)  # states of a server that pass
_FINAL = "(what was loaded is kept, and the same command goes on from there)"


@dataclass(frozen=True)
class Resuming:
    """A downloader for `pooch`, which continues what was broken off.

    Parameters
    ----------
    attempts
        Attempts in a row that load nothing, after which it gives up.
    pause
        Seconds before the second attempt; later pauses are twice as long each.
    timeout
        Seconds without data, after which a connection counts as broken.
    """

    attempts: int = 4
    pause: float = 1.0
    timeout: float = 30.0

    def __call__(self, url: str, output_file: str | os.PathLike[str] | IO[bytes], pooch: Any = None) -> None:
        """Load a URL into a file.

        Raises
        ------
        InputError
            If there is no such file, no connection, or no room on the disk for it; what was loaded is kept.
        OSError
            If the disk becomes full while the file is loaded.
        """
        assert isinstance(output_file, str | os.PathLike)
        require(url.startswith(("http://", "https://")), "URL", "one of http or https", url)
        part = Path(output_file).parent / f"{url.rpartition('/')[2]}.part"
        failures = 0
        while True:
            before = _size(part)
            try:
                self._go_on(url, part)
                break
            except urllib.error.HTTPError as error:
                if error.code not in _TEMPORARY:
                    raise _refused(url, f"HTTP {error.code} {error.reason}") from None
                reason = f"HTTP {error.code}"
            except InputError:
                raise
            except _BROKEN as error:
                if isinstance(error, OSError) and error.errno in (28, 122):  # no space, quota
                    raise
                reason = _reason(error)
            failures = 0 if _size(part) > before else failures + 1
            if failures >= self.attempts:
                raise _refused(url, reason)
            time.sleep(min(60.0, self.pause * 2 ** max(0, failures - 1)))
        os.replace(part, output_file)
        _about(part).unlink(missing_ok=True)

    def _go_on(self, url: str, part: Path) -> None:
        """Load what is missing in one request; raise where the connection ends too early."""
        known, have = _stated(part, url), _size(part)
        have = have if known.get("validator") else 0
        request = urllib.request.Request(url, headers={"Accept-Encoding": "identity", "User-Agent": "mpisim"})
        if have:
            request.add_header("Range", f"bytes={have}-")
            request.add_header("If-Range", str(known["validator"]))
        try:
            answer = urllib.request.urlopen(request, timeout=self.timeout)
        except urllib.error.HTTPError as error:
            if error.code != 416 or not have:
                raise
            if _is_whole(have, error.headers.get("Content-Range"), known.get("total")):
                return
            _forget(part)  # a part that is longer than the file
            raise ConnectionError("a part that does not fit the file") from None
        with answer:
            start, total = _extent(answer.status, answer.headers)
            if start not in (0, have) or (start and total != known.get("total")):
                _forget(part)
                raise ConnectionError("another part of the file than was asked for")
            _require_room(part, total, start)
            if not start:
                _state(part, url, answer.headers, total)
            _receive(answer, part, start, total)


def _receive(answer: http.client.HTTPResponse, part: Path, start: int, total: int | None) -> None:
    name = part.name.removesuffix(".part")
    bar = progress(total=total, initial=start, unit="B", unit_scale=True, desc=name)
    with part.open("r+b" if start else "wb") as file, bar:
        file.seek(start)
        file.truncate()
        done = start
        while total is None or done < total:
            data = answer.read(_CHUNK if total is None else min(_CHUNK, total - done))
            if not data:
                break
            file.write(data)
            done += len(data)
            bar.update(len(data))
    if total is not None and done < total:
        raise ConnectionError(f"a connection that ended after {done:,} of {total:,} bytes")


def _extent(status: int, headers: Mapping[str, str]) -> tuple[int, int | None]:
    """Return where the answer starts in the file, and the length of the file."""
    length = headers.get("Content-Length")
    if status != 206:
        return 0, int(length) if length and length.isdigit() else None
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", headers.get("Content-Range") or "")
    if found is None:
        return -1, None
    return int(found[1]), int(found[3])


def _is_whole(size: int, extent: str | None, total: object) -> bool:
    """Whether a part has the length that the server says, now (in an answer 416) and when it began to send the file."""
    found = re.fullmatch(r"bytes \*/(\d+)", extent or "")
    return found is not None and int(found[1]) == size and total in (None, size)


def _require_room(part: Path, total: int | None, start: int) -> None:
    if total is None:
        return
    room = shutil.disk_usage(part.parent).free + _size(part)
    must = f"one with room for {total / GIGABYTE:.3g} GB"
    require(room >= total, f"folder {part.parent}", must, f"one with {room / GIGABYTE:.3g} GB")


def _about(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _stated(part: Path, url: str) -> dict[str, Any]:
    """Return what the server said of the file that a part is of; nothing where that is not known."""
    with suppress(OSError, ValueError):
        found = json.loads(_about(part).read_text(encoding="utf-8"))
        if isinstance(found, dict) and found.get("url") == url:
            return found
    return {}


def _state(part: Path, url: str, headers: Mapping[str, str], total: int | None) -> None:
    tag = headers.get("ETag") or ""
    validator = tag if tag.startswith('"') else headers.get("Last-Modified")  # a weak tag does not tell bytes apart
    text = json.dumps({"url": url, "validator": validator, "total": total})
    part.unlink(missing_ok=True)
    _about(part).write_text(text, encoding="utf-8")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _about(part).unlink(missing_ok=True)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _reason(error: BaseException) -> str:
    inner = getattr(error, "reason", error)
    return " ".join(str(inner).split()) or type(error).__name__


def _refused(url: str, reason: str) -> InputError:
    return InputError(f"Input {url} must be a file that can be loaded {_FINAL}; instead received: {reason}.")
