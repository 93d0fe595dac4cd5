"""Scanner and tracer of a file, completed by the gradient and the diameter that the caller gives."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from mpisim.errors import require, within
from mpisim.io.scanner_keys import DIAMETER_KEYS, class_of
from mpisim.io.scanner_values import expect_same
from mpisim.scanner.ffl import OpenSidedFFL, open_sided_ffl
from mpisim.simulation.provenance import particle_from_mapping, scanner_from_mapping

__all__ = ["completed_particle", "completed_scanner", "place_of_diameter"]

Table = dict[str, Any]
_GIVEN = "given here, since {} does not state it"


def completed_scanner(table: Table, gradient: float | None, fov: float, name: str) -> Any:
    """Return the scanner of a table, with the defaults of `open_sided_ffl`, for any class that has its fields."""
    kind = class_of(table, "scanner", "scanner", name)
    own = [f.name for f in fields(kind)]
    values = {key: value for key, value in table.items() if key != "class"}
    if "sf_gradient" not in own:
        require(gradient is None, "sf_gradient", f"left out, since the scanner {kind.__name__} has none", gradient)
    else:
        values["sf_gradient"] = _gradient(table.get("sf_gradient"), gradient, name)
    if issubclass(kind, OpenSidedFFL):
        ideal = {f.name for f in fields(OpenSidedFFL)} & set(values)
        machine = open_sided_ffl(fov=fov, **{key: values[key] for key in ideal})
        values |= {f.name: getattr(machine, f.name) for f in fields(OpenSidedFFL)}
    return scanner_from_mapping({"class": table.get("class", "OpenSidedFFL"), **values})


def _gradient(stated: Any, given: float | None, name: str) -> float:
    """Return the gradient that a file states, or that is given and does not contradict it."""
    if isinstance(stated, list | tuple):
        require(len(stated) == 2, f"sf_gradient in {name}", "a number or a pair [least, largest] in T/m", stated)
        low, high = (within(f"sf_gradient in {name}", value, 1e-3, 100, "T/m") for value in stated)
        require(low <= high, f"sf_gradient in {name}", "a range from the least to the largest value", stated)
        must = f"given, from {low:g} to {high:g} T/m for {name}"
        require(given is not None, "sf_gradient", must, "none")
        return within("sf_gradient", given, low, high, f"T/m for {name}")
    if given is None:
        require(stated is not None, "sf_gradient", _GIVEN.format(name), "none")
        return within(f"sf_gradient in {name}", stated, 1e-3, 100, "T/m")
    value = within("sf_gradient", given, 1e-3, 100, "T/m")
    if stated is None:
        return value
    expect_same("sf_gradient", stated, value, name)
    return stated


def place_of_diameter(table: Table) -> tuple[Table, str]:
    """Return the table and the key that hold the diameter of a model of particles; the key is empty if there is none.

    A model that is made of another one, such as one with relaxation, has the diameter of that.
    """
    inner = _inner(table)
    if isinstance(inner, dict):
        return place_of_diameter(inner)
    own = _own(table)
    return table, next((key for key in DIAMETER_KEYS if key in own), "")


def _inner(table: Table) -> Any:
    """Return the model that a model of particles is made of, by default one without keys; None if it has no such."""
    return table.get("particle", {} if "particle" in _own(table) else None)


def _own(table: Table) -> set[str]:
    """Return the keys of the model of particles that a table describes."""
    return {f.name for f in fields(class_of(table, "particle", "particle", "the scanner file"))}


def completed_particle(table: Table, given: float | None, name: str) -> Any:
    """Return the particle of a table with the diameter that is stated there or given."""
    place, key = place_of_diameter(table)
    kind = place.get("class", "Particle")
    if key == "":
        require(given is None, "particle_diameter", f"left out, since {kind} in {name} has no single one", given)
        return particle_from_mapping({"class": kind, **table})
    if given is not None and key in place:
        expect_same("particle_diameter", place[key], given, name)
    require(key in place or given is not None, "particle_diameter", _GIVEN.format(name), "none")
    return particle_from_mapping(_with_diameter(table, key, given))


def _with_diameter(table: Table, key: str, given: float | None) -> Table:
    inner = _inner(table)
    if isinstance(inner, dict):
        return {"class": "Particle", **table, "particle": _with_diameter(inner, key, given)}
    return {"class": "Particle", **({key: given} if given is not None else {}), **table}
