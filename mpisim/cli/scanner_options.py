"""Options that describe a scanner, its voxels and the sample, in the units of the command line."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mpisim.cli.command import argument_type, as_typed
from mpisim.cli.options import counts, diameters_nm, gradients, harmonics, lengths_mm, ranged
from mpisim.errors import InputError, require, warn

if TYPE_CHECKING:
    from mpisim.data.grid import Grid
    from mpisim.io.scanner_file import ScannerFile
    from mpisim.simulation.sample import Sample
    from mpisim.simulation.setup import Setup

__all__ = [
    "add_scanner_argument",
    "add_scanner_arguments",
    "add_setup_arguments",
    "chosen_file",
    "chosen_grid",
    "chosen_sample",
    "chosen_scanner",
    "chosen_setup",
    "setup_of",
    "units_as_typed",
]

_TYPED: dict[str, tuple[str, float | None, str]] = {
    "sf_gradient": ("--sf-gradient", 1.0, "T/m"),
    "particle_diameter": ("--particle-diameter", 1e9, "nm"),
    "drive_amplitude": ("--drive-amplitude", 1e3, "mT"),
    "drive_frequency": ("--drive-frequency", 1e-3, "kHz"),
    "angles": ("--angle-step", None, "degrees"),
    "fov": ("--fov", 1e3, "mm"),
    "size": ("--sample-size", 1e3, "mm"),
}
"""Flag, its unit, and how many of it the SI unit is, by key of a scanner file."""


def add_scanner_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""

    def add(name: str, parse: Callable[[str, str], object], text: str) -> None:
        parser.add_argument(f"--{name}", type=argument_type(name, parse), help=text)

    add("grid", counts, "voxels: 32, 32x64 (default: 32)")
    add("fov", lengths_mm(0.1, 2000), "field of view in mm: 32, 32x64 (default: 32)")
    add("angle-step", ranged(0.1, 180, "degrees"), "degrees between angles in [0, 180) (default: 3)")
    add("harmonics", harmonics, "harmonics of the drive: 2:9 with both ends (the default), or 2,3,5")
    add(
        "drive-amplitude",
        ranged(0.1, 1000, "mT", 1e-3),
        "amplitude of the drive field in mT (default: gradient x field of view / 2)",
    )
    add("drive-frequency", ranged(0.1, 1000, "kHz", 1e3), "frequency of the drive field in kHz (default: 23.2)")
    add("sample-size", lengths_mm(0.05, 500), "edges of the sample in mm: 2, 2x4; default: one voxel")
    parser.add_argument("--thick", action="store_true", help="average over the sample's height too")
    add_scanner_argument(parser)


def add_setup_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of one scanner and one tracer, those of `add_scanner_arguments` among them."""
    gradient, diameter = argument_type("sf-gradient", gradients), argument_type("particle-diameter", diameters_nm)
    where = "; needed unless --scanner gives it"
    parser.add_argument("--sf-gradient", type=gradient, help=f"selection-field gradient in T/m{where}")
    parser.add_argument("--particle-diameter", type=diameter, help=f"core diameter, or their median, in nm{where}")
    add_scanner_arguments(parser)


def add_scanner_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option `--scanner` to a parser."""
    text = (
        "a scanner by name (`mpisim scanners` lists them), a TOML file, or a simulated matrix, which holds its scanner"
    )
    parser.add_argument("--scanner", metavar="NAME|FILE", help=text)


def chosen_grid(options: argparse.Namespace) -> Grid:
    """Return the voxels."""
    from mpisim.data.grid import Grid

    return Grid(options.grid or (32, 32), options.fov or (0.032, 0.032))


def chosen_sample(options: argparse.Namespace) -> Sample:
    """Return the sample."""
    from mpisim.simulation.sample import Sample

    return Sample(size=options.sample_size, thick=options.thick)


def chosen_scanner(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `mpisim.open_sided_ffl` except the gradient: those of the file, then the options."""
    file = chosen_file(options)
    require(file.flat or options.scanner is None, "scanner", "a flat file of keys of the scanner", options.scanner)
    return {"harmonics": tuple(range(2, 10)), **file.scanner}


def chosen_file(options: argparse.Namespace) -> ScannerFile:
    """Return the scanner file of `--scanner`, completed by the other options; without one, what the options say.

    Raises `InputError` where an option contradicts the file. Options replace values of a flat file, with a line on
    stderr, as in version 0.1.
    """
    from mpisim.io.scanner_file import ScannerFile, open_scanner

    file = ScannerFile() if options.scanner is None else open_scanner(options.scanner)
    scanner = {name: getattr(options, name) for name in ("harmonics", "drive_frequency", "drive_amplitude")}
    if options.angle_step is not None or ("angles" not in file.scanner and file.has_field("angles")):
        scanner["angles"] = _angles(options.angle_step or 3.0)
    calibration = {"grid": options.grid, "fov": options.fov, "size": options.sample_size}
    calibration["thick"] = options.thick or None
    typed = [{key: value for key, value in table.items() if value is not None} for table in (scanner, calibration)]
    _refuse_what_the_class_lacks(file, typed[0])
    _say_what_is_replaced(file, typed[0])
    with as_typed({"angles": "--angle-step", "size": "--sample-size"}), units_as_typed():
        return file.given(*typed)


def _angles(step: float) -> list[float]:
    """Return angles in rad from 0 at a step in degrees; warn where 180 degrees are no whole number of steps."""
    count = math.ceil(180 / step - 1e-9)
    rest = 180 - (count - 1) * step
    if rest < step * (1 - 1e-6):
        warn(
            f"180 degrees are no whole number of steps of {step:g} degrees: of {count} angles the last one is "
            f"{rest:.3g} degrees before 180."
        )
    return [math.radians(i * step) for i in range(count)]


def _refuse_what_the_class_lacks(file: ScannerFile, typed: dict[str, Any]) -> None:
    """Raise `InputError` for an option that sets a field which the class of the scanner does not have."""
    for key in typed:
        flag = {"angles": "--angle-step"}.get(key, f"--{key.replace('_', '-')}")
        kind = file.scanner.get("class", "OpenSidedFFL")
        require(file.has_field(key), flag, f"left out, since the scanner {kind} of {file.name} has none", "a value")


@contextmanager
def units_as_typed() -> Iterator[None]:
    """Say what contradicts a scanner file by flags, and in the units in which they are typed."""
    from mpisim.io.scanner_values import ContradictionError, shown

    try:
        yield
    except ContradictionError as error:
        flag, factor, unit = _TYPED.get(error.key, (f"--{error.key.replace('_', '-')}", None, ""))
        if error.key == "angles":
            stated, given = (_step_of(angles) for angles in (error.stated, error.given))
        else:
            stated, given = (shown(_times(value, factor)) for value in (error.stated, error.given))
        must = f"{stated} {unit}".rstrip()
        raise InputError(
            f"Input {flag} must be {must}, as {error.file} says, or left out; instead received {given}."
        ) from None


def _times(value: Any, factor: float | None) -> Any:
    """Return a number, or numbers, in another unit; anything else as it is."""
    if isinstance(value, list | tuple):
        return [_times(part, factor) for part in value]
    return value if factor is None or not isinstance(value, int | float) else float(value) * factor


def _step_of(angles: Sequence[float]) -> str:
    """Return the step in degrees of angles in rad that are equidistant from 0 to 180 degrees, or else the angles."""
    from mpisim.io.scanner_values import same, shown

    degrees = [math.degrees(angle) for angle in angles]
    step = degrees[1] if len(degrees) > 1 else 180.0
    even = len(degrees) == math.ceil(180 / step - 1e-9) if step > 0 else False
    if even and same(degrees, [i * step for i in range(len(degrees))]):
        return f"{step:g}"
    return f"that of {shown(degrees)}"


def _say_what_is_replaced(file: ScannerFile, typed: dict[str, Any]) -> None:
    """Print a line for every value of a flat file that an option replaces, which version 0.4 refuses."""
    for key in sorted(file.contradicted(typed)) if file.flat else ():
        flag = {"angles": "--angle-step"}.get(key, f"--{key.replace('_', '-')}")
        print(
            f"mpisim: warning: {flag} replaces {key} of {file.name}; version 0.4 refuses a value that is given in both "
            "places and differs, as it is refused today for files with tables",
            file=sys.stderr,
        )


def chosen_setup(options: argparse.Namespace) -> Setup:
    """Return scanner, particle, grid and sample of `--scanner` and the other options, for a command that makes one."""
    file = chosen_file(options)
    with units_as_typed():
        return file.setup(*_numbers(options))


def setup_of(options: argparse.Namespace, source: str) -> Setup:
    """Return what a scanner file describes with the gradient and the diameter that the options give."""
    from mpisim.io.scanner_file import read_scanner

    with units_as_typed():
        return read_scanner(source, *_numbers(options))


def _numbers(options: argparse.Namespace) -> list[float | None]:
    """Return the one gradient and the one diameter that were typed; None for one that was not."""
    found = []
    for name in ("sf_gradient", "particle_diameter"):
        typed = getattr(options, name) or [None]
        require(len(typed) == 1, name.replace("_", "-"), "a number", f"{len(typed)} numbers")
        found.append(typed[0])
    return found
