"""The matrices of a study: those of the paper's simulated protocol, read from a data set or simulated."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import xarray as xr

from mpisim.data.metrics import nrmse
from mpisim.data.schema import expect
from mpisim.data.units import in_unit_of
from mpisim.dataset.cases import Case, transms_cases
from mpisim.dataset.spec import DatasetSpec, fine_file
from mpisim.errors import InputError, require
from mpisim.io import read
from mpisim.particles.particle import Particle
from mpisim.simulation.matrix import simulate

__all__ = ["FACTORS", "TESTS", "Protocol"]

FACTORS = (2, 4, 8)
"""Factors of the paper's tables."""
TESTS = 34
"""Test matrices of the paper."""
_LARGEST_NRMSE = 1e-3  # between matrices of one case that were simulated by different engines
_COMPARED = ("grid", "scanner", "particle", "sample")  # attributes of a matrix that state its protocol


@dataclass(frozen=True)
class Protocol:
    """Simulated scanners and particles; by default those of the paper.

    `cases` are gradients and diameters with their splits; `spec` is what all matrices have in common.
    """

    cases: tuple[Case, ...] = field(default_factory=lambda: tuple(transms_cases()))
    spec: DatasetSpec = field(default_factory=DatasetSpec)

    def of(self, split: str, count: int | None = None) -> list[Case]:
        """Return the cases of a split, or at most `count` of them, spread over it."""
        cases = [c for c in self.cases if c.split == split]
        return cases if count is None or count >= len(cases) else cases[:: len(cases) // count][:count]

    def figure_case(self) -> Case:
        """Return the test case that figures show: it has the largest gradient, and the diameter nearest to 25 nm."""
        cases = self.of("test")
        largest = max(c.sf_gradient for c in cases)
        return min((c for c in cases if c.sf_gradient == largest), key=lambda c: abs(c.particle_diameter - 25e-9))

    def simulate(self, case: Case) -> xr.Dataset:
        """Simulate the fine matrix of a case."""
        particle = Particle(case.particle_diameter)
        return simulate(self.spec.scanner_of(case), particle, self.spec.grid, self.spec.sample)

    def matrices(self, cases: Sequence[Case], data: Path | None = None) -> list[xr.Dataset]:
        """Return the fine matrices of some cases, from `data`, a folder of `mpisim dataset`, or simulated without one.

        Raises `InputError` if the folder or a file is missing, or a matrix is of another protocol; the message states
        the difference.
        """
        if data is None:
            return [self.simulate(case) for case in cases]
        files = [fine_file(data, case) for case in cases]
        for file in files:
            require(file.is_file(), "data", "a folder of `mpisim dataset --preset transms`", _lacking(data, file))
        return [self._checked(read(file), case, file) for file, case in zip(files, cases, strict=True)]

    def _checked(self, matrix: xr.Dataset, case: Case, file: Path) -> xr.Dataset:
        """Return a matrix from a file in V; raise `InputError` unless it is that of the protocol."""
        expect(matrix, "system_matrix", str(file), stage="fine")
        wanted = self.simulate(case)
        matrix = in_unit_of(matrix, wanted, str(file), "the simulated matrix")
        different = _differing(matrix, wanted)
        if different:
            what = "; ".join(different[:4])
            raise InputError(f"Input data must be of this study's protocol; instead received {file} with {what}.")
        return matrix


def _lacking(data: Path, file: Path) -> str:
    """Return what a data set without a file lacks, in words."""
    if not data.is_dir():
        return f"{data}, which is no folder"
    if not file.parent.is_dir():
        return f"{data}, without a folder {file.parent.name}"
    return f"{data}, without {file.parent.name}/{file.name}"


def _differing(matrix: xr.Dataset, wanted: xr.Dataset) -> list[str]:
    """Return in words where a matrix differs from the simulated one: description and size, or else values."""
    stated = [d for name in _COMPARED for d in _differences(name, matrix.attrs.get(name), wanted.attrs[name])]
    if matrix["system_matrix"].sizes != wanted["system_matrix"].sizes:
        sizes = [dict(m["system_matrix"].sizes) for m in (matrix, wanted)]
        return [f"size {sizes[0]} instead of {sizes[1]}", *stated]
    if stated:
        return stated
    error = nrmse(matrix, wanted)
    return [f"values that are {100 * error:.2g} % off"] * (error > _LARGEST_NRMSE)


def _differences(name: str, received: object, wanted: object) -> Iterator[str]:
    """Yield in words where two descriptions of a matrix differ, numbers by more than a millionth."""
    received, wanted = (json.loads(json.dumps(v, default=list)) for v in (received, wanted))
    if isinstance(received, dict) and isinstance(wanted, dict):
        for key in {**wanted, **received}:
            yield from _differences(f"{name}.{key}", received.get(key), wanted.get(key))
    elif not _same(received, wanted):
        yield f"{name} {_short(received)} instead of {_short(wanted)}"


def _same(a: object, b: object) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, int | float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-12)
    return bool(a == b)


def _short(value: object) -> str:
    if isinstance(value, list) and len(value) > 10:
        return f"{value[0]:.6g} .. {value[-1]:.6g} ({len(value)} values)"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
