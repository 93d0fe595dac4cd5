"""How long a data set takes and how large it becomes, from small pieces of its matrices.

One case of each kind is simulated, on a sixteenth of the voxels if there are many. The time of an engine grows with the
number of voxels, whatever fields, coils and particles there are. What writing takes is added from a rate.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mpisim.data.grid import Grid
from mpisim.dataset.cases import Case, SetupCase
from mpisim.dataset.spec import DatasetSpec
from mpisim.simulation.sample import Sample
from mpisim.simulation.setup import Setup

__all__ = ["Estimate", "estimated"]

_EDGE = 4  # voxels of a matrix along x and y for one of the piece
_LARGE = 16  # voxels along an edge from which a piece is simulated
_NUMBER = 8  # bytes of a complex64
_RATE = 20e6  # bytes per second that are sampled, compressed and written


@dataclass(frozen=True)
class Estimate:
    """Expected cost of a data set: the number of fine and coarse `matrices`, `seconds`, `size` in bytes, `workers`."""

    matrices: int
    coarse: int
    seconds: float
    size: float
    workers: int | None

    def described(self) -> str:
        """Return the cost in words."""
        minutes = self.seconds / 60
        time_in_words = f"{minutes:.0f} min" if minutes >= 1.5 else f"{max(self.seconds, 1):.0f} s"
        with_workers = "of one process" if self.workers is None else f"with {self.workers} process"
        with_workers += "es" if self.workers and self.workers > 1 else ""
        coarse = f" and {self.coarse} coarse ones" if self.coarse else ""
        return f"{self.matrices} matrices{coarse}: about {time_in_words} {with_workers}, {self.size / 1e6:.0f} MB"


def estimated(cases: Sequence[Case | SetupCase], spec: DatasetSpec, workers: int | None) -> Estimate:
    """Return the expected cost of simulating cases (at least one).

    `workers` is the number of processes; None where another executor does the work, for which the time is that of one
    process here.
    """
    seconds = size = 0.0
    for kind, count in Counter(map(_kind, cases)).items():
        case = next(c for c in cases if _kind(c) == kind)
        setup = spec.setup(case)
        nx, ny, *rest = setup.grid.shape
        edge = _EDGE if min(nx, ny) >= _LARGE else 1  # of a few voxels the time does not grow with their number
        small = Grid((nx // edge, ny // edge, *rest), setup.grid.fov, setup.grid.center)
        piece = replace(setup, grid=small, sample=_of_fine_voxels(setup))
        rows = piece.simulate()["system_matrix"]  # which also loads what is compiled
        started = time.perf_counter()
        piece.simulate()
        voxels = nx * ny / (small.shape[0] * small.shape[1])
        fine = _NUMBER * rows.size * voxels
        coarse = sum(fine if spec.sampling == "random" else fine / f**2 for f in spec.factors)
        seconds += count * ((time.perf_counter() - started) * voxels + (fine + coarse) / _RATE)
        size += count * (fine + coarse)
    shared = min(workers or 1, len(cases))
    return Estimate(len(cases), len(cases) * len(spec.factors), seconds / shared, size, workers)


def _of_fine_voxels(setup: Setup) -> Sample:
    """Return the sample of a setup with its size on the fine voxels, where it fills a voxel."""
    flat = setup.sample.size is None and setup.sample.shape != "sphere"
    return replace(setup.sample, size=setup.sample.edges(setup.grid)[:2]) if flat else setup.sample


def _kind(case: Case | SetupCase) -> str:
    """Return what cases that cost the same have in common: the classes of scanner and particle."""
    if isinstance(case, Case):
        return ""
    return f"{type(case.setup.scanner).__name__} {type(case.setup.particle).__name__} {len(case.setup.grid.shape)}"
