"""Plans of a calibration: sample size, averages and angles that reach an error, or the least error in a time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from mpisim.errors import InputError, one_of, positive, require, seed_number, whole, within
from mpisim.scanner.receive_chain import chain_of
from mpisim.simulation.setup import Setup
from recon.studies.planning.candidates import AVERAGES, FACTORS, Candidate, ScanTime, candidates_of
from recon.studies.planning.comparison import compared_candidates, first_of, first_spread
from recon.studies.planning.first_errors import METHODS
from recon.studies.planning.noise import noise_levels, noise_of
from recon.studies.planning.pictures import ImageQuality, image_quality
from recon.studies.planning.scanners import level_of, planned_scanners
from recon.studies.planning.search import Goal, Search, next_larger, one_step_coarser
from recon.studies.planning.sensitivity import Sensitivity, sensitivity_of
from recon.studies.planning.trials import Trial, Trials, fine_matrix
from recon.studies.planning.words import impossible

__all__ = ["DEFAULT_DRAWS", "DEFAULT_METHOD", "Plan", "plan"]

DEFAULT_METHOD = "physical"
"""Method of recovery of a plan."""
DEFAULT_DRAWS = 3
"""Scanners that a plan simulates."""
_HOUR = 3600.0
_COARSE = 16  # factor from which a plan says that its positions are few
_ANY_ANGLES = ("physical", "auto")  # methods that give rows at angles that were not measured


@dataclass(frozen=True)
class Plan:
    """A calibration that is planned, and how sure that is.

    Parameters
    ----------
    chosen
        The calibration.
    sample
        Edges of its sample along x and y in m.
    method
        Method that recovers the matrix.
    nrmse, interval
        Expected nRMSE of the matrix, and the interval that holds it for nine of ten scanners, fractions.
    snr
        RMS of the measured values over their noise in dB, after averages.
    coarser, coarser_nrmse
        The calibration one step coarser, and its expected nRMSE; None where there is none.
    larger
        The calibration with the next larger sample and the same averages; None where there is none.
    image
        Quality of an image from the matrix of the first scanner; None where there is none.
    sensitivity
        Smallest mass of iron that one average detects, and how long averages help; None where the noise has no volts.
    candidates
        A row for every method and calibration: method, factor, averages, angles, positions, minutes, nrmse, low, high.
    trials
        A row for every trial: method, scanner, factor, averages, angles, noise, nrmse, refused.
    asked
        Error and time that were asked for.
    level, noise, time
        Imperfections of the simulated scanners, noise in words, and the times of a position.
    seed
        Seed of scanners and noise.
    notes
        What is presumed, and which methods do not apply.
    """

    chosen: Candidate
    sample: tuple[float, float]
    method: str
    nrmse: float
    interval: tuple[float, float]
    snr: float
    coarser: Candidate | None
    coarser_nrmse: float | None
    larger: Candidate | None
    image: ImageQuality | None
    sensitivity: Sensitivity | None
    candidates: pd.DataFrame = field(repr=False)
    trials: pd.DataFrame = field(repr=False)
    asked: Goal
    level: str
    noise: str
    time: ScanTime
    seed: int
    notes: tuple[str, ...] = ()


def plan(
    setup: Setup,
    error: float | None = None,
    hours: float | None = None,
    snr: float | None = None,
    snr_of: int | None = None,
    *,
    imperfections: str | None = None,
    method: str = DEFAULT_METHOD,
    compared: Sequence[str] = METHODS,
    move: float | None = None,
    record: float | None = None,
    factors: Sequence[int] = FACTORS,
    fewer_angles: bool = True,
    draws: int = DEFAULT_DRAWS,
    seed: int = 0,
    image: bool = True,
    cache: Path | None = None,
    workers: int = 1,
) -> Plan:
    """Plan the quickest calibration that reaches an error, or the one that errs least within a time.

    Parameters
    ----------
    setup
        The scanner, an open-sided FFL, with its tracer, voxels and sample, as `mpisim.read_scanner` returns it.
    error
        Largest nRMSE of the recovered matrix, a fraction.
    hours
        Longest time of the scanner in hours. At least one of the two must be given.
    snr
        RMS over noise of one average in dB. By default the noise is that of the scanner's receive chain, and without
        one 33.7 dB, the ratio of the paper.
    snr_of
        Edge in voxels of the sample that has this ratio; the others have the same noise in volts. None: every sample
        has it, as in the paper.
    imperfections
        Level of imperfection of the simulated scanners: ideal, mild, medium (the default) or strong. It must be left
        out for a scanner that states its own.
    method
        Method that recovers the matrix: one of the table of studies, or `auto`.
    compared
        Methods in the table of candidates.
    move, record
        Seconds to move the sample, and to record one average of all angles; by default those of the receive chain, or
        else those of the paper, 1 s and .32 s.
    factors
        Edges of the sample in voxels that may be planned.
    fewer_angles
        Whether half of the angles may be measured; the fitted scanner then gives the rows of the others.
    draws
        Scanners that are simulated.
    seed
        Seed of scanners and noise.
    image
        Whether an image is made.
    cache
        Folder for finished trials, where a plan that was interrupted goes on. None keeps nothing.
    workers
        Processes.

    Returns
    -------
    Plan
        The calibration with its expected error, and all that were weighed.

    Raises
    ------
    InputError
        If no calibration reaches the error, or none is as quick as asked, with the best that is possible; if the
        scanner is no open-sided FFL, or an argument is out of range.
    """
    goal = _goal(error, hours)
    level = level_of(setup, imperfections)
    one_of("method", method, (*METHODS, "auto"))
    for name in compared:
        one_of("compared", name, METHODS)
    count, seed, workers = whole("draws", draws), seed_number(seed), whole("workers", workers)
    noise, notes = noise_of(setup, snr, snr_of)
    angles, chain = len(setup.scanner.sequence.angles), chain_of(setup.scanner)
    time, told = ScanTime.of(None if chain is None else chain.recording, angles, move, record)
    fewer = fewer_angles and method in _ANY_ANGLES
    candidates = candidates_of(setup.grid, angles, time, [whole("factors", f, 2) for f in factors], fewer)
    first = first_of(method, level, angles, candidates)
    candidates = [c for c in candidates if c.factor in first]
    _check_time(goal, candidates)
    with _folder(cache) as folder:
        trials, scanners = Trials(folder, workers), planned_scanners(setup, level, count, seed)
        fine = fine_matrix(scanners[0], trials.cache)
        wanted = [*(c.measured for c in candidates), *((1, n, 1) for n in AVERAGES)]
        levels = noise_levels(noise, scanners[0], fine, wanted, seed)
        search = Search(trials, scanners, candidates, noise, levels, seed, first_spread(method, level))
        law, chosen = search.search(method, first, goal)
        _check_tried(search, method)
        if chosen is None:
            raise InputError(impossible(search, law, goal))
        table, apart = compared_candidates(search, law, method, [m for m in compared if m != method], level, time)
        quality, failed = _image(Trial(0, scanners[0], chosen, method, noise, seed), fine) if image else (None, ())
    coarser = one_step_coarser(chosen, candidates)
    return Plan(
        chosen=chosen,
        sample=(chosen.factor * setup.grid.voxel[0], chosen.factor * setup.grid.voxel[1]),
        method=method,
        nrmse=search.expected(law, chosen),
        interval=search.interval(law, chosen),
        snr=float(-20 * np.log10(search.noise_of(chosen))),
        coarser=coarser,
        coarser_nrmse=None if coarser is None else search.expected(law, coarser),
        larger=next_larger(chosen, candidates),
        image=quality,
        sensitivity=sensitivity_of(scanners[0], fine, noise),
        candidates=table,
        trials=trials.table(),
        asked=goal,
        level=level,
        noise=noise.described(),
        time=time,
        seed=seed,
        notes=(*notes, *told, *_few(chosen, method), *_refused(search, method), *apart, *failed),
    )


def _goal(error: float | None, hours: float | None) -> Goal:
    require(error is not None or hours is not None, "error", "given, or hours", "neither")
    if error is not None:
        error = within("error", error, 1e-6, 1.0, "(a fraction)")
    return Goal(error, None if hours is None else _HOUR * positive("hours", hours))


def _check_time(goal: Goal, candidates: Sequence[Candidate]) -> None:
    """Raise `InputError` where no candidate is as quick as asked."""
    quickest = candidates[0]
    if goal.seconds is not None and quickest.seconds > goal.seconds:
        must = f"at least {quickest.seconds / _HOUR:.3g}, the time of the quickest calibration ({quickest.described()})"
        raise InputError(f"Input hours must be {must}; instead received {goal.seconds / _HOUR:.3g}.")


def _check_tried(search: Search, method: str) -> None:
    """Raise `InputError` where a method recovered no trial."""
    refused = [f.refused for f in search.trials.found if f.refused]
    if refused and not search.trials.of(method):
        why = refused[0].rstrip(".")
        raise InputError(
            f"Input method must be one that recovers such a calibration; instead received {method} ({why})."
        )


@contextmanager
def _folder(cache: Path | None) -> Iterator[Path]:
    """Yield the folder of finished trials, one that vanishes where none is given."""
    if cache is not None:
        yield Path(cache)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _image(trial: Trial, fine: xr.Dataset) -> tuple[ImageQuality | None, tuple[str, ...]]:
    try:
        return image_quality(trial, fine), ()
    except InputError as error:
        return None, (f"no image: {error}",)


def _few(chosen: Candidate, method: str) -> list[str]:
    """Return a note where a scanner is to be fitted to few positions."""
    if chosen.factor < _COARSE or method not in _ANY_ANGLES:
        return []
    told = "tell little of physics that the fit does not know (2.5 times the error at 16x): fit the scanner once at 8x"
    return [f"{chosen.positions} positions {told}"]


def _refused(search: Search, method: str) -> list[str]:
    """Return a note where the method could not recover a trial."""
    refused = [f for f in search.trials.found if f.trial.method == method and f.refused]
    return [f"{method} failed in {len(refused)} trials ({refused[0].refused})"] if refused else []
