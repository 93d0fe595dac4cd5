"""Scanner, particle, grid and sample together: all that a simulation needs, and what a scanner file describes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.schema import expect
from mpisim.errors import require
from mpisim.particles.checks import check_magnetisation
from mpisim.particles.protocol import Magnetisation
from mpisim.scanner.checks import check_scanner
from mpisim.scanner.protocol import Scanner
from mpisim.simulation.matrix import simulate
from mpisim.simulation.provenance import from_mapping, particle_from_mapping, scanner_from_mapping
from mpisim.simulation.sample import Sample

__all__ = ["Setup"]


@dataclass(frozen=True)
class Setup:
    """A scanner, its tracer, and the calibration scan: what `mpisim.read_scanner` returns.

    Parameters
    ----------
    scanner
        Fields, coils and sequence, such as `mpisim.open_sided_ffl(0.5)`.
    particle
        Magnetisation of the tracer, such as `mpisim.Particle(25e-9)`.
    grid
        Voxels of the calibration scan; 32 x 32 over 32 x 32 mm by default.
    sample
        The sample that is moved over them; it fills a voxel by default.

    Raises
    ------
    InputError
        If one of them is of another type, or cannot be simulated.
    """

    scanner: Scanner
    particle: Magnetisation
    grid: Grid = field(default_factory=Grid)
    sample: Sample = field(default_factory=Sample)

    def __post_init__(self) -> None:
        for name, value, kind in (("grid", self.grid, Grid), ("sample", self.sample, Sample)):
            require(isinstance(value, kind), name, f"a mpisim.{kind.__name__}", repr(value))
        check_scanner(self.scanner, self.grid.center)
        check_magnetisation(self.particle)

    @classmethod
    def of(cls, data: xr.Dataset) -> Setup:
        """Return the setup that a simulated system matrix describes.

        That of a coarse matrix is the setup of its fine one. Raises `InputError` if the dataset is no system matrix, or
        does not describe how it was simulated.
        """
        attributes = cls.described(data)
        return cls(
            scanner_from_mapping(attributes["scanner"]),
            particle_from_mapping(attributes["particle"]),
            from_mapping(Grid, attributes["grid"], "grid"),
            from_mapping(Sample, attributes["sample"], "sample"),
        )

    @staticmethod
    def described(data: xr.Dataset) -> dict[str, Any]:
        """Return the attributes `scanner`, `particle`, `grid` and `sample` of a simulated system matrix.

        Raises `InputError` if the dataset is no system matrix, or lacks one of them.
        """
        attributes = expect(data, "system_matrix", "data").attrs
        names = ("scanner", "particle", "grid", "sample")
        missing = [name for name in names if not isinstance(attributes.get(name), dict)]
        must = "a simulated system matrix, which describes its scanner"
        require(not missing, "data", must, f"one without {', '.join(missing)}")
        return {name: attributes[name] for name in names}

    def simulate(self, path: str = "auto") -> xr.Dataset:
        """Simulate the system matrix; `path` is that of `mpisim.simulate`."""
        return simulate(self.scanner, self.particle, self.grid, self.sample, path)
