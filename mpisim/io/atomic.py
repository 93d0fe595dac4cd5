"""Files that are written whole or not at all.

A file is written under a temporary name in its folder and then moved into place. The temporary name of `sm.nc` is
`.sm.nc.PLACE-PID-TOKEN.tmp`: the machine and the process that write it, and a random number. A process that is killed
leaves it behind; whoever writes `sm.nc` next removes it, unless its process still runs, or runs on another machine.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import secrets
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from mpisim.errors import InputError, require

__all__ = [
    "deferring_interrupt",
    "expect_file",
    "not_a_folder",
    "not_an_input",
    "output_folder",
    "remove_leftovers",
    "replacing",
    "write_text",
]

_OWNER = re.compile(r"\.([0-9a-f]{8})-(\d+)-[0-9a-f]{12}\.tmp$")
_LEFTOVER = re.compile(r"^\..+\.([0-9a-f]{8}-\d+-)?[0-9a-f]{12}\.tmp$")  # version 0.1.0 wrote no place and process
_ABANDONED = 7 * 24 * 3600.0  # s without a change, after which a file counts as left whoever wrote it


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it into place on success, remove it on any failure.

    Raises
    ------
    InputError
        If the folder does not exist and cannot be made, or cannot be written.
    """
    target = Path(path)
    output_folder(target.parent)
    not_a_folder(target)
    remove_leftovers(target.parent, target.name)
    owner = f"{_place()}-{os.getpid()}-{secrets.token_hex(6)}"
    temporary = target.with_name(f".{target.name}.{owner}.tmp")  # before the file, for any interrupt
    try:
        try:
            temporary.touch(exist_ok=False)
        except OSError as error:
            raise InputError(
                "Input output file must be in a folder that can be written; "
                f"instead received {target} ({error.strerror})."
            ) from None
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # some libraries write for the owner only
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: str | os.PathLike[str], name: str = "*") -> None:
    """Remove the temporary files that killed processes left in a folder, of one target or (`*`) of all.

    A file stays while its process runs. One of another machine, or of version 0.1.0, stays for a week after its last
    change.
    """
    pattern = name if name == "*" else glob.escape(name)
    for file in Path(folder).glob(f".{pattern}.*.tmp"):
        if _LEFTOVER.match(file.name) and not _in_use(file):
            with suppress(OSError):  # somebody else was faster, or it is not ours to remove
                file.unlink()


def _in_use(file: Path) -> bool:
    """Return whether the process that writes a temporary file may still run."""
    owner = _OWNER.search(file.name)
    if owner and owner[1] == _place() and not _runs(int(owner[2])):
        return False
    try:
        return time.time() - file.stat().st_mtime < _ABANDONED
    except OSError:
        return True


def _runs(process: int) -> bool:
    """Return whether a process of this machine runs; True where that cannot be told."""
    if os.name != "posix":  # elsewhere signal 0 is a signal like any other
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


@cache
def _place() -> str:
    """Return eight digits for where process numbers mean the same: this machine, and its container if it is in one."""
    container = ""
    with suppress(OSError):
        container = os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(f"{socket.gethostname()} {container}".encode()).hexdigest()[:8]


def not_a_folder(path: Path) -> None:
    """Raise `InputError` where the path of a file to write is a folder."""
    if path.is_dir():
        raise InputError(f"Input output file must be a file name; instead received the folder {path}.")


def not_an_input(
    path: str | os.PathLike[str], *inputs: str | os.PathLike[str] | None, name: str = "output file"
) -> None:
    """Raise `InputError` where a file to write is one of the files that are read, under whatever name or link."""
    file = Path(path)
    for given in (Path(i) for i in inputs if i is not None):
        same = file.exists() and given.exists() and file.samefile(given)
        require(not same, name, "another file than the input", str(path))


def expect_file(
    path: str | os.PathLike[str],
    suffixes: tuple[str, ...],
    *inputs: str | os.PathLike[str] | None,
    name: str = "output file",
) -> None:
    """Raise `InputError` unless a file of these suffixes can be written; call it before long work.

    The file must have one of the suffixes (lower case, with the dot), lie in a folder that can be made and written, be
    no folder, and be none of the `inputs`. `name` is what sentences call the file.
    """
    file = Path(path)
    require(file.suffix.lower() in suffixes, name, f"a {' or '.join(suffixes)} file", str(path))
    try:
        not_a_folder(file)
        nearest = next(folder for folder in file.absolute().parents if folder.exists())
        fits = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK) and _takes_files(nearest)
    except OSError:  # of a name that is too long
        fits = False
    require(fits, name, "in a folder that can be made and written", str(path))
    not_an_input(file, *inputs, name=name)


def _takes_files(folder: Path) -> bool:
    """Whether a file can be made in a folder; to the superuser the mode of a folder does not say it."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@contextmanager
def deferring_interrupt() -> Iterator[None]:
    """Let Ctrl-C wait until the block is done: an interrupt inside the NetCDF library leaves its locks held."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if received and callable(handler):
        handler(signal.SIGINT, None)


def output_folder(path: str | os.PathLike[str]) -> Path:
    """Return the folder, made if need be; raise `InputError` if that fails or it cannot be written."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"Input output folder must be a folder that can be made; instead received {folder} ({error.strerror})."
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"Input output folder must be a folder that can be written; instead received {folder}.")
    return folder


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file atomically, in UTF-8."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
