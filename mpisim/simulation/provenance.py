"""SPLIT: to be written."""

from __future__ import annotations

from dataclasses import asdict, fields, is_dataclass
from typing import Any

from mpisim.data.grid import Grid
from mpisim.errors import InputError, require
from mpisim.particles.particle import Particle
from mpisim.scanner.ffl import OpenSidedFFL
from mpisim.scanner.protocol import Scanner
from mpisim.simulation.sample import Sample

__all__ = ["from_mapping", "provenance"]


def provenance(scanner: Scanner, particle: Particle, grid: Grid, sample: Sample) -> dict[str, Any]:
    """Return the four descriptions as mappings in SI units, from which `from_mapping` makes them again."""
    described: dict[str, Any] = asdict(scanner) if is_dataclass(scanner) and not isinstance(scanner, type) else {}
    if type(scanner) is not OpenSidedFFL:  # its fields are code: the file names them, and cannot make them again
        described = {"class": type(scanner).__qualname__, **described}
    return {"scanner": described, "particle": asdict(particle), "grid": asdict(grid), "sample": asdict(sample)}


def from_mapping(kind: type, values: Any, name: str) -> Any:
    """Make a `Grid`, `Particle`, `Sample` or `OpenSidedFFL` from a mapping of its fields.

    Raises
    ------
    InputError
        If a key is unknown or missing, or a value is out of range.
    """
    known = [f.name for f in fields(kind)]
    require(isinstance(values, dict), name, f"a mapping of {', '.join(known)}", repr(values))
    unknown = sorted(set(values) - set(known))
    require(not unknown, name, f"described by {', '.join(known)}", f"the unknown key {', '.join(unknown)}")
    try:
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(
            f"Input {name} must be complete and of the documented types; instead received {values} ({error})."
        ) from None
