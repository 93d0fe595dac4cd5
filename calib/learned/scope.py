r"""What weights were trained on, and how a coarse matrix differs from it.

A network knows rows of the scanners, voxels and harmonics that it was trained on. In the plane of an ideal
field-free-line scanner with gradient G, drive amplitude A, cores of diameter d and a field of view of edge F, a row in
units of its matrix' RMS depends on the number of voxels, on the harmonic, on the angle, and on two numbers,

.. math:: \rho = \frac{A / G}{F / 2}, \qquad \kappa = G d^3 F,

how far the drive carries the line in the field of view, and how sharp the response is in it. The scale in metres does
not matter. Measured for `transms` at 2x, 4x and 8x (nRMSE over that of the same scanner in the training set):

- harmless, at most 1.2: another scale in metres, other angles at 2x, fewer and lower harmonics, noise from 10 dB to
  none, :math:`\kappa` within the trained range;
- harmful: other numbers of voxels (1.8 to 11), oblong voxels (1 to 3), a grid off the axis (1.1 to 7), higher harmonics
  (2.5 to 120), a drive that carries the line 2 % further or less far (1 to 4, sharp responses most), :math:`\kappa` 1.6
  times the largest trained one (1.2 to 5), other angles at 4x (1.2 to 1.4) and at 8x (1.1 to 2; 17 for a single row 1.5
  degrees off an axis of the grid).

`Scope` is what weights state, and `calib.learned.facts.Facts` is what a matrix states about itself. What one of them
does not state is not compared.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from calib.learned.facts import Facts, as_mapping

__all__ = ["Scope", "stated_metadata", "stated_scope"]

Range = tuple[float, float]

_ASPECT = 0.02  # relative difference of the edges of a voxel that is still square
_CENTER = 0.02  # distance of the grid's centre from the trained one in voxels
_REACH = 0.005  # relative difference of how far the drive carries the line
_KAPPA = 0.1  # relative distance of kappa from the trained range
_ANGLE = 0.1  # degrees between an angle and the next trained one
_FACTOR_OF_ANGLES = 4  # from which on other angles harm; at 8x a row along an axis of the grid is but two numbers
_DATA_SETS = Path(__file__).parents[1] / "weights" / "scopes.json"


@dataclass(frozen=True)
class Scope:
    """What weights were trained on; ranges are (smallest, largest), None is unknown.

    Parameters
    ----------
    shape
        Fine voxels along x and y.
    edges
        Edge lengths of a voxel along x and y in m.
    center
        Centre of the grid in m; the axis of the scanner is (0, 0).
    angles
        Rotation angles in rad.
    harmonics
        Smallest and largest harmonic.
    sf_gradient, particle_diameter
        Ranges of G in T/m and d in m.
    reach, kappa
        Ranges of how far the drive carries the line, in half fields of view, and of G d^3 F in T m^3.
    origin
        Where the matrices came from: `simulated`, `measured`, `recovered`.
    imperfect
        Whether simulated scanners had imperfections. They vary so much that `differences` does not compare them; it
        is what `recover` chooses weights by.
    """

    shape: tuple[int, int]
    edges: tuple[float, float]
    center: tuple[float, float]
    angles: tuple[float, ...] | None = None
    harmonics: tuple[int, int] | None = None
    sf_gradient: Range | None = None
    particle_diameter: Range | None = None
    reach: Range | None = None
    kappa: Range | None = None
    origin: str | None = None
    imperfect: bool | None = None

    @classmethod
    def of(cls, matrices: Sequence[xr.Dataset]) -> Scope:
        """Return the scope of a training on these fine matrices, which are of one grid (at least one)."""
        facts = [Facts.of(matrix) for matrix in matrices]
        first = facts[0]
        harmonics = [f.harmonics for f in facts]
        origins = {f.origin for f in facts}
        return cls(
            shape=first.shape,
            edges=first.edges,
            center=first.center,
            angles=first.angles,
            harmonics=_range([None if h is None else e for h in harmonics for e in (min(h or (0,)), max(h or (0,)))]),
            sf_gradient=_range(f.sf_gradient for f in facts),
            particle_diameter=_range(f.particle_diameter for f in facts),
            reach=_range(f.reach for f in facts),
            kappa=_range(f.kappa for f in facts),
            origin=origins.pop() if len(origins) == 1 else None,
            imperfect=None if any(f.imperfect is None for f in facts) else any(f.imperfect for f in facts),
        )

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Scope:
        """Return the scope that a file states; unknown keys, of a later version, are left out."""
        known = {f.name for f in fields(cls)}
        given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known}
        return cls(**given)

    def as_mapping(self) -> dict[str, object]:
        """Return the values that are known as a mapping that JSON holds."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items() if v is not None}

    def described(self) -> str:
        """Return in words, in the units of the command line, what the matrices of the training were."""
        width, height = (1e3 * n * edge for n, edge in zip(self.shape, self.edges, strict=True))
        voxels = f"{self.shape[0]} x {self.shape[1]} voxels over {width:g} x {height:g} mm"
        words = [f"{self.origin or 'other'} matrices of {voxels}"]
        if self.sf_gradient and self.particle_diameter:
            low, high = (1e9 * d for d in self.particle_diameter)
            words += [
                f"{self.sf_gradient[0]:.3g} to {self.sf_gradient[1]:.3g} T/m",
                f"cores of {low:.3g} to {high:.3g} nm",
            ]
        words += [f"harmonics {self.harmonics[0]} to {self.harmonics[1]}"] if self.harmonics else []
        return ", ".join([*words, *([f"{len(self.angles)} angles"] if self.angles else [])])

    def differences(self, facts: Facts, factor: int) -> list[str]:
        """Return in words what a matrix has that weights of this factor were not trained on, if anything."""
        found = [self._of_shape(facts), self._of_voxel(facts), self._of_center(facts), self._of_harmonics(facts)]
        found += [self._of_reach(facts), self._of_kappa(facts)]
        found += [self._of_angles(facts)] if factor >= _FACTOR_OF_ANGLES else []
        return [words for words in found if words]

    def _of_shape(self, facts: Facts) -> str:
        if facts.shape == self.shape:
            return ""
        return f"{facts.shape[0]} x {facts.shape[1]} fine voxels (not {self.shape[0]} x {self.shape[1]})"

    def _of_voxel(self, facts: Facts) -> str:
        mine, theirs = (edges[0] / edges[1] for edges in (self.edges, facts.edges))
        if abs(theirs / mine - 1) <= _ASPECT:
            return ""
        of_training = "square ones" if abs(mine - 1) <= _ASPECT else f"those of the ratio {mine:.3g}"
        return f"voxels of {1e3 * facts.edges[0]:.3g} x {1e3 * facts.edges[1]:.3g} mm (not {of_training})"

    def _of_center(self, facts: Facts) -> str:
        pairs = zip(self.center, self.edges, facts.center, facts.edges, strict=True)
        if all(abs(theirs / edge - mine / own) <= _CENTER for mine, own, theirs, edge in pairs):
            return ""
        x, y = (1e3 * value for value in facts.center)
        return f"a grid centred at ({x:.3g}, {y:.3g}) mm (not at ({1e3 * self.center[0]:g}, {1e3 * self.center[1]:g}))"

    def _of_harmonics(self, facts: Facts) -> str:
        if self.harmonics is None or facts.harmonics is None or max(facts.harmonics) <= self.harmonics[1]:
            return ""
        return f"harmonics up to {max(facts.harmonics)} (not up to {self.harmonics[1]})"

    def _of_angles(self, facts: Facts) -> str:
        if not self.angles or not facts.angles:
            return ""
        gap = np.subtract.outer(np.array(facts.angles), np.array(self.angles))
        furthest = float(np.degrees(np.abs((gap + np.pi / 2) % np.pi - np.pi / 2).min(axis=1).max()))
        return f"angles up to {furthest:.2g} degrees from the trained ones" if furthest > _ANGLE else ""

    def _of_reach(self, facts: Facts) -> str:
        if self.reach is None or facts.reach is None or _inside(facts.reach, self.reach, _REACH):
            return ""
        trained = " to ".join(dict.fromkeys(f"{value:.3g}" for value in self.reach))
        return f"a drive that carries the line {facts.reach:.3g} times half the field of view (not {trained})"

    def _of_kappa(self, facts: Facts) -> str:
        if self.kappa is None or facts.kappa is None or _inside(facts.kappa, self.kappa, _KAPPA):
            return ""
        ratio = facts.kappa / (self.kappa[1] if facts.kappa > self.kappa[1] else self.kappa[0])
        end = "largest" if ratio > 1 else "smallest"
        return f"a gradient x diameter^3 x field of view that is {ratio:.2g} times the {end} trained one"


@cache
def _known_data_sets() -> dict[str, Scope]:
    """Return the scopes of weights of version 0.1.0, which do not state them, by the digest of their data."""
    held = json.loads(_DATA_SETS.read_text(encoding="utf-8"))
    return {digest: Scope.from_mapping(entry["scope"]) for entry in held.values() for digest in entry["digests"]}


def stated_scope(metadata: Mapping[str, Any]) -> Scope | None:
    """Return the scope that the metadata of weights state; None where they do not.

    Weights of version 0.1.0 state a digest of their data only; that of the preset `transms` is known.
    """
    try:
        if "scope" in metadata:
            return Scope.from_mapping(metadata["scope"])
        return _known_data_sets().get(str(metadata.get("data")))
    except (TypeError, ValueError, AttributeError):
        return None


def stated_metadata(file: str | os.PathLike[str]) -> Mapping[str, Any]:
    """Return the metadata of a weights file, read from its header only; empty where it is not readable."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as opened:
            return as_mapping(json.loads((opened.metadata() or {}).get("about", "{}")))
    except (SafetensorError, OSError, ValueError, RecursionError):
        return {}


def _range(values: Iterable[Any]) -> tuple[Any, Any] | None:
    """Return the smallest and the largest value; None where one is unknown."""
    known = list(values)
    return None if any(v is None for v in known) else (min(known), max(known))


def _inside(value: float, limits: Range, tolerance: float) -> bool:
    return limits[0] * (1 - tolerance) <= value <= limits[1] * (1 + tolerance)
