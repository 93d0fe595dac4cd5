"""The console command `mpisim`: it parses, makes one call, prints the result, and turns bad input into one sentence."""

from __future__ import annotations

import json
import math
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

# Spinning waits of OpenMP cost 10-500x on a busy machine; this must be set before torch or numba load.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from mpisim.cli.command import GROUPS, Command, Result, as_typed, parse, subject_as_typed, table
from mpisim.errors import InputError, one_line, one_of, printable
from mpisim.memory import limited_memory
from mpisim.version import __version__

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, 1 for a check that fails, 2 for bad input, 130 for Ctrl-C."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:  # a process of our own, which draws to files only: no display, and no name that fails
        os.environ["MPLBACKEND"] = "agg"
    if sys.stderr is None:  # closed by the caller: `print` would take stdout, which belongs to `--json`
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):  # a terminal that knows ASCII only gets \xb5 for a micro sign
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    warnings.formatwarning = _one_line
    try:
        return _dispatch(words)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (InputError, OSError, MemoryError) as error:
        print(f"mpisim: {_sentence(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mpisim: interrupted; finished files are kept, nothing was left half-written.", file=sys.stderr)
        return 130


def _one_line(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    return f"mpisim: warning: {one_line(str(message))}\n"


def _dispatch(words: list[str]) -> int:
    if words[:1] == ["--version"]:
        print(__version__)
        return 0
    _check_encoding(words)
    commands = table()
    if not words or words[0] in ("-h", "--help"):
        print(_overview(commands))
        return 0
    command = commands[one_of("command", words[0], commands)]
    with subject_as_typed(command):
        options = parse(command, words[1:])
        with as_typed({"memory": "--memory"}), limited_memory(options.memory):
            result = command.load().run(options)
    if options.json:
        plain = _finite({k: v for k, v in result.items() if k not in ("text", "exit_code")})
        print(json.dumps(plain, allow_nan=False).replace("\x7f", "\\u007f"))  # others are escaped already
    else:
        print(printable(_readable(result)))
    return int(result.get("exit_code", 0))


def _check_encoding(words: list[str]) -> None:
    """Refuse names that the libraries of file formats cannot encode, before any work."""
    for word in words:
        try:
            word.encode("utf-8")
        except UnicodeEncodeError:
            must = "in the encoding of the locale (a UTF-8 locale, such as LC_ALL=C.UTF-8, takes any name)"
            raise InputError(f"Input name must be {must}; instead received {word!a}.") from None


def _finite(value: object) -> object:
    """Return a result for JSON, which has no NaN and no infinity: they become null."""
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, str | bool | int) or value is None:
        return value
    number = float(value)  # type: ignore[arg-type]
    return number if math.isfinite(number) else None


def _overview(commands: Mapping[str, Command]) -> str:
    """List the commands under the headings of their groups."""
    width = max(map(len, commands))
    lines = ["usage: mpisim COMMAND [options]    (mpisim COMMAND --help shows options and an example)"]
    for group, heading in GROUPS.items():
        listed = [f"  {c.name:<{width}}  {c.summary}" for c in commands.values() if c.group == group]
        lines += ["", f"{heading}:", *listed] if listed else []
    return "\n".join(lines)


def _readable(result: Result) -> str:
    if isinstance(result.get("text"), str):
        return str(result["text"])
    known = {k: v for k, v in result.items() if v is not None}
    width = max(map(len, known), default=0)
    return "\n".join(f"{k:<{width}}  {_cell(v)}" for k, v in known.items())


_MOST_ENTRIES = 24  # of a mapping that is printed for people


def _cell(value: object, inside: bool = False) -> str:
    """Return a value for people; a list inside of another value has brackets."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping) and len(value) > _MOST_ENTRIES:
        return f"({len(value)} entries; --json shows them)"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {_cell(v, inside=True)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        first_and_last = [_cell(v, inside=True) for v in (value[0], value[-1])] if len(value) > 12 else []
        listed = ", ".join(_cell(v, inside=True) for v in value)
        text = f"{' .. '.join(first_and_last)} ({len(value)} values)" if first_and_last else listed
        return f"[{text}]" if inside else text
    return one_line(str(value))


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError):
        name = error.filename or "file"
        return one_line(f"Input {name} must be one that can be used here; instead received: {error.strerror or error}.")
    if isinstance(error, MemoryError):
        detail = f" ({error})" if str(error) else ""
        return one_line(f"Input size must be one that fits in memory; instead received more{detail}.")
    return one_line(str(error))


if __name__ == "__main__":
    sys.exit(main())
