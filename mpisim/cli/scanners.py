"""The subcommand `scanners`."""

from __future__ import annotations

import argparse

from mpisim.cli.command import Result

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "scanners": "without NAME: what each scanner is, in a line",
    "name": "of the scanner that was named",
    "summary": "what it is, in a line",
    "scanner": "keys of this table of its file, in SI units; the same of the next two",
    "particle": "keys of the tracer",
    "calibration": "keys of the calibration scan",
    "out": "the copy that was written",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="show the file of this scanner, instead of the list")
    parser.add_argument("--out", help="TOML file to write: a copy that you can change")


def run(options: argparse.Namespace) -> Result:
    """List the scanners of this package, or show or copy the file of one."""
    from mpisim.errors import one_of, require
    from mpisim.io.atomic import expect_file, write_text
    from mpisim.io.scanner_file import SCANNER_NAMES, open_scanner, summary_of, text_of

    if options.name is None:
        require(options.out is None, "--out", "given with the NAME of a scanner", options.out)
        scanners = {name: summary_of(name) for name in SCANNER_NAMES}
        width = max(map(len, scanners))
        return {"scanners": scanners, "text": "\n".join(f"{name:<{width}}  {line}" for name, line in scanners.items())}
    name = one_of("scanner", options.name, SCANNER_NAMES)
    file, text = open_scanner(name), text_of(name)
    result = {"name": name, "summary": summary_of(name)}
    result |= {table: getattr(file, table) for table in ("scanner", "particle", "calibration")}
    if options.out is None:
        return {**result, "text": text.rstrip("\n")}
    expect_file(options.out, (".toml",), name="--out")
    write_text(options.out, text)
    return {**result, "out": options.out, "text": f"out  {options.out}"}
