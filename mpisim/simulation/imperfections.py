"""What differs from the ideal in a simulation that a file describes, in a few words each.

The descriptions are those of `mpisim.simulation.provenance`: mappings of the fields of scanner, particle and sample.
They are read as they are, since a file may name classes that are not installed here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from mpisim.simulation.sample import Sample

__all__ = ["imperfections"]

_IDEAL = {"scanner": "OpenSidedFFL", "particle": "Particle"}
_IDEAL_SCANNERS = ("OpenSidedFFL", "LissajousFFP")
_PARTS = {"selection": "selection field", "drive": "drive field", "coils": "receive coils"}
_SWITCHES = {
    "recipe": "quadratic recipe",
    "plane": "plane of the line",
    "line": "errors of each angle",
    "gain": "gains of the receive chain",
    "tones": "further drive tones",
    "receive": "receive chain",
    "bands": "bands of lines",
}
# fields of a switch that are no imperfection themselves
_ABOUT = ("class", "seed", "radius", "multiple", "recording", "nodes", "time", "width")


def imperfections(attributes: Mapping[str, object]) -> list[str] | None:
    """Return what is not ideal in a simulation: fields, coils, gains, tracer and calibration scan.

    Parameters
    ----------
    attributes
        Those of a file: the mappings `scanner`, `particle` and `sample` of a simulated matrix.

    Returns
    -------
    list of str
        One entry for each, such as "errors of each angle (offset_spread)"; empty for an ideal simulation, and None
        where the attributes describe none.
    """
    scanner, particle, sample = (attributes.get(name) for name in ("scanner", "particle", "sample"))
    if not (isinstance(scanner, Mapping) and isinstance(particle, Mapping)):
        return None
    found = [*_of_scanner(scanner), *_of_particle(particle)]
    return found + (list(_of_sample(sample)) if isinstance(sample, Mapping) else [])


def _of_scanner(scanner: Mapping[str, object]) -> Iterator[str]:
    kind = str(scanner.get("class", _IDEAL["scanner"]))
    if kind not in (*_IDEAL_SCANNERS, "ImperfectFFL"):
        yield f"scanner {kind}"
    for name, words in _PARTS.items():
        parts = scanner.get(name)
        if isinstance(parts, list | tuple) and parts:
            replaced = " instead of the ideal one" if scanner.get(f"{name}_replaced") else ""
            yield f"{words} {' + '.join(map(_kind, parts))}{replaced}"
    for name, words in _SWITCHES.items():
        values = scanner.get(name)
        if isinstance(values, Mapping):
            yield f"{words} ({', '.join(_switched(values)) or 'none'})"


def _kind(part: object) -> str:
    """Name of a part's class."""
    return str(part.get("class", "part")) if isinstance(part, Mapping) else "part"


def _switched(values: Mapping[str, object]) -> list[str]:
    """Names of the fields that are not zero or empty."""
    return [str(k) for k, v in values.items() if k not in _ABOUT and _any(v)]


def _any(value: object) -> bool:
    return any(map(_any, value)) if isinstance(value, list | tuple) else bool(value)


def _of_particle(particle: Mapping[str, object]) -> Iterator[str]:
    kind = particle.get("class")
    if kind is not None and kind != _IDEAL["particle"]:
        yield f"tracer {_described(particle)}"


def _described(particle: Mapping[str, object]) -> str:
    """Class of a tracer, with the classes of those that it is made of in brackets."""
    inner = [v for value in particle.values() for v in (value if isinstance(value, list | tuple) else [value])]
    parts = [_described({"class": _IDEAL["particle"], **v}) for v in inner if isinstance(v, Mapping)]
    spread = particle.get("spread")
    words = [f"spread {spread:g}"] if isinstance(spread, int | float) else []
    inside = ", ".join([*words, *parts])
    return f"{particle.get('class')}{f' ({inside})' if inside else ''}"


def _of_sample(sample: Mapping[str, object]) -> Iterator[str]:
    """What is unusual in the calibration scan; nothing where the description is not that of a `Sample`."""
    try:
        known = Sample(**{k: tuple(v) if isinstance(v, list) else v for k, v in sample.items()})  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return
    if known.shape != "box":
        yield f"{known.shape} as the sample"
    if any(known.offset):
        yield f"calibration off by ({', '.join(f'{1e3 * o:g}' for o in known.offset)}) mm"
    if known.rotation:
        yield f"calibration turned by {math.degrees(known.rotation):.3g} degrees"
    if known.jitter:
        yield f"positions with a jitter of {1e3 * known.jitter:g} mm (seed {known.seed})"
