"""The subcommand `plot`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from mpisim.cli.command import Result, argument_type, as_typed
from mpisim.cli.options import integer, integers, numbers

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {"out": "the picture that was written", "kind": "what the file holds: system_matrix, measurement or image"}
"""What `--json` prints."""

_FLAGS = {"angles": "--angle", "harmonics": "--harmonic", "rows": "--row"} | {
    name: f"--{name}" for name in ("part", "frame", "channel", "plane")
}
"""Flag by option of `mpisim.plot.draw`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("file", help="a system matrix, measurement or image of any format that is read")
    parser.add_argument("--out", help="PNG file to write (default: beside the file, with the suffix .png)")
    angles = argument_type("--angle", numbers)
    parser.add_argument(
        "--angle", dest="angles", type=angles, metavar="DEG", help="matrix: rows at these angles (default 45)"
    )
    harmonics = argument_type("--harmonic", integers)
    parser.add_argument(
        "--harmonic", dest="harmonics", type=harmonics, metavar="K", help="matrix: rows of these (default 2,3,5,8)"
    )
    rows = argument_type("--row", integers)
    parser.add_argument(
        "--row", dest="rows", type=rows, metavar="N", help="matrix: rows by number from 0, or first:last"
    )
    part = "matrix: real or imaginary part of the rows, their magnitude, or the stronger part (the default)"
    parser.add_argument("--part", choices=("stronger", "real", "imag", "magnitude"), help=part)
    for name, text in (
        ("frame", "measurement, image: number of the frame, from 0"),
        ("channel", "measurement: number of the receive channel, from 0"),
        ("plane", "image: number of the slice along z, from 0"),
    ):
        parser.add_argument(f"--{name}", type=argument_type(f"--{name}", integer), metavar="N", help=text)


def run(options: argparse.Namespace) -> Result:
    """Draw the file and return the name of the picture and what it shows."""
    import mpisim
    from mpisim.errors import require
    from mpisim.io.atomic import expect_file
    from mpisim.plot.drawing import OPTIONS

    out = Path(options.out) if options.out else Path(options.file).with_suffix(".png")
    expect_file(out, (".png",), options.file, name="--out")
    data = mpisim.read(options.file)
    given = {name: getattr(options, name) for name in _FLAGS}
    if given["angles"] is not None:
        given["angles"] = [math.radians(angle) for angle in given["angles"]]
    kind = str(data.attrs["kind"])
    foreign = [_FLAGS[name] for name, value in given.items() if value is not None and name not in OPTIONS[kind]]
    own = ", ".join(_FLAGS[name] for name in OPTIONS[kind])
    require(not foreign, "options", f"among {own} for a file of the kind {kind}", ", ".join(foreign))
    with as_typed(_FLAGS):
        figure = mpisim.plot.draw(data, **given)
    mpisim.plot.save_figure(figure, out)
    return {"out": str(out), "kind": kind}
