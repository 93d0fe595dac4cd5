"""Scanner files: a scanner, its tracer and the calibration scan as TOML, with the tables of the same names.

A file has the tables `scanner`, `particle` and `calibration`. A key is a field of the class that the table describes,
in SI units; `class` names that class where it is not `OpenSidedFFL` or `Particle`. Parts, such as the harmonics of a
field, are tables of their own. `calibration` holds the fields of `Sample`, and of the grid its shape as `grid`, `fov`
and `center`.

What a file leaves out has its default, or is given by the caller: the gradient, the diameter, or whatever the command
line sets. A value that is given in both places must be the same. A gradient that is a pair [least, largest] is a range,
from which the caller chooses.

A table `fit` holds what a fit of the scanner found (`calib.write_fitted_scanner`); nothing here reads it.

A flat file, as version 0.1 read it, holds keys of the scanner without a table.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from mpisim.data.grid import Grid
from mpisim.errors import InputError, require
from mpisim.io.nesting import load_toml
from mpisim.io.reading import read
from mpisim.io.scanner_completed import completed_particle, completed_scanner, place_of_diameter
from mpisim.io.scanner_keys import GRID_KEYS, checked_keys, class_of, refuse_unknown, with_hint, with_maps
from mpisim.io.scanner_values import agrees, merged
from mpisim.simulation.provenance import from_mapping
from mpisim.simulation.sample import Sample
from mpisim.simulation.setup import Setup

__all__ = [
    "SCANNER_NAMES",
    "ScannerFile",
    "open_scanner",
    "packaged_file",
    "read_scanner",
    "summary_of",
    "text_of",
]

SCANNER_NAMES = ("ideal", "open-sided-ffl", "mild", "medium", "strong", "lissajous-2d", "lissajous-3d")
"""Scanners that are part of the package: field-free lines from the ideal one to the poorest, and field-free points."""

Source = str | os.PathLike[str]
Table = dict[str, Any]
_TABLES = ("scanner", "particle", "calibration")
_OF_FIT = "fit"


@dataclass(frozen=True)
class ScannerFile:
    """What a scanner file says, before it is completed by what the caller gives.

    Parameters
    ----------
    name
        What messages call the file.
    scanner, particle, calibration
        Keys and values of its tables.
    flat
        Whether the file has no tables, as in version 0.1: values of the command line then replace its own.
    """

    name: str = "a scanner file"
    scanner: Table = field(default_factory=dict)
    particle: Table = field(default_factory=dict)
    calibration: Table = field(default_factory=dict)
    flat: bool = False

    @property
    def diameter(self) -> float | None:
        """Core diameter in m, or the median of a distribution; None where the file leaves it to the caller."""
        table, key = place_of_diameter(self.particle)
        return table.get(key)

    @property
    def has_diameter(self) -> bool:
        """Whether the tracer is complete: the file states its diameter, or it has no single one."""
        table, key = place_of_diameter(self.particle)
        return key == "" or key in table

    @property
    def gradient(self) -> float | None:
        """Gradient in T/m; None where the file leaves it to the caller, or gives a range."""
        value = self.scanner.get("sf_gradient")
        return None if isinstance(value, list | tuple) else value

    def has_field(self, key: str) -> bool:
        """Whether the class of the scanner has a field of this name."""
        return key in {f.name for f in fields(class_of(self.scanner, "scanner", "scanner", self.name))}

    @property
    def open_keys(self) -> tuple[str, ...]:
        """Keys that a caller may replace, since the class of the scanner says so (`FittedFFL`)."""
        return getattr(class_of(self.scanner, "scanner", "scanner", self.name), "open_keys", ())

    def contradicted(self, scanner: Mapping[str, Any]) -> set[str]:
        """Return the keys of the table `scanner` that the file holds with another value."""
        return {key for key, value in scanner.items() if not agrees(self.scanner, key, value)}

    def given(
        self, scanner: Mapping[str, Any] | None = None, calibration: Mapping[str, Any] | None = None
    ) -> ScannerFile:
        """Return the file completed by values of the tables `scanner` and `calibration`.

        Values of `open_keys` replace those of the file. Raises `InputError` where it has another value of another key.
        """
        return replace(
            self,
            scanner=merged(self.scanner, scanner or {}, self.name, self.flat, self.open_keys),
            calibration=merged(self.calibration, calibration or {}, self.name, self.flat, self.open_keys),
        )

    def setup(self, sf_gradient: float | None = None, particle_diameter: float | None = None) -> Setup:
        """Return the scanner, particle, grid and sample, with a gradient in T/m and a core diameter in m.

        Raises `InputError` as `read_scanner`.
        """
        grid, sample = _calibration(self.calibration)
        scanner = completed_scanner(self.scanner, sf_gradient, max(grid.fov[:2]), self.name)
        return Setup(scanner, completed_particle(self.particle, particle_diameter, self.name), grid, sample)


def read_scanner(source: Source, sf_gradient: float | None = None, particle_diameter: float | None = None) -> Setup:
    """Read a scanner with its tracer and calibration scan.

    Parameters
    ----------
    source
        A scanner of this package by name (`ideal`, `open-sided-ffl`, `mild`, `medium`, `strong`, `lissajous-2d`,
        `lissajous-3d`), a TOML file, or the file of a simulated system matrix, which describes its scanner.
    sf_gradient
        Selection-field gradient in T/m, where the file leaves it out or gives a range.
    particle_diameter
        Core diameter in m, or the median of a distribution, where the file leaves it out.

    Returns
    -------
    Setup
        Scanner, particle, grid and sample; `simulate()` makes the system matrix.

    Raises
    ------
    InputError
        If there is no such name or file, a table or key does not exist, a value is of another type or out of its range,
        the gradient or the diameter is missing, or is given here and in the file with different values.
    """
    return open_scanner(source).setup(sf_gradient, particle_diameter)


def open_scanner(source: Source) -> ScannerFile:
    """Read a scanner by name or file, without completing it: the gradient and the diameter may be missing.

    Raises `InputError` as `read_scanner` for what the file says.
    """
    name = os.fspath(source)
    if name in SCANNER_NAMES:
        return _of_tables(load_toml(packaged_file(name)), name)
    if Path(name).suffix.lower() == ".toml":
        return _of_tables(with_maps(load_toml(name, "scanner"), Path(name).parent), name)
    if not Path(name).is_file():
        must = f"one of {', '.join(SCANNER_NAMES)}, or an existing file"
        raise InputError(f"Input scanner must be {must}; instead received {with_hint(name, SCANNER_NAMES)}.")
    return _of_matrix(name)


def packaged_file(name: str) -> Path:
    """Return the path of the file of a scanner of this package."""
    return Path(str(files("mpisim") / "scanners" / f"{name}.toml"))


def text_of(name: str) -> str:
    """Return the file of a scanner of this package."""
    return packaged_file(name).read_text(encoding="utf-8")


def summary_of(name: str) -> str:
    """Return what a scanner of this package is: the first line of its file."""
    return text_of(name).split("\n", 1)[0].lstrip("# ").rstrip(".")


def _of_matrix(name: str) -> ScannerFile:
    """Return what a simulated system matrix says of its scanner, with every key."""
    attributes = Setup.described(read(name), name)
    grid = {key: attributes["grid"][part] for key, part in GRID_KEYS.items() if part in attributes["grid"]}
    calibration = {**grid, **attributes["sample"]}
    return ScannerFile(name, attributes["scanner"], attributes["particle"], calibration)


def _of_tables(values: Table, name: str) -> ScannerFile:
    """Return what a file says, its tables and keys checked."""
    if not any(table in values for table in _TABLES) and not _only_tables(values):
        return ScannerFile(name, scanner=checked_keys(values, "scanner", "", name), flat=True)
    values = {table: keys for table, keys in values.items() if table != _OF_FIT}
    refuse_unknown(values, _TABLES, name, f"made of the tables {', '.join(_TABLES)}", "table or key")
    for table in values:
        require(isinstance(values[table], dict), f"{table} in {name}", f"a table, [{table}]", repr(values[table]))
    described = {kind: checked_keys(values.get(kind, {}), kind, kind, name) for kind in ("scanner", "particle")}
    known = [*GRID_KEYS, *(f.name for f in fields(Sample))]
    refuse_unknown(values.get("calibration", {}), known, name, f"made of the keys {', '.join(known)} in [calibration]")
    return ScannerFile(name, described["scanner"], described["particle"], values.get("calibration", {}))


def _only_tables(values: Table) -> bool:
    """Whether a file consists of tables, known or not; an empty file does."""
    return all(isinstance(value, dict) for value in values.values())


def _calibration(table: Table) -> tuple[Grid, Sample]:
    """Return grid and sample of a table."""
    voxels = {GRID_KEYS[key]: value for key, value in table.items() if key in GRID_KEYS}
    rest = {key: value for key, value in table.items() if key not in GRID_KEYS}
    return from_mapping(Grid, voxels, "grid"), from_mapping(Sample, rest, "sample")
