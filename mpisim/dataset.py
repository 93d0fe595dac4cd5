"""Families of system matrices over selection-field gradient and particle diameter, one atomic file each.

A run is resumed by running it again: finished files are kept, and a folder that holds another configuration is refused.
Every matrix is the same whatever the number of workers; a coarse one's seed comes from its place in the family.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mpisim.cells import SPLITS, Cell
from mpisim.command import call
from mpisim.errors import decibels, one_of, require, seed_number, whole
from mpisim.grid import Grid, Sample
from mpisim.io import read, write
from mpisim.io.atomic import output_folder, write_text
from mpisim.particles import Particle
from mpisim.progress import progress
from mpisim.scanner import OpenSidedFFL, open_sided_ffl
from mpisim.simulate import simulate
from mpisim.system_matrix import expect, validate

__all__ = ["Family", "generate", "read_family"]


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

    def __post_init__(self) -> None:
        seed_number(self.seed)
        if self.snr is not None:
            decibels("snr", self.snr)
        for factor in self.factors:
            divides = all(n % whole("factor", factor) == 0 for n in self.grid.shape[:2])
            require(divides, "factor", f"a divisor of the grid {self.grid.shape}", factor)

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
        The folder; a `dataset.json` beside the matrices of each split describes them.
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
    family.scanner_of(cells[0])
    folder = output_folder(out)
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


def read_family(folder: str | os.PathLike[str]) -> xr.Dataset:
    """Read all matrices of one folder (of fine ones, or of coarse ones such as `box4`) as one dataset.

    Returns
    -------
    xarray.Dataset
        The schema with the dimension `scanner` in front and the coordinates `sf_gradient` (T/m) and
        `particle_diameter` (m) along it; attributes in which the files differ are left out.

    Raises
    ------
    InputError
        If there are no files, or they are no system matrices of one shape.
    """
    files = sorted(Path(folder).glob("*.nc"))
    require(len(files) > 0, "data", "a folder with system matrices (.nc)", str(folder))
    parts = [expect(read(f), "system_matrix", str(f)) for f in files]
    wanted = dict(parts[0]["system_matrix"].sizes)
    for file, part in zip(files, parts, strict=True):
        found = dict(part["system_matrix"].sizes)
        require(found == wanted, str(file), f"of the size {wanted} of the others", found)
    how: Any = {"data_vars": "all", "coords": "different", "compat": "equals", "join": "override"}
    family = xr.concat(parts, "scanner", combine_attrs=_agreeing, **how)
    return validate(family, str(folder))


def _agreeing(attributes: Sequence[dict[str, Any]], context: Any = None) -> dict[str, Any]:
    """Return what all attributes have in common, inside mappings too."""
    first, *others = attributes
    common: dict[str, Any] = {}
    for key, value in first.items():
        if all(o.get(key) == value for o in others):
            common[key] = value
        elif isinstance(value, dict) and all(isinstance(o.get(key), dict) for o in others):
            common[key] = _agreeing([value, *(o[key] for o in others)])
    return common


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
    """Write every split's `dataset.json`, or refuse a folder that holds other matrices, before any file is touched."""
    manifests = {}
    for split in sorted({c.split for c in cells}):
        file = folder / split / "dataset.json"
        described = {name: asdict(family)[name] for name in ("grid", "sample", "scanner")}
        described["cells"] = [asdict(c) for c in cells if c.split == split]
        manifests[file] = _agree(file, json.loads(json.dumps(described)), family)
    for file, manifest in manifests.items():
        write_text(file, json.dumps(manifest, indent=1))


def _agree(file: Path, described: dict[str, Any], family: Family) -> dict[str, Any]:
    """Return the manifest to write; coarse files may be added to a family, under their own noise level and seed."""
    found: dict[str, Any] = {}
    if file.is_file():
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            found = {"damaged": True}
        same = {**found, "coarse": None} == {**described, "coarse": None}
        require(
            same, "output folder", "empty or of the same family of matrices", f"{file.parent}, of another dataset.json"
        )
    else:
        empty = not any(file.parent.glob("*.nc"))
        require(empty, "output folder", "empty or a data set of this program", f"{file.parent} with other files")
    coarse = dict(found.get("coarse", {}))
    for factor in family.factors:
        level = {"snr": family.snr, "seed": family.seed}
        known = coarse.setdefault(f"{family.sampling}{factor}", level)
        require(known == level, "snr and seed", f"those of the coarse files that {file.parent} holds, {known}", level)
    return {**described, "coarse": coarse}
