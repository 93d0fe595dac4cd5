"""One trial: a file is read in a forked child with limits of memory, time and what it writes.

A fault is: an exception instead of a sentence, more than one sentence, control characters on the terminal, the end of
the child by a signal, more time or memory than allowed, and a file that is written, created or opened for writing where
none should be.
"""

from __future__ import annotations

import io
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path

from mpisim import InputError
from mpisim.cli.main import main
from tests.fuzz.specimens import Action

__all__ = ["read_here", "read_in_child"]

MEMORY = 10**9  # bytes beyond what the parent has
SECONDS = 20  # of CPU
_PATIENCE = 300  # s of the clock, on a machine that does other things, too
_LARGEST = 64 * 2**20  # bytes of a file that is written


def read_in_child(file: Path, actions: Sequence[Action], folder: Path) -> list[str]:
    """Return what each action came to: `accepted`, `refused`, or `fault: ...`; the child works in `folder`."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        _child(file, actions, folder, send)
    os.close(send)
    said, alive = _heard(receive, _PATIENCE)
    os.close(receive)
    if not alive:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    found = [str(line) for line in map(json.loads, said.decode("utf-8", "replace").splitlines())]
    if not alive:
        return [*found, f"fault: hangs in {_name(actions, len(found))}"]
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return [*found, f"fault: ended by {name} in {_name(actions, len(found))}"]
    if os.WEXITSTATUS(status) != 0:
        return [*found, f"fault: exit {os.WEXITSTATUS(status)} in {_name(actions, len(found))}"]
    return found


def read_here(file: Path, actions: Sequence[Action]) -> list[str]:
    """Return what each action comes to in this process, without limits."""
    streams = sys.stdout, sys.stderr
    found = [_outcome(file, action, []) for action in actions]
    sys.stdout, sys.stderr = streams
    return found


def _heard(receive: int, patience: float) -> tuple[bytes, bool]:
    """Return what a child wrote until it closed the pipe, and whether it did so in time."""
    said, end = b"", time.monotonic() + patience
    while True:
        ready, _, _ = select.select([receive], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return said, False
        part = os.read(receive, 65536)
        if not part:
            return said, True
        said += part


def _name(actions: Sequence[Action], number: int) -> str:
    action = actions[min(number, len(actions) - 1)]
    return getattr(action, "__name__", "") or " ".join(action)  # type: ignore[arg-type]


def _child(file: Path, actions: Sequence[Action], folder: Path, send: int) -> None:
    """Run the actions, tell the parent of each, and end without returning."""
    code = 1
    try:
        os.chdir(folder)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        _limit(resource.RLIMIT_AS, _virtual_memory() + MEMORY)
        _limit(resource.RLIMIT_CPU, SECONDS * len(actions))
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_FSIZE, _LARGEST)
        writes: list[str] = []
        sys.addaudithook(lambda event, arguments: _audit(event, arguments, folder, writes))
        for action in actions:
            start = time.process_time()
            found = _outcome(file, action, writes)
            spent = time.process_time() - start
            found = f"fault: takes {spent:.0f} s in {_name([action], 0)}" if spent > SECONDS else found
            os.write(send, (json.dumps(found) + "\n").encode())
        code = 0
    finally:
        os._exit(code)


def _limit(kind: int, most: int) -> None:
    resource.setrlimit(kind, (most, most))


def _virtual_memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _audit(event: str, arguments: tuple[object, ...], folder: Path, writes: list[str]) -> None:
    """Note every file that Python opens for writing, renames or removes outside of the folder, and every command.

    What Numba does in its own folder, where it keeps compiled kernels, does not count.
    """
    noted = ""
    if event == "open" and isinstance(arguments[0], str | bytes):
        mode, flags = str(arguments[1] or ""), int(arguments[2] or 0)  # type: ignore[call-overload]
        writing = any(c in mode for c in "wax+") or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        if writing and not _inside(os.fsdecode(arguments[0]), folder):
            noted = f"open {arguments[0]!r}"
    elif event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "shutil.rmtree"):
        if not _inside(os.fsdecode(arguments[0]), folder):  # type: ignore[arg-type]
            noted = f"{event} {arguments[0]!r}"
    elif event in _COMMANDS:
        noted = f"{event} {arguments!r}"
    if noted and not _of_numba():
        writes.append(noted)


_COMMANDS = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "pickle.find_class")


def _of_numba() -> bool:
    """Whether Numba stores a kernel in its own folder, or loads one from there."""
    frame = sys._getframe()
    while frame is not None and not frame.f_code.co_filename.endswith("numba/core/caching.py"):
        frame = frame.f_back  # type: ignore[assignment]
    return frame is not None


def _inside(path: str, folder: Path) -> bool:
    place = os.path.realpath(path)
    return place in (os.devnull, str(folder)) or place.startswith(f"{folder}{os.sep}")


def _outcome(file: Path, action: Action, writes: list[str]) -> str:
    before = set(os.listdir("."))
    try:
        found = _read(file, action) if callable(action) else _run(file, action)
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-6:]
        where = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(last))
        found = f"fault: {type(error).__name__}({error!s:.200}) at {where} in {_name([action], 0)}"
    made = {name for name in os.listdir(".") if name not in before}
    allowed = {"OUT.nc", "OUT.mdf"} if found == "accepted" else set()
    if made - allowed:
        found = f"fault: leaves {sorted(made)!r} in {_name([action], 0)} ({found})"
    for name in made:
        os.remove(name)
    if writes:
        found = f"fault: {writes} in {_name([action], 0)} ({found})"
        writes.clear()
    return found


def _read(file: Path, action: object) -> str:
    assert callable(action)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            action(str(file))
        except InputError as error:
            return _judged([str(error)])
    return "accepted"


def _run(file: Path, words: tuple[str, ...]) -> str:
    out, err = io.StringIO(), io.StringIO()
    sys.stdout, sys.stderr = out, err
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        code = main([str(file) if word == "FILE" else word for word in words])
    if code not in (0, 1, 2):
        return f"fault: exit code {code} of {' '.join(words)}"
    lines = err.getvalue().splitlines()
    told = [line.removeprefix("mpisim: ") for line in lines if not line.startswith("mpisim: warning: ")]
    if not _printable(out.getvalue()) or not _printable(err.getvalue()):
        return f"fault: control characters in what {' '.join(words)} prints"
    if code == 2:
        return _judged(told)
    return f"fault: {words[0]} says {told!r:.200} on stderr" if told else "accepted"


def _judged(sentences: list[str]) -> str:
    text = sentences[0] if len(sentences) == 1 else ""
    good = text.startswith("Input ") and " must " in text and "; instead " in text and _printable(text)
    return "refused" if good and "\n" not in text and len(text) < 2000 else f"fault: no sentence but {sentences!r:.300}"


def _printable(text: str) -> bool:
    return all(c.isprintable() or c == "\n" for c in text)
