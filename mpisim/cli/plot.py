"""The subcommand `plot`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from mpisim.cli.command import Result, argument_type, as_typed
from mpisim.cli.options import diameters_nm, gradients, integer, integers, numbers
from mpisim.cli.scanner_options import setup_of
from mpisim.errors import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "out": "the picture that was written",
    "kind": "what the file holds: system_matrix, measurement, image or scanner",
}
"""What `--json` prints."""

_FLAGS = {"angles": "--angle", "harmonics": "--harmonic", "rows": "--row"} | {
    name: f"--{name}" for name in ("part", "frame", "channel", "plane", "reference")
}
"""Flag by option of `mpisim.plot.draw`."""

_OF_SCANNER = {"sf_gradient": "--sf-gradient", "particle_diameter": "--particle-diameter"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument(
        "file",
        help="a system matrix, measurement or image of any format that is read; or a scanner, by name or TOML file",
    )
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
    against = "matrix: file of the matrix that it should be; draws the errors of the rows"
    parser.add_argument("--reference", metavar="FILE", help=against)
    for name, text in (
        ("frame", "measurement, image: number of the frame, from 0"),
        ("channel", "matrix, measurement: number of the receive channel, from 0"),
        ("plane", "image: number of the slice along z, from 0"),
    ):
        parser.add_argument(f"--{name}", type=argument_type(f"--{name}", integer), metavar="N", help=text)
    for name, parse, unit in (("sf-gradient", gradients, "T/m"), ("particle-diameter", diameters_nm, "nm")):
        text = f"scanner: in {unit}, where its file does not state it"
        parser.add_argument(f"--{name}", type=argument_type(f"--{name}", parse), metavar="N", help=text)


def run(options: argparse.Namespace) -> Result:
    """Draw the file and return the name of the picture and what it shows."""
    import mpisim
    from mpisim.io.atomic import expect_file

    out = Path(options.out) if options.out else Path(options.file).with_suffix(".png")
    expect_file(out, (".png",), options.file, options.reference, name="--out")
    scanner = options.file in mpisim.SCANNER_NAMES or Path(options.file).suffix.lower() == ".toml"
    if not scanner and not Path(options.file).suffix:
        must = f"an existing file, or one of the scanners {', '.join(mpisim.SCANNER_NAMES)}"
        require(Path(options.file).is_file(), "file", must, options.file)
    figure, kind = (_scanner if scanner else _data)(options)
    mpisim.plot.save_figure(figure, out)
    return {"out": str(out), "kind": kind}


def _scanner(options: argparse.Namespace) -> tuple[Figure, str]:
    """Draw a scanner, whose gradient and diameter may be given."""
    import mpisim

    _refuse_foreign(options, "scanner", tuple(_OF_SCANNER.values()))
    return mpisim.plot.draw_scanner(setup_of(options, options.file)), "scanner"


def _refuse_foreign(options: argparse.Namespace, kind: str, own: tuple[str, ...]) -> None:
    """Refuse options of other kinds of files."""
    given = {**_FLAGS, **_OF_SCANNER}
    foreign = [flag for name, flag in given.items() if getattr(options, name) is not None and flag not in own]
    require(not foreign, "options", f"among {', '.join(own)} for a file of the kind {kind}", ", ".join(foreign))


def _refuse_field_map(file: str) -> None:
    """Say how the field map of a file is drawn, which is no dataset of its own."""
    from mpisim.errors import InputError
    from mpisim.io.field_map import read_field_map

    if Path(file).suffix.lower() not in (".nc", ".npz") or not Path(file).is_file():
        return
    try:
        found = read_field_map(file)
    except InputError:
        return
    must = (
        "a system matrix, measurement, image or scanner (a TOML file with a part of the class FieldMap or MapCoil and "
        f'file = "{Path(file).name}" draws the map with its scanner)'
    )
    require(False, file, must, repr(found))


def _data(options: argparse.Namespace) -> tuple[Figure, str]:
    """Draw a dataset by its kind."""
    import mpisim
    from mpisim.plot.drawing import OPTIONS

    _refuse_field_map(options.file)
    data = mpisim.read(options.file)
    given = {name: getattr(options, name) for name in _FLAGS}
    if given["angles"] is not None:
        given["angles"] = [math.radians(angle) for angle in given["angles"]]
    kind = str(data.attrs["kind"])
    _refuse_foreign(options, kind, tuple(_FLAGS[name] for name in OPTIONS[kind]))
    if options.reference is not None:
        given["reference"] = mpisim.read(options.reference)
    with as_typed(_FLAGS):
        return mpisim.plot.draw(data, **given), kind
