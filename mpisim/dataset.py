"""Families of system matrices over selection-field gradient and particle diameter, one atomic file each.

The preset `transms` is the simulated data set of TranSMS (section IV.A.1), its misprints resolved: 100 matrices over
G = linspace(0.4, 1.0, 10) T/m and d = 14.10 + 2.145 k nm for training and test, 30 over G = 0.70, 0.865, 1.03 T/m and
d = 15.17 + 2.145 k nm for validation. Of the 100, the 19 with G = 1.0 T/m or d = 33.405 nm and 15 others, drawn with a
seed that is part of the preset, are for test, the remaining 66 for training.

A run is resumed by running it again: finished files are kept, and a folder that holds another configuration is refused.
Every matrix is the same whatever the number of workers; a coarse one's seed comes from its place in the family.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mpisim.command import call
from mpisim.errors import InputError, one_of, positive, require, whole
from mpisim.grid import Grid, Sample
from mpisim.io import write
from mpisim.io.atomic import output_folder, write_text
from mpisim.particles import Particle
from mpisim.progress import progress
from mpisim.scanner import OpenSidedFFL, open_sided_ffl
from mpisim.simulate import simulate

__all__ = ["Cell", "Family", "generate", "grid_cells", "transms_cells"]

SPLITS = ("train", "validation", "test")
_SPLIT_SEED = 20220527  # of the preset's draw, never the user's: shipped weights must not meet their test data


@dataclass(frozen=True)
class Cell:
    """One scanner and particle of a family: gradient in T/m, core diameter in m, and its split, if any."""

    sf_gradient: float
    particle_diameter: float
    split: str = ""

    def __post_init__(self) -> None:
        positive("sf_gradient", self.sf_gradient)
        positive("particle_diameter", self.particle_diameter)

    @property
    def name(self) -> str:
        """File name without suffix: gradient in T/m and diameter in nm."""
        return f"g{self.sf_gradient:.4f}_d{self.particle_diameter * 1e9:.3f}"


def grid_cells(gradients: Iterable[float], diameters: Iterable[float], split: str = "") -> list[Cell]:
    """Return every pair of a gradient (T/m) and a core diameter (m)."""
    diameters = list(diameters)
    cells = [Cell(float(g), float(d), split) for g in gradients for d in diameters]
    require(len({c.name for c in cells}) == len(cells), "grid of scanners", "made of distinct pairs", "repeated values")
    return cells


def transms_cells() -> list[Cell]:
    """Return the 130 cells of the preset `transms` with their splits."""
    gradients = np.linspace(0.4, 1.0, 10)
    diameters = (14.10 + 2.145 * np.arange(10)) * 1e-9
    cells = grid_cells(gradients, diameters)
    reserved = {
        i for i, c in enumerate(cells) if c.sf_gradient == gradients[-1] or c.particle_diameter == diameters[-1]
    }
    others = [i for i in range(len(cells)) if i not in reserved]
    drawn = np.random.default_rng(_SPLIT_SEED).choice(others, 15, replace=False)
    test = reserved | set(drawn.tolist())
    cells = [replace(c, split="test" if i in test else "train") for i, c in enumerate(cells)]
    return cells + grid_cells((0.70, 0.865, 1.03), (15.17 + 2.145 * np.arange(10)) * 1e-9, "validation")


@dataclass(frozen=True)
class Family:
    """What all matrices of a data set have in common.

    Parameters
    ----------
    grid, sample
        Voxels and sample.
    scanner
        Options of `open_sided_ffl` except the gradient; the drive amplitude is G FOV / 2 unless it is given (T).
    factors
        Coarse files to make beside the fine ones, by factor.
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

    def scanner_of(self, cell: Cell) -> OpenSidedFFL:
        """Return the scanner of a cell."""
        return open_sided_ffl(cell.sf_gradient, fov=max(self.grid.fov[:2]), **self.scanner)


def fine_file(out: Path, cell: Cell) -> Path:
    """Where a cell's fine matrix lies."""
    return out / cell.split / f"{cell.name}.nc"


def coarse_file(out: Path, cell: Cell, family: Family, factor: int) -> Path:
    """Where a cell's coarse matrix lies."""
    return out / cell.split / f"{family.sampling}{factor}" / f"{cell.name}.nc"


def generate(
    cells: Sequence[Cell],
    family: Family,
    out: str | os.PathLike[str],
    *,
    splits: Sequence[str] | None = None,
    workers: int = 1,
    executor: Executor | None = None,
) -> list[Path]:
    """Simulate a family into a folder, resuming what an earlier run left.

    Parameters
    ----------
    cells
        The whole family, in a fixed order.
    family
        What they have in common.
    out
        The folder; `dataset.json` there describes the family.
    splits
        Only the cells of these splits; None for all.
    workers
        Processes on this machine.
    executor
        Any `concurrent.futures.Executor` instead, such as Dask's `Client.get_executor()`.

    Returns
    -------
    list of pathlib.Path
        The fine files, in the order of the cells.

    Raises
    ------
    InputError
        If the folder holds another family or cannot be written, or an argument is out of range.
    """
    workers = whole("workers", workers)
    for split in splits or ():
        one_of("split", split, SPLITS)
    folder = output_folder(out)
    for factor in family.factors:
        divides = all(n % whole("factor", factor) == 0 for n in family.grid.shape[:2])
        require(divides, "factor", f"a divisor of the grid {family.grid.shape}", factor)
    family.scanner_of(cells[0])
    _claim(folder, cells, family)
    chosen = [(i, c) for i, c in enumerate(cells) if not splits or c.split in splits]
    missing = [(i, c) for i, c in chosen if not _finished(folder, c, family)]
    bar = progress(total=len(chosen), initial=len(chosen) - len(missing), unit="matrix")
    with bar:
        if executor is None and (workers == 1 or len(missing) < 2):
            for index, cell in missing:
                _make(index, cell, family, folder)
                bar.update()
        else:
            _in_parallel(missing, family, folder, workers, executor, bar)
    return [fine_file(folder, c) for _, c in chosen]


def _in_parallel(
    missing: list[tuple[int, Cell]], family: Family, folder: Path, workers: int, executor: Executor | None, bar: Any
) -> None:
    # spawn, because a forked child cannot use the parent's threads
    pool = executor or ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _prepare_worker)
    try:
        with _interrupts_blocked():
            futures = [pool.submit(_make, i, c, family, folder) for i, c in missing]
        for done in as_completed(futures):
            done.result()
            bar.update()
    finally:
        if executor is None:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: it is the parent's to handle, once the files under way are done."""
    mask = getattr(signal, "pthread_sigmask", None)
    if mask is None:
        yield
        return
    mask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        mask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _prepare_worker() -> None:
    import numba

    numba.set_num_threads(1)


def _make(index: int, cell: Cell, family: Family, folder: Path) -> None:
    """Write one cell's missing files."""
    fine = fine_file(folder, cell)
    if not fine.is_file():
        write(simulate(family.scanner_of(cell), Particle(cell.particle_diameter), family.grid, family.sample), fine)
    for factor in family.factors:
        target = coarse_file(folder, cell, family, factor)
        if not target.is_file():
            seed = int(np.random.SeedSequence(family.seed, spawn_key=(index, factor)).generate_state(1)[0])
            level = ["--noiseless"] if family.snr is None else ["--snr", repr(family.snr)]
            call(
                "downsample",
                [fine, "--factor", factor, "--sampling", family.sampling, *level, "--seed", seed, "--out", target],
            )


def _finished(folder: Path, cell: Cell, family: Family) -> bool:
    files = [fine_file(folder, cell), *(coarse_file(folder, cell, family, f) for f in family.factors)]
    return all(f.is_file() for f in files)


def _claim(folder: Path, cells: Sequence[Cell], family: Family) -> None:
    """Write the folder's `dataset.json`, or refuse a folder of another family."""
    described = json.loads(json.dumps({**asdict(family), "cells": [asdict(c) for c in cells]}))
    described["digest"] = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]
    manifest = folder / "dataset.json"
    if manifest.is_file():
        try:
            found = json.loads(manifest.read_text(encoding="utf-8")).get("digest")
        except (ValueError, AttributeError):
            found = "a damaged dataset.json"
        if found != described["digest"]:
            raise InputError(
                f"Input output folder must be empty or hold the same family of matrices; instead received {folder}, "
                "whose dataset.json describes another."
            )
        return
    require(
        not any(folder.glob("**/*.nc")),
        "output folder",
        "empty or a data set of this program",
        f"{folder} with other files",
    )
    write_text(manifest, json.dumps(described, indent=1))
