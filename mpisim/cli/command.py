"""What a subcommand is, and the table of all of them.

Every package lists its `Command`s in one tuple, which names modules instead of importing them, and enters it under the
entry-point group `mpisim.commands`. So nothing imports upward, and `mpisim --help` loads no numerical library.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from textwrap import wrap
from typing import Any, NoReturn, Protocol, TypeVar, cast

from mpisim.errors import InputError, one_of, positive
from mpisim.plugins import gathered

__all__ = [
    "GROUPS",
    "Command",
    "CommandModule",
    "Parser",
    "Result",
    "argument_type",
    "as_typed",
    "call",
    "in_flags",
    "keys_of",
    "parse",
    "parser_of",
    "subject_as_typed",
    "table",
]

GROUP = "mpisim.commands"
_PACKAGES = ("mpisim", "calib", "recon")
Result = Mapping[str, Any]
"""What `--json` prints: numbers, strings, lists, mappings. An entry `text` is for people and not part of the JSON.
An entry `exit_code` is returned by the command, 1 for a check that fails, and is not printed."""
T = TypeVar("T")
GROUPS = {
    "simulate": "simulate system matrices",
    "calibrate": "measure coarsely and recover",
    "reconstruct": "measure a phantom and reconstruct its image",
    "files": "files",
    "studies": "networks and studies",
    "": "of other packages",
}
"""Headings of the list of commands by group, in the order of work."""


class CommandModule(Protocol):
    """What the module of a subcommand holds.

    A mapping `KEYS` from the keys of `--json` to their meaning, where it has one, is shown by `--help`.
    """

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the options to a parser."""

    def run(self, options: argparse.Namespace) -> Result:
        """Do the work for parsed options."""


@dataclass(frozen=True)
class Command:
    """One subcommand.

    Parameters
    ----------
    name
        What the user types after `mpisim`.
    summary
        One line of help.
    example
        A command line that works, shown by `--help`.
    module
        Name of the module with `add_arguments` and `run`, see `CommandModule`; it is imported when the command is used.
    group
        A key of `GROUPS`: under which heading, and so where, the command is listed.
    """

    name: str
    summary: str
    example: str
    module: str
    group: str = ""

    def __post_init__(self) -> None:
        one_of(f"group of the command {self.name}", self.group, GROUPS)

    def load(self) -> CommandModule:
        """Import the module; raise `InputError` if that of another package fails."""
        try:
            module = import_module(self.module)
        except Exception as error:
            if self.module.split(".")[0] in _PACKAGES:
                raise
            raise InputError(
                f"Input command {self.name} must be one whose module can be imported; instead received {error}."
            ) from error
        return cast(CommandModule, module)


def argument_type(name: str, parse: Callable[[str, str], T]) -> Callable[[str], T]:
    """Return `type` for an argparse option: `parse` of (name, text), with its sentence for bad input."""

    def parsed(text: str) -> T:
        try:
            return parse(name, text)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from None  # argparse drops the sentence of a ValueError

    return parsed


@contextmanager
def as_typed(flags: Mapping[str, str]) -> Iterator[None]:
    """Replace parameters by their flags in an `InputError`: in what it demands, not in what it received."""
    try:
        yield
    except InputError as error:
        demand, instead, received = str(error).partition("; instead received")
        raise type(error)(in_flags(demand, flags) + instead + received) from None


@contextmanager
def subject_as_typed(command: Command) -> Iterator[None]:
    """Name the option that an `InputError` is about by its flag: "noise_std must be" becomes "--noise-std must be"."""
    try:
        yield
    except InputError as error:
        subject = re.match(r"Input (\w[\w-]*) must ", str(error))
        flag = "" if subject is None else "--" + subject[1].replace("_", "-")
        if subject is None or flag not in parser_of(command).flags():
            raise
        raise type(error)(f"Input {flag}{str(error)[subject.end(1) :]}") from None


def in_flags(sentence: str, flags: Mapping[str, str]) -> str:
    """Return a sentence with parameters replaced by their flags."""
    words = "|".join(map(re.escape, flags))
    return re.sub(rf"(?<![\w./-])({words})(?![\w/-])", lambda match: flags[match[1]], sentence)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `InputError` instead of printing its usage and exiting."""

    def flags(self) -> set[str]:
        """Return the flags of all options."""
        return set(re.findall(r"--[\w-]+", self.format_usage()))

    def error(self, message: str) -> NoReturn:
        """Refuse a command line with one sentence."""
        raise InputError(
            f"Input command line must be one that `{self.prog} --help` describes; "
            f"instead received one with this mistake: {message}."
        )


def table() -> dict[str, Command]:
    """Return every command by name, in the order of work: by group, then mpisim, calib, recon and other packages.

    A name that is taken is refused.
    """
    order = {name: place for place, name in enumerate(_PACKAGES)}
    points = sorted(entry_points(group=GROUP), key=lambda p: (order.get(p.name, len(order)), p.name))
    found = gathered(points, "command", Command, lambda listed: {command.name: command for command in listed})
    groups = list(GROUPS)
    return dict(sorted(found.items(), key=lambda item: groups.index(item[1].group)))


def keys_of(command: Command) -> dict[str, str]:
    """Return the keys of a command's `--json` with their meaning; none for a module that does not state them."""
    return dict(getattr(command.load(), "KEYS", {}))


def _epilog(command: Command) -> str:
    """Return the example and the keys of `--json`, for the help."""
    lines = [f"example: {command.example}"]
    keys = keys_of(command)
    if keys:
        width = max(map(len, keys))
        lines += ["", "keys of --json:"]
        for name, text in keys.items():
            first, *rest = wrap(text, 117 - width - 4)
            lines += [f"  {name:<{width}}  {first}", *(f"{'':{width + 4}}{line}" for line in rest)]
    return "\n".join(lines)


def parser_of(command: Command) -> Parser:
    """Return the parser of one command."""
    parser = Parser(
        prog=f"mpisim {command.name}",
        description=command.summary,
        epilog=_epilog(command),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        exit_on_error=False,
    )
    parser.add_argument("--json", action="store_true", help="print one machine-readable object on stdout")
    limit = "GB (10^9 bytes) that reading a file may take (default: half of the free memory)"
    parser.add_argument("--memory", type=argument_type("memory", _gigabytes), metavar="GB", help=limit)
    command.load().add_arguments(parser)
    return parser


def _gigabytes(name: str, text: str) -> float:
    try:
        return positive(name, float(text))
    except ValueError:  # InputError is one
        raise InputError(f"Input {name} must be a positive number of GB; instead received {text!r}.") from None


def parse(command: Command, words: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command line; raise `InputError` with one sentence for bad input."""
    parser = parser_of(command)
    try:
        return parser.parse_args(words)
    except argparse.ArgumentError as error:
        if isinstance(error.__context__, argparse.ArgumentTypeError):
            raise InputError(error.message) from None
        parser.error(str(error))


def call(name: str, arguments: Sequence[object]) -> Result:
    """Run a command of the table as the command line would, and return its result.

    Raises `InputError` if no installed package brings the command.
    """
    commands = table()
    command = commands[one_of("command", name, commands)]
    return command.load().run(parse(command, [str(a) for a in arguments]))
