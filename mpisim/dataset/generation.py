"""Data sets of system matrices over gradients and diameters, or of any setups, one atomic file each.

A run is resumed by running it again: complete files stay, and a folder that holds another configuration is refused.
A file that is truncated, empty or no matrix (after an interrupted copy or on a full disk) is computed again. Resuming
is fast because files are opened and their sizes read, but not their values: HDF5 refuses to open a file that is shorter
than it was written.

Every matrix is the same whatever the number of workers; a coarse one's seed comes from its place in the data set, or of
a `SetupCase` from its name. A data set of setups may therefore grow: more cases behind those of an earlier run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeAlias

import netCDF4
import numpy as np

from mpisim.data.downsampling import downsample
from mpisim.dataset.cases import SPLITS, Case, SetupCase
from mpisim.dataset.estimate import estimated
from mpisim.dataset.spec import DatasetSpec, coarse_file, fine_file
from mpisim.errors import one_of, require, whole
from mpisim.io.atomic import deferring_interrupt, output_folder, remove_leftovers, write_text
from mpisim.io.reading import read
from mpisim.io.writing import write
from mpisim.parallel import run_all, shard
from mpisim.progress import progress

__all__ = ["generate"]

Manifest: TypeAlias = dict[str, Any]
"""What `dataset.json` holds: grid, sample, scanner, cells, and noise level and seed of the coarse files."""
_LONG = 10.0  # s from which the time is said before the work starts


def generate(
    cases: Sequence[Case | SetupCase],
    spec: DatasetSpec,
    out: str | os.PathLike[str],
    *,
    splits: Sequence[str] | None = None,
    workers: int = 1,
    executor: Executor | None = None,
    part: str | None = None,
    report: Callable[[str], None] | None = None,
) -> list[Path]:
    """Simulate a data set into a folder, resuming what an earlier run left.

    Parameters
    ----------
    cases
        All cases of the data set, in a fixed order.
    spec
        What all matrices have in common.
    out
        The folder; a `dataset.json` beside the matrices of each split describes them.
    splits
        Only the cases of these splits; None for all.
    workers
        Processes on this machine.
    executor
        Any `concurrent.futures.Executor` instead, such as `mpisim.parallel.dask_executor`.
    part
        Only the share I/N of a job array, such as `2/5` (`mpisim.parallel.shard`).
    report
        Receives one line with time and size before the work starts, if it takes more than some seconds.

    Returns
    -------
    list of pathlib.Path
        The fine files, in the order of the cases.

    Raises
    ------
    InputError
        If the folder holds another data set or cannot be written, or an argument is out of range.
    """
    workers = whole("workers", workers)
    for split in splits or ():
        one_of("split", split, SPLITS)
    for case in cases:
        spec.check_factors(spec.setup(case).grid)
    folder = output_folder(out)
    _claim(folder, cases, spec)
    for left in {file.parent for case in cases for file in _files(folder, case, spec)}:
        remove_leftovers(left)
    chosen = [(i, c) for i, c in enumerate(cases) if not splits or c.split in splits]
    chosen = chosen if part is None else shard(chosen, part)
    missing = [(i, c, spec, folder) for i, c in chosen if not _finished(folder, c, spec)]
    if report is not None and missing:
        expected = estimated([c for _, c, _, _ in missing], spec, workers if executor is None else None)
        if expected.seconds > _LONG:
            report(expected.described())
    with progress(total=len(chosen), initial=len(chosen) - len(missing), unit="matrix") as bar:
        run_all(_make, missing, workers=workers, executor=executor, done=bar.update)
    return [fine_file(folder, c) for _, c in chosen]


def _make(index: int, case: Case | SetupCase, spec: DatasetSpec, folder: Path) -> None:
    """Write one case's missing files."""
    fine, *coarse = _files(folder, case, spec)
    if not _complete(fine, case, spec, 1):
        write(spec.simulate(case), fine)
    for factor, target in zip(spec.factors, coarse, strict=True):
        if not _complete(target, case, spec, factor):
            seed = int(
                np.random.SeedSequence(spec.seed, spawn_key=(case.noise_key(index), factor)).generate_state(1)[0]
            )
            write(downsample(read(fine), factor, spec.sampling, spec.snr, seed, spec.edge), target)


def _files(folder: Path, case: Case | SetupCase, spec: DatasetSpec) -> list[Path]:
    """Return the files of a case: the fine matrix, then the coarse ones in the order of the factors."""
    return [fine_file(folder, case), *(coarse_file(folder, case, spec, f) for f in spec.factors)]


def _finished(folder: Path, case: Case | SetupCase, spec: DatasetSpec) -> bool:
    files = _files(folder, case, spec)
    return all(_complete(f, case, spec, factor) for f, factor in zip(files, (1, *spec.factors), strict=True))


def _complete(file: Path, case: Case | SetupCase, spec: DatasetSpec, factor: int) -> bool:
    """Return whether a file is there, as long as it was written, and holds a matrix on the voxels of its factor."""
    grid = spec.setup(case).grid
    shape = grid.shape[:2] if factor == 1 else spec.coarse_shape(grid, factor)
    try:
        with deferring_interrupt(), netCDF4.Dataset(file) as opened:
            sizes = {name: dimension.size for name, dimension in opened.dimensions.items()}
            return "system_matrix" in opened.variables and (sizes["x"], sizes["y"]) == shape
    except (OSError, RuntimeError, KeyError):
        return False


def _claim(folder: Path, cases: Sequence[Case | SetupCase], spec: DatasetSpec) -> None:
    """Write every split's `dataset.json`, or refuse a folder that holds other matrices, before any file is touched."""
    manifests = {}
    for split in sorted({c.split for c in cases}):
        file = folder / split / "dataset.json"
        described = spec.described([c for c in cases if c.split == split])
        manifests[file] = _agree(file, json.loads(json.dumps(described)), spec)
    for file, manifest in manifests.items():
        write_text(file, json.dumps(manifest, indent=1))


def _agree(file: Path, described: Manifest, spec: DatasetSpec) -> Manifest:
    """Return the manifest to write; coarse files may be added to a data set, under their own noise level and seed."""
    found: Manifest = {}
    if file.is_file():
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            found = {"damaged": True}
        described["cells"] = _grown(found.get("cells"), described["cells"])
        same = {**found, "coarse": None, "cells": None} == {**described, "coarse": None, "cells": None}
        require(
            same and described["cells"] is not None,
            "output folder",
            "empty or of the same data set",
            f"{file.parent}, of another dataset.json",
        )
    else:
        empty = not any(file.parent.glob("*.nc"))
        require(empty, "output folder", "empty or a data set of this program", f"{file.parent} with other files")
    coarse = dict(found.get("coarse", {}))
    for factor in spec.factors:
        level = {"snr": spec.snr, "seed": spec.seed}
        known = coarse.setdefault(f"{spec.sampling}{factor}", level)
        require(known == level, "snr and seed", f"those of the coarse files that {file.parent} holds, {known}", level)
    return {**described, "coarse": coarse}


def _grown(found: object, cells: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """Return the cases of a manifest with those of this run; None where they are others.

    Setups may be fewer or more than before; cases whose noise comes from their place are the same ones.
    """
    if not isinstance(found, list) or (found != cells and not all("name" in cell for cell in cells)):
        return None
    shorter, longer = sorted((found, cells), key=len)
    return longer if longer[: len(shorter)] == shorter else None
