"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mpisim.errors import InputError

__all__ = ["deferring_interrupt", "not_a_folder", "output_folder", "replacing", "write_text"]


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
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")  # before the file, for any interrupt
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


def not_a_folder(path: Path) -> None:
    """Raise `InputError` where the path of a file to write is a folder."""
    if path.is_dir():
        raise InputError(f"Input output file must be a file name; instead received the folder {path}.")


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
