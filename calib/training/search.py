"""Search for hyper-parameters on validation data: with a seed, resumable, stored in a database.

A `Tunable` has a space of positive numbers, searched on a logarithmic scale, and a score of a point of it; smaller is
better. Packages list theirs under the entry-point group `mpisim.tunables`, so that no room imports one above it.

The sampler is Optuna's tree-structured Parzen estimator (Bergstra et al., 2011). Its seed is that of the search plus
the number of the trial, and an interrupted trial is continued, so that an interrupted search ends with the same result.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypedDict

import pandas as pd

from mpisim.errors import DivergenceError, InputError, require, seed_number, whole
from mpisim.io.atomic import output_folder, write_text
from mpisim.io.digest import digest, file_digest
from mpisim.plugins import gathered
from mpisim.progress import progress

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

__all__ = ["SearchResult", "Tunable", "tunables", "tune"]


@dataclass(frozen=True)
class Tunable:
    """Something with hyper-parameters.

    Parameters
    ----------
    summary
        One line of help; it also identifies the search in its folder.
    space
        Lowest and highest value of every hyper-parameter by name.
    score
        Function of (values by name, folder of the trial, folder of the data, options) whose result is minimised. A
        point that diverges (`mpisim.errors.DivergenceError`, or a score that is infinite or NaN) counts as infinitely
        bad.
    flags
        Names of the flags of `mpisim tune`, besides the seed, that the score takes.
    """

    summary: str
    space: Mapping[str, tuple[float, float]]
    score: Callable[[Mapping[str, float], Path, Path, Mapping[str, object]], float]
    flags: tuple[str, ...] = ("factor", "steps")


class SearchResult(TypedDict):
    """The best values by name, their score, the number of finished trials, and the folder."""

    values: dict[str, float]
    score: float
    trials: int
    out: str


def tunables() -> dict[str, Tunable]:
    """Return everything that can be tuned, by name."""
    points = sorted(entry_points(group="mpisim.tunables"), key=lambda p: (p.name not in ("calib", "recon"), p.name))
    return gathered(points, "tunable", Tunable, lambda listed: listed())


def tune(
    tunable: Tunable,
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    trials: int = 20,
    seed: int = 0,
    options: Mapping[str, object] | None = None,
) -> SearchResult:
    """Search for the best values, and write `trials.csv` and `best.toml`.

    Parameters
    ----------
    tunable
        What to tune.
    data
        Folder of `mpisim dataset` with the splits train and validation.
    out
        Folder of the search; a search in it is continued up to `trials` in all.
    trials
        Number of points tried.
    seed
        Seed of the search.
    options
        Passed to the score, and part of the search's identity.

    Raises
    ------
    InputError
        If Optuna is not installed, or the folder holds a search of something else or on other data. If the score
        refuses its input in the first trial, no search remains in the folder.
    """
    optuna = _optuna()
    whole("trials", trials)
    folder, seed = output_folder(Path(out)), seed_number(seed)
    identity = _identity(tunable, Path(data), seed, options or {})
    with _database(folder):
        storage = f"sqlite:///{folder / 'search.db'}"
        study = optuna.create_study(storage=storage, study_name="search", load_if_exists=True)
        same = study.user_attrs.get("about", identity) == identity
        require(same, "output folder", "that of the same search", str(folder))
        study.set_user_attr("about", identity)
        for number in progress(range(len(_finished(study)), trials), unit="trial"):
            study.sampler = optuna.samplers.TPESampler(seed=seed + number, n_startup_trials=max(4, trials // 4))
            trial, values = _next(study, tunable.space)
            try:
                score = tunable.score(values, folder / f"trial_{number:03d}", Path(data), options or {})
            except DivergenceError:
                score = math.inf
            except InputError:
                if not _finished(study):
                    (folder / "search.db").unlink()
                raise
            study.tell(trial, score if math.isfinite(score) else math.inf, skip_if_finished=True)
            _write(study, folder)
        finished = len(_finished(study))
        return {"values": study.best_params, "score": study.best_value, "trials": finished, "out": str(folder)}


@contextmanager
def _database(folder: Path) -> Iterator[None]:
    """Report a damaged search, or one that another process changes, in one sentence."""
    from optuna.exceptions import OptunaError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (OptunaError, SQLAlchemyError) as error:
        reason = str(error).splitlines()[0]
        must = "that of an undamaged search, which no other process changes"
        raise InputError(f"Input output folder must be {must}; instead received {folder} ({reason}).") from None


def _identity(tunable: Tunable, data: Path, seed: int, options: Mapping[str, object]) -> dict[str, object]:
    """Return what identifies a search, in values that JSON holds; data are identified by the bytes of their files."""
    files = sorted(file for split in ("train", "validation") for file in (data / split).glob("*.nc"))
    return {
        "what": tunable.summary,
        "data": digest([(f.parent.name, f.name, file_digest(f)) for f in files]),
        "space": {k: list(v) for k, v in tunable.space.items()},
        "seed": seed,
        "options": dict(options),
    }


def _next(study: Study, space: Mapping[str, tuple[float, float]]) -> tuple[int, dict[str, float]]:
    """Return number and values of the trial that was interrupted, or of a new one."""
    for trial in study.trials:
        if trial.state.name == "RUNNING" and set(trial.params) == set(space):
            return trial.number, trial.params
    new = study.ask()
    return new.number, {k: new.suggest_float(k, low, high, log=True) for k, (low, high) in space.items()}


def _finished(study: Study) -> list[FrozenTrial]:
    return [t for t in study.trials if t.value is not None]


def _write(study: Study, folder: Path) -> None:
    names = sorted(study.best_params)
    table = pd.DataFrame(
        [{**trial.params, "score": trial.value} for trial in _finished(study)], columns=[*names, "score"]
    )
    write_text(folder / "trials.csv", table.to_csv(index_label="trial", float_format="%.9g", lineterminator="\n"))
    write_text(folder / "best.toml", "".join(f"{n} = {study.best_params[n]!r}\n" for n in names))


def _optuna() -> ModuleType:
    try:
        import optuna
    except ImportError:
        raise InputError(
            "Input mpisim tune must be run with Optuna (`pip install 'mpisim[hpo]'`); instead received none."
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
