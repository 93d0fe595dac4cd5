"""The matrices that a study needs: of the paper's simulated protocol, read from a data set or simulated on the spot."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr

from mpisim.data.metrics import nrmse
from mpisim.data.schema import expect
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
_SAME = 1e-3  # of two ways to simulate one matrix
_DESCRIBED = ("grid", "scanner", "particle", "sample")


@dataclass(frozen=True)
class Protocol:
    """A family of scanners and particles with its splits; by default the paper's.

    Parameters
    ----------
    cases
        Gradients and diameters with their splits.
    family
        What all matrices have in common.
    """

    cases: tuple[Case, ...] = field(default_factory=lambda: tuple(transms_cases()))
    family: DatasetSpec = field(default_factory=DatasetSpec)

    def of(self, split: str, count: int | None = None) -> list[Case]:
        """Return the cases of a split, or at most `count` of them, spread over it."""
        cases = [c for c in self.cases if c.split == split]
        return cases if count is None or count >= len(cases) else cases[:: len(cases) // count][:count]

    def shown(self) -> Case:
        """Return the test case that figures show: the largest gradient, and the diameter nearest to 25 nm."""
        cases = self.of("test")
        largest = max(c.sf_gradient for c in cases)
        return min((c for c in cases if c.sf_gradient == largest), key=lambda c: abs(c.particle_diameter - 25e-9))

    def simulate(self, case: Case) -> xr.Dataset:
        """Simulate the fine matrix of a case."""
        family = self.family
        return simulate(family.scanner_of(case), Particle(case.particle_diameter), family.grid, family.sample)

    def matrices(self, cases: Sequence[Case], data: Path | None = None) -> list[xr.Dataset]:
        """Return the fine matrices of some cases, from a folder of `mpisim dataset` or simulated.

        Raises
        ------
        InputError
            If the folder or a file is missing, or a matrix is of another protocol; it says what differs.
        """
        if data is None:
            return [self.simulate(case) for case in cases]
        files = [fine_file(data, case) for case in cases]
        for file in files:
            lacking = f"{data}, without a folder {file.parent.name}"
            lacking = f"{data}, without {file.parent.name}/{file.name}" if file.parent.is_dir() else lacking
            lacking = lacking if data.is_dir() else f"{data}, which is no folder"
            require(file.is_file(), "--data", "a folder of `mpisim dataset --preset transms`", lacking)
        return [self._checked(read(file), case, file) for file, case in zip(files, cases, strict=True)]

    def _checked(self, found: xr.Dataset, case: Case, file: Path) -> xr.Dataset:
        expect(found, "system_matrix", str(file), stage="fine")
        wanted = self.simulate(case)
        differing = [d for name in _DESCRIBED for d in _differences(name, found.attrs.get(name), wanted.attrs[name])]
        if found["system_matrix"].sizes != wanted["system_matrix"].sizes:
            sizes = [dict(d["system_matrix"].sizes) for d in (found, wanted)]
            differing.insert(0, f"size {sizes[0]} instead of {sizes[1]}")
        elif not differing:
            off = nrmse(found, wanted)
            differing += [f"values that are {100 * off:.2g} % off"] * (off > _SAME)
        if differing:
            what = "; ".join(differing[:4])
            raise InputError(f"Input --data must be of this study's protocol; instead received {file} with {what}.")
        return found


def _differences(name: str, found: Any, wanted: Any) -> Iterator[str]:
    """Say where two descriptions of a file differ, numbers by more than a millionth."""
    found, wanted = (json.loads(json.dumps(v, default=list)) for v in (found, wanted))
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in {**wanted, **found}:
            yield from _differences(f"{name}.{key}", found.get(key), wanted.get(key))
    elif not _same(found, wanted):
        yield f"{name} {_short(found)} instead of {_short(wanted)}"


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, int | float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-12)
    return bool(a == b)


def _short(value: Any) -> str:
    if isinstance(value, list) and len(value) > 10:
        return f"{value[0]:.6g} .. {value[-1]:.6g} ({len(value)} values)"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
