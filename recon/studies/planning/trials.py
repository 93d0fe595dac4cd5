"""Trials of a plan: a scanner is simulated, calibrated coarsely with noise, recovered, and compared with itself.

Fine matrices and errors lie in the cache of the studies, so that a plan that was interrupted goes on, and several
processes share one scanner.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import xarray as xr

from calib.recovery import METHODS, recover
from calib.studies.harness.cache import ResultCache
from calib.studies.harness.results import Row
from mpisim.data.metrics import nrmse
from mpisim.errors import DataWarning, InputError
from mpisim.io.digest import digest
from mpisim.parallel import run_all
from mpisim.progress import progress
from mpisim.simulation.provenance import provenance
from mpisim.simulation.setup import Setup
from recon.studies.planning.candidates import Candidate
from recon.studies.planning.law import Point
from recon.studies.planning.noise import Noise, coarse_exact, relative_noise

__all__ = ["UNRECOVERED", "Found", "Trial", "Trials", "fine_matrix", "measured_matrix", "recovered_matrix"]

UNRECOVERED = "none"
"""Method of a fine calibration, which needs no recovery."""
_CHOOSING = "auto"


@dataclass(frozen=True)
class Trial:
    """A scanner (its number in the plan), a calibration of it, and a method; the seed is that of the noise."""

    number: int
    setup: Setup = field(repr=False)
    candidate: Candidate
    method: str
    noise: Noise
    seed: int

    @property
    def key(self) -> dict[str, object]:
        """What the error depends on."""
        made, c = (
            provenance(self.setup.scanner, self.setup.particle, self.setup.grid, self.setup.sample),
            self.candidate,
        )
        known = self.method in METHODS
        return {
            "setup": digest(made),
            "factor": c.factor,
            "averages": c.averages,
            "step": c.step,
            "noise": repr(self.noise),
            "method": self.method,
            "version": METHODS[self.method].version if known else 1,
            "seed": self.seed,
        }


@dataclass(frozen=True)
class Found:
    """What a trial gave: nRMSE, relative noise of the block means; or why the method did not recover the matrix."""

    trial: Trial
    nrmse: float
    noise: float
    refused: str = ""

    @property
    def point(self) -> Point:
        """The trial for the law of errors."""
        c = self.trial.candidate
        return Point(c.factor, self.noise, c.share, self.nrmse)


class Trials:
    """Runs trials, each once, in `workers` processes; results lie in `folder`."""

    def __init__(self, folder: Path, workers: int = 1) -> None:
        self.folder, self.workers = folder, workers
        self.cache = ResultCache(folder)
        self._found: dict[Trial, Found] = {}

    def run(self, trials: Sequence[Trial], text: str) -> list[Found]:
        """Return what trials give, in their order; `text` says what they are for, to those who wait."""
        new = [trial for trial in dict.fromkeys(trials) if trial not in self._found]
        if new:
            with progress(total=len(new), unit="trial", desc=text) as bar:
                calls = [(trial, self.folder) for trial in new]
                run_all(run_trial, calls, workers=min(self.workers, len(new)), done=bar.update)
        for trial in new:
            row = run_trial(trial, self.folder)
            error = math.inf if row["nrmse"] is None else float(row["nrmse"])
            self._found[trial] = Found(trial, error, float(row["noise"] or 0.0), str(row["refused"]))
        return [self._found[trial] for trial in trials]

    def table(self) -> pd.DataFrame:
        """Return a row for every trial."""
        rows = []
        for f in self.found:
            t, c = f.trial, f.trial.candidate
            told = {"nrmse": None if f.refused else f.nrmse, "noise": f.noise, "refused": f.refused}
            rows.append(
                {
                    **{"method": t.method, "scanner": t.number, "factor": c.factor, "averages": c.averages},
                    **{"angles": c.angles, **told},
                }
            )
        return pd.DataFrame(rows)

    @property
    def found(self) -> list[Found]:
        """All that was found so far."""
        return list(self._found.values())

    def of(self, method: str) -> list[Found]:
        """Return the trials in which a method recovered the matrix."""
        return [f for f in self._found.values() if f.trial.method == method and not f.refused]


def run_trial(trial: Trial, folder: Path) -> Row:
    """Return `nrmse`, `noise` and `refused` of a trial, and keep them in the folder."""
    cache = ResultCache(folder)
    return cache.row("plan", trial.key, lambda: _computed(trial, cache))


def _computed(trial: Trial, cache: ResultCache) -> Row:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        try:
            fine = fine_matrix(trial.setup, cache)
            measured, noise = measured_matrix(trial, fine)
            found = recovered_matrix(trial, measured, fine)
        except InputError as error:
            return {"nrmse": None, "noise": None, "refused": str(error)}
        return {
            "nrmse": float(nrmse(found, trial.noise.reference(fine))),
            "noise": noise,
            "refused": "",
        }


def fine_matrix(setup: Setup, cache: ResultCache) -> xr.Dataset:
    """Return the exact fine matrix of a scanner, its samples where they should be."""
    made = provenance(setup.scanner, setup.particle, setup.grid, setup.sample)
    return cache.matrix("plan_fine", {"setup": digest(made)}, setup.exact().simulate)


def measured_matrix(trial: Trial, fine: xr.Dataset) -> tuple[xr.Dataset, float]:
    """Return the calibration of a trial with its noise, and how large that is over the exact values."""
    c = trial.candidate
    exact = coarse_exact(trial.setup, fine, c.factor).isel(angle=slice(None, None, c.step))
    whole = fine.isel(angle=slice(None, None, c.step))
    measured = trial.noise.measured(exact, whole, c.factor, c.averages, trial.seed)
    return measured, relative_noise(measured, trial.noise.reference(exact))


def recovered_matrix(trial: Trial, measured: xr.Dataset, fine: xr.Dataset) -> xr.Dataset:
    """Return the fine matrix that a method recovers; at angles that were not measured, too."""
    if trial.method == UNRECOVERED:
        return measured
    method = None if trial.method == _CHOOSING else trial.method
    angles = None if trial.candidate.step == 1 else fine["angle"].values
    return recover(measured, method, angles=angles)
