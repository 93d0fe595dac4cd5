"""What a system matrix states about itself that matters to a network: voxels, angles, harmonics, scanner, particle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.sampling import Sampling
from mpisim.simulation.imperfections import imperfections

__all__ = ["Facts", "as_mapping"]


@dataclass(frozen=True)
class Facts:
    """What a system matrix states about itself that matters to a network; None is unknown.

    Parameters
    ----------
    shape, edges, center
        Fine voxels along x and y, their edge lengths in m, and the centre of the grid in m.
    angles
        Rotation angles in rad.
    harmonics
        Numbers of the harmonics.
    sf_gradient, particle_diameter, drive_amplitude
        G in T/m, d in m, A in T.
    origin
        `simulated`, `measured` or `recovered`.
    imperfect
        Whether the scanner, the tracer or the calibration of a simulated matrix is not ideal
        (`mpisim.simulation.imperfections`); unknown for measured matrices.
    """

    shape: tuple[int, int]
    edges: tuple[float, float]
    center: tuple[float, float]
    angles: tuple[float, ...] | None = None
    harmonics: tuple[int, ...] | None = None
    sf_gradient: float | None = None
    particle_diameter: float | None = None
    drive_amplitude: float | None = None
    origin: str | None = None
    imperfect: bool | None = None

    @classmethod
    def of(cls, data: xr.Dataset) -> Facts:
        """Return what a fine matrix, or the fine one of a coarse matrix, states about itself."""
        grid = Grid.of(data)
        grid = Sampling.of(data).fine_grid(grid) if data.attrs.get("stage") == "coarse" else grid
        scanner, particle = (as_mapping(data.attrs.get(name)) for name in ("scanner", "particle"))
        not_ideal = imperfections(data.attrs)
        return cls(
            shape=(grid.shape[0], grid.shape[1]),
            edges=(grid.voxel[0], grid.voxel[1]),
            center=(grid.center[0], grid.center[1]),
            angles=tuple(map(float, data["angle"].values.ravel())) if "angle" in data.coords else None,
            harmonics=tuple(map(int, data["harmonic"].values.ravel())) if "harmonic" in data.coords else None,
            sf_gradient=_coordinate(data, "sf_gradient") or _number(scanner.get("sf_gradient")),
            particle_diameter=_coordinate(data, "particle_diameter") or _number(particle.get("diameter")),
            drive_amplitude=_number(scanner.get("drive_amplitude")),
            origin=data.attrs.get("origin"),
            imperfect=None if not_ideal is None else bool(not_ideal),
        )

    @property
    def fov(self) -> float:
        """Longer edge F of the field of view in m."""
        return max(n * edge for n, edge in zip(self.shape, self.edges, strict=True))

    @property
    def reach(self) -> float | None:
        """How far the drive carries the line, in half fields of view."""
        if self.drive_amplitude is None or self.sf_gradient is None:
            return None
        return self.drive_amplitude / self.sf_gradient / (self.fov / 2)

    @property
    def kappa(self) -> float | None:
        """How sharp the response is, G d^3 F in T m^3."""
        if self.particle_diameter is None or self.sf_gradient is None:
            return None
        return self.sf_gradient * self.particle_diameter**3 * self.fov


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return a value that is a mapping, and an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}


def _coordinate(data: xr.Dataset, name: str) -> float | None:
    return float(data[name]) if name in data.coords and data[name].ndim == 0 else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
