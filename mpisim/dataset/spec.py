"""What all matrices of a data set have in common, and where its files lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr

from mpisim.data.downsampling import EDGES
from mpisim.data.grid import Grid
from mpisim.data.sampling import Sampling
from mpisim.dataset.cases import Case, SetupCase
from mpisim.errors import decibels, one_of, seed_number
from mpisim.particles.particle import Particle
from mpisim.scanner.ffl import OpenSidedFFL, open_sided_ffl
from mpisim.simulation.provenance import provenance
from mpisim.simulation.sample import Sample
from mpisim.simulation.setup import Setup

__all__ = ["DatasetSpec", "coarse_file", "fine_file"]


@dataclass(frozen=True)
class DatasetSpec:
    """What all matrices of a data set have in common.

    Parameters
    ----------
    grid, sample
        Voxels and sample of each `Case`; a `SetupCase` has its own.
    scanner
        Options of `open_sided_ffl` for each `Case`, except the gradient; the drive amplitude is G FOV / 2 unless it is
        given (T).
    factors
        Factors of the coarse files that are written with the fine ones.
    sampling, snr, seed
        Scheme, noise level (dB, None for none) and seed of the coarse files.
    edge
        What `mpisim.data.downsampling.downsample` does where a factor does not divide the voxels: `fill`, `crop`, or
        None, which refuses it.
    """

    grid: Grid = field(default_factory=Grid)
    sample: Sample = field(default_factory=Sample)
    scanner: dict[str, Any] = field(default_factory=dict)
    factors: tuple[int, ...] = ()
    sampling: str = "box"
    snr: float | None = None
    seed: int = 0
    edge: str | None = None

    def __post_init__(self) -> None:
        seed_number(self.seed)
        if self.snr is not None:
            decibels("snr", self.snr)
        if self.edge is not None:
            one_of("edge", self.edge, EDGES)
        self.check_factors(self.grid)

    def check_factors(self, grid: Grid) -> None:
        """Raise `InputError` unless every factor divides the voxels of a grid, or `edge` says what else to do."""
        for factor in self.factors:
            Sampling.named("box", factor, (grid.shape[1], grid.shape[0]), partial=self.edge is not None)

    def coarse_shape(self, grid: Grid, factor: int) -> tuple[int, int]:
        """Return the values of a coarse row along x and y for a grid of fine voxels."""
        nx, ny = grid.shape[:2]
        if self.sampling == "random":  # which keeps the voxels
            kept = factor if self.edge == "crop" else 1
            return nx // kept * kept, ny // kept * kept
        beyond = factor - 1 if self.edge == "fill" else 0
        return (nx + beyond) // factor, (ny + beyond) // factor

    def scanner_of(self, case: Case) -> OpenSidedFFL:
        """Return the scanner of a case."""
        return open_sided_ffl(case.sf_gradient, fov=max(self.grid.fov[:2]), **self.scanner)

    def setup(self, case: Case | SetupCase) -> Setup:
        """Return the scanner, particle, voxels and sample of a case."""
        if isinstance(case, SetupCase):
            return case.setup
        return Setup(self.scanner_of(case), Particle(case.particle_diameter), self.grid, self.sample)

    def simulate(self, case: Case | SetupCase) -> xr.Dataset:
        """Simulate the fine matrix of a case."""
        matrix = self.setup(case).simulate()
        return matrix.assign_attrs(case.attributes) if isinstance(case, SetupCase) else matrix

    def described(self, cases: Sequence[Case | SetupCase]) -> dict[str, Any]:
        """Return what the manifest of a split says of its cases and of what they have in common."""
        common = {"grid": asdict(self.grid), "scanner": self.scanner, "sample": self.sample.as_mapping()}
        return {**common, "cells": [_described(case) for case in cases]}


def _described(case: Case | SetupCase) -> dict[str, Any]:
    if isinstance(case, Case):
        return asdict(case)
    made_of = provenance(case.setup.scanner, case.setup.particle, case.setup.grid, case.setup.sample)
    return {"name": case.name, "split": case.split, **case.attributes, **made_of}


def fine_file(out: Path, case: Case | SetupCase) -> Path:
    """Return the file of a case's fine matrix in the folder of a data set."""
    return out / case.split / f"{case.name}.nc"


def coarse_file(out: Path, case: Case | SetupCase, spec: DatasetSpec, factor: int) -> Path:
    """Return the file of a case's coarse matrix in the folder of a data set."""
    return out / case.split / f"{spec.sampling}{factor}" / f"{case.name}.nc"
