"""What a subcommand is, and the table in which every package enters its own.

A package lists `Command`s under the entry-point group `mpisim.commands`, so that nothing imports upward. A command
that needs several packages composes others by name with `call`, and passes files.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, NoReturn

from mpisim.errors import InputError

__all__ = ["Command", "Parser", "call", "table"]

GROUP = "mpisim.commands"


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
    add_arguments
        Adds the options to a parser.
    run
        Does the work for parsed options and returns what `--json` prints: a mapping of numbers, strings and lists.
        An entry `text` is what a person reads instead, and not part of the JSON.
    """

    name: str
    summary: str
    example: str
    add_arguments: Callable[[argparse.ArgumentParser], object]
    run: Callable[[argparse.Namespace], Mapping[str, Any]]


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `InputError` instead of printing its usage and exiting."""

    def error(self, message: str) -> NoReturn:
        """Refuse a command line with one sentence."""
        raise InputError(
            f"Input {self.prog} must follow `{self.prog} --help`; instead received a command line with: {message}."
        )


def table() -> dict[str, Command]:
    """Return every command by name, in the order mpisim, calib, recon, then other packages."""
    known = ["mpisim", "calib", "recon"]
    points = sorted(entry_points(group=GROUP), key=lambda p: (known.index(p.name) if p.name in known else 9, p.name))
    return {command.name: command for point in points for command in point.load()}


def parser_of(command: Command) -> Parser:
    """Return the parser of one command."""
    parser = Parser(
        prog=f"mpisim {command.name}",
        description=command.summary,
        epilog=f"example: {command.example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one machine-readable object on stdout")
    return parser


def call(name: str, arguments: Sequence[object]) -> Mapping[str, Any]:
    """Run a command of the table as the command line would, and return its result.

    Raises `InputError` if no installed package brings the command.
    """
    commands = table()
    if name not in commands:
        raise InputError(f"Input command must be one of {', '.join(commands)}; instead received {name!r}.")
    return commands[name].run(parser_of(commands[name]).parse_args([str(a) for a in arguments]))
