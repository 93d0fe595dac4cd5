"""Data sets of system matrices over selection-field gradient and particle diameter, one atomic file each.

A run is resumed by running it again: complete files stay, and a folder that holds another configuration is refused.
A file that is truncated, empty or no matrix (after an interrupted copy or on a full disk) is computed again. Resuming
is fast because files are opened and their sizes read, but not their values: HDF5 refuses to open a file that is shorter
than it was written.

Every matrix is the same whatever the number of workers; a coarse one's seed comes from its place in the data set.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import netCDF4
import numpy as np

from mpisim.data.downsampling import downsample
from mpisim.dataset.cases import SPLITS, Case
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


def generate(
    cases: Sequence[Case],
    spec: DatasetSpec,
    out: str | os.PathLike[str],
    *,
    splits: Sequence[str] | None = None,
    workers: int = 1,
    executor: Executor | None = None,
    part: str | None = None,
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
    spec.scanner_of(cases[0])
    folder = output_folder(out)
    _claim(folder, cases, spec)
    for left in {file.parent for case in cases for file in _files(folder, case, spec)}:
        remove_leftovers(left)
    chosen = [(i, c) for i, c in enumerate(cases) if not splits or c.split in splits]
    chosen = chosen if part is None else shard(chosen, part)
    missing = [(i, c, spec, folder) for i, c in chosen if not _finished(folder, c, spec)]
    with progress(total=len(chosen), initial=len(chosen) - len(missing), unit="matrix") as bar:
        run_all(_make, missing, workers=workers, executor=executor, done=bar.update)
    return [fine_file(folder, c) for _, c in chosen]


def _make(index: int, case: Case, spec: DatasetSpec, folder: Path) -> None:
    """Write one case's missing files."""
    fine, *coarse = _files(folder, case, spec)
    if not _complete(fine, spec, 1):
        write(spec.simulate(case), fine)
    for factor, target in zip(spec.factors, coarse, strict=True):
        if not _complete(target, spec, factor):
            seed = int(np.random.SeedSequence(spec.seed, spawn_key=(index, factor)).generate_state(1)[0])
            write(downsample(read(fine), factor, spec.sampling, spec.snr, seed), target)


def _files(folder: Path, case: Case, spec: DatasetSpec) -> list[Path]:
    """Return the files of a case: the fine matrix, then the coarse ones in the order of the factors."""
    return [fine_file(folder, case), *(coarse_file(folder, case, spec, f) for f in spec.factors)]


def _finished(folder: Path, case: Case, spec: DatasetSpec) -> bool:
    files = _files(folder, case, spec)
    return all(_complete(f, spec, factor) for f, factor in zip(files, (1, *spec.factors), strict=True))


def _complete(file: Path, spec: DatasetSpec, factor: int) -> bool:
    """Return whether a file is there, as long as it was written, and holds a matrix on the voxels of its factor."""
    nx, ny = spec.grid.shape[:2]
    edge = 1 if spec.sampling == "random" else factor  # which keeps the voxels
    try:
        with deferring_interrupt(), netCDF4.Dataset(file) as opened:
            sizes = {name: dimension.size for name, dimension in opened.dimensions.items()}
            return "system_matrix" in opened.variables and (sizes["x"], sizes["y"]) == (nx // edge, ny // edge)
    except (OSError, RuntimeError, KeyError):
        return False


def _claim(folder: Path, cases: Sequence[Case], spec: DatasetSpec) -> None:
    """Write every split's `dataset.json`, or refuse a folder that holds other matrices, before any file is touched."""
    manifests = {}
    for split in sorted({c.split for c in cases}):
        file = folder / split / "dataset.json"
        described = {name: asdict(spec)[name] for name in ("grid", "scanner")} | {"sample": spec.sample.as_mapping()}
        described["cells"] = [asdict(c) for c in cases if c.split == split]
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
        same = {**found, "coarse": None} == {**described, "coarse": None}
        require(same, "output folder", "empty or of the same data set", f"{file.parent}, of another dataset.json")
    else:
        empty = not any(file.parent.glob("*.nc"))
        require(empty, "output folder", "empty or a data set of this program", f"{file.parent} with other files")
    coarse = dict(found.get("coarse", {}))
    for factor in spec.factors:
        level = {"snr": spec.snr, "seed": spec.seed}
        known = coarse.setdefault(f"{spec.sampling}{factor}", level)
        require(known == level, "snr and seed", f"those of the coarse files that {file.parent} holds, {known}", level)
    return {**described, "coarse": coarse}
