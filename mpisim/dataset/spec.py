"""What all matrices of a data set have in common, and where its files lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr

from mpisim.data.grid import Grid
from mpisim.dataset.cases import Case
from mpisim.errors import decibels, require, seed_number, whole
from mpisim.particles.particle import Particle
from mpisim.scanner.ffl import OpenSidedFFL, open_sided_ffl
from mpisim.simulation.matrix import simulate
from mpisim.simulation.sample import Sample

__all__ = ["DatasetSpec", "coarse_file", "fine_file"]


@dataclass(frozen=True)
class DatasetSpec:
    """What all matrices of a data set have in common.

    Parameters
    ----------
    grid, sample
        Voxels and sample.
    scanner
        Options of `open_sided_ffl` except the gradient; the drive amplitude is G FOV / 2 unless it is given (T).
    factors
        Factors of the coarse files that are written with the fine ones.
    sampling, snr, seed
        Scheme, noise level (dB, None for none) and seed of the coarse files.
    """

    grid: Grid = field(default_factory=Grid)
    sample: Sample = field(default_factory=Sample)
    scanner: dict[str, Any] = field(default_factory=dict)
    factors: tuple[int, ...] = ()
    sampling: str = "box"
    snr: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        seed_number(self.seed)
        if self.snr is not None:
            decibels("snr", self.snr)
        for factor in self.factors:
            divides = all(n % whole("factor", factor) == 0 for n in self.grid.shape[:2])
            require(divides, "factor", f"a divisor of the grid {self.grid.shape}", factor)

    def scanner_of(self, case: Case) -> OpenSidedFFL:
        """Return the scanner of a case."""
        return open_sided_ffl(case.sf_gradient, fov=max(self.grid.fov[:2]), **self.scanner)

    def simulate(self, case: Case) -> xr.Dataset:
        """Simulate the fine matrix of a case."""
        return simulate(self.scanner_of(case), Particle(case.particle_diameter), self.grid, self.sample)


def fine_file(out: Path, case: Case) -> Path:
    """Return the file of a case's fine matrix in the folder of a data set."""
    return out / case.split / f"{case.name}.nc"


def coarse_file(out: Path, case: Case, spec: DatasetSpec, factor: int) -> Path:
    """Return the file of a case's coarse matrix in the folder of a data set."""
    return out / case.split / f"{spec.sampling}{factor}" / f"{case.name}.nc"
