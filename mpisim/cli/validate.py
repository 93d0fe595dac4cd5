"""The subcommand `validate`."""

from __future__ import annotations

import argparse

from mpisim.cli.command import Result
from mpisim.errors import one_line

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "valid": "whether the file keeps the specification",
    "breaches": "field, what it must be, and what it is, of every breach",
    "readable": "whether `mpisim` reads the file, breaches or not",
    "reason": "why it does not, in a sentence",
    "custom": "paths of custom fields",
    "notes": "what is valid, and yet hinders other programs",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file."""
    parser.add_argument(
        "file",
        metavar="FILE",
        help="an MDF file of version 2, which is compared with MDF 2.1.0. The exit code is 0 if it is valid, 1 if it "
        "breaks the specification, and 2 if it cannot be read at all",
    )


def run(options: argparse.Namespace) -> Result:
    """List the breaches of the specification in a file."""
    from mpisim.io.mdf.validation import validate_mdf

    report = validate_mdf(options.file)
    count = len(report.breaches)
    head = "valid MDF 2.1.0" if not count else f"{count} breach{'es' * (count > 1)} of MDF 2.1.0"
    lines = [f"{options.file}: {head}", *(f"  {one_line(str(breach))}" for breach in report.breaches)]
    if count:
        lines += ["read all the same"] if not report.unreadable else [f"not read: {report.unreadable}"]
    lines += [f"note: {note}" for note in report.notes]
    lines += [one_line(f"custom fields: {', '.join(report.custom)}")] if report.custom else []
    return {
        "valid": not count,
        "breaches": [{"field": b.field, "must": b.must, "is": b.received} for b in report.breaches],
        "readable": not report.unreadable,
        "reason": report.unreadable or None,
        "custom": report.custom,
        "notes": report.notes,
        "text": "\n".join(lines),
        "exit_code": int(count > 0),
    }
