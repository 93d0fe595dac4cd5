"""What a file says of a simulation, and objects made from it again.

Grid, sample, particle and scanner are frozen dataclasses. A file holds their fields in SI units as mappings of
numbers, strings and lists, under `grid`, `sample`, `particle` and `scanner`. The mapping of a `Particle` or an
`OpenSidedFFL` has these fields only; that of any other class has the key `class` too, the name under which `SCANNERS`
or `PARTICLES` holds it, or else the name in its module, with that of the module where a registered class has the same
name. A field that is a dataclass itself, such as a sequence or a coil, is described in the same way by its name in
`SCANNER_PARTS`. Maps of fields are parts too: a file holds all of their values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, fields, is_dataclass
from typing import Any, TypedDict, TypeVar

from mpisim.data.grid import Grid
from mpisim.errors import InputError, brief, require
from mpisim.particles.particle import Particle
from mpisim.particles.protocol import Magnetisation
from mpisim.particles.table import PARTICLES
from mpisim.scanner.ffl import OpenSidedFFL
from mpisim.scanner.protocol import Scanner
from mpisim.scanner.table import SCANNER_PARTS, SCANNERS
from mpisim.simulation.sample import Sample

__all__ = ["Provenance", "from_mapping", "particle_from_mapping", "provenance", "scanner_from_mapping"]

T = TypeVar("T")
_LONGEST = 2000  # characters of a description in a message; one that holds a map of a field has more


class Provenance(TypedDict):
    """Attributes of a file that describe its simulation."""

    scanner: dict[str, object]
    particle: dict[str, object]
    grid: dict[str, object]
    sample: dict[str, object]


def provenance(scanner: object, particle: Magnetisation, grid: Grid, sample: Sample) -> Provenance:
    """Return the four descriptions as mappings in SI units, from which objects can be made again.

    `scanner` is the caller's object, such as one with the parts of `mpisim.scanner.single_tone`.
    """
    return {
        "scanner": _described(scanner, OpenSidedFFL, SCANNERS),
        "particle": _described(particle, Particle, PARTICLES),
        "grid": asdict(grid),
        "sample": sample.as_mapping(),
    }


def _described(instance: object, default: type, classes: Mapping[str, type]) -> dict[str, object]:
    """Fields of a dataclass, and the name of its class where that is not the default."""
    kind = type(instance)
    values = {}
    if is_dataclass(instance) and not isinstance(instance, type):
        values = {f.name: _value(getattr(instance, f.name)) for f in fields(instance) if f.init}
    if kind is default:
        return values
    own = f"{kind.__module__}.{kind.__qualname__}" if kind.__name__ in classes else kind.__qualname__
    name = next((name for name, known in classes.items() if known is kind), own)
    return {"class": name, **values}


def _value(value: object) -> object:
    """Value of a field: a part that is a dataclass becomes a mapping with its class, at any depth of lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return _described(value, type(None), _parts())
    return tuple(map(_value, value)) if isinstance(value, list | tuple) else value


def _parts() -> Mapping[str, type]:
    """Classes of parts by name; those of particles and scanners too, which may be made of others."""
    return {**SCANNERS, **PARTICLES, **SCANNER_PARTS}


def scanner_from_mapping(values: object) -> Scanner:
    """Return the scanner that a file describes under `scanner`.

    Parameters
    ----------
    values
        Fields by name; the key `class` names a class of `SCANNERS`, and `OpenSidedFFL` where it is missing.

    Raises
    ------
    InputError
        If the class is unknown, a field is unknown or missing, or a value is out of range.
    """
    return _from_class(values, "scanner", SCANNERS, "OpenSidedFFL")


def particle_from_mapping(values: object) -> Magnetisation:
    """Return the particle that a file describes under `particle`.

    The key `class` names a class of `PARTICLES`, and `Particle` where it is missing; errors are those of
    `scanner_from_mapping`.
    """
    return _from_class(values, "particle", PARTICLES, "Particle")


def _from_class(values: object, name: str, classes: Mapping[str, type[T]], default: str) -> T:
    require(isinstance(values, dict), name, "a mapping of its fields", repr(values))
    assert isinstance(values, dict)
    kind = str(values.get("class", default))
    require(kind in classes, f"class of the {name}", f"one of {', '.join(classes)}", kind)
    return from_mapping(classes[kind], {k: v for k, v in values.items() if k != "class"}, name)


def from_mapping(kind: type[T], values: object, name: str) -> T:
    """Return a frozen dataclass, such as a `Grid` or a `Sample`, from a mapping of its fields.

    Parameters
    ----------
    kind
        The dataclass.
    values
        Its fields by name; lists become tuples, and mappings with the key `class` the registered parts of that name.
    name
        What messages call the mapping.

    Raises
    ------
    InputError
        If a key is unknown or missing, or a value is out of range.
    """
    known = [f.name for f in fields(kind)] if is_dataclass(kind) else []
    require(isinstance(values, dict), name, f"a mapping of {', '.join(known)}", repr(values))
    assert isinstance(values, dict)
    unknown = sorted(set(values) - set(known))
    require(not unknown, name, f"described by {', '.join(known)}", f"the unknown key {', '.join(unknown)}")
    missing = (
        [f.name for f in fields(kind) if _must_be_stated(f) and f.name not in values] if is_dataclass(kind) else []
    )
    must = f"complete, with the key{'s' * (len(missing) > 1)} {', '.join(missing)}"
    require(not missing, name, must, f"a {kind.__name__} without {'them' if len(missing) > 1 else 'it'}")
    try:
        return kind(**{k: _built(v, f"{k} of the {name}") for k, v in values.items()})
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(
            f"Input {name} must be complete and of the documented types; "
            f"instead received {brief(values, _LONGEST)} ({error})."
        ) from None


def _must_be_stated(known: Field[Any]) -> bool:
    """Whether a field of a dataclass has no default."""
    return known.init and known.default is MISSING and known.default_factory is MISSING


def _built(value: object, name: str) -> object:
    """Value of a field of a frozen dataclass: lists as tuples and descriptions as parts, at any depth."""
    if isinstance(value, dict) and "class" in value:
        return _from_class(value, name, _parts(), "")
    return tuple(_built(v, name) for v in value) if isinstance(value, list) else value
