"""Search for hyper-parameters on validation data: seeded, resumable, kept in a database.

What can be tuned is a `Tunable`: a space of positive numbers, searched on a logarithmic scale, and a score of a point
of it, the smaller the better. Packages list theirs under the entry-point group `mpisim.tunables`: nothing imports
upward. The sampler is Optuna's tree-structured Parzen estimator (Bergstra et al., 2011), its seed that of the search
plus the number of the trial, and an interrupted trial is taken up, so that an interrupted search goes on as it would
have.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from mpisim.errors import DivergenceError, InputError, require, seed_number, whole
from mpisim.io.atomic import output_folder, write_text
from mpisim.io.digest import digest, file_digest
from mpisim.progress import progress

__all__ = ["Tunable", "tunables", "tune"]


@dataclass(frozen=True)
class Tunable:
    """Something with hyper-parameters.

    Parameters
    ----------
    summary
        One line of help.
    space
        Lowest and highest value by name.
    score
        (values by name, folder of the trial, folder of the data, options) -> what is made small; a point that diverges
        (`mpisim.errors.DivergenceError`, or a score that is not finite) counts as infinitely bad.
    """

    summary: str
    space: Mapping[str, tuple[float, float]]
    score: Callable[[Mapping[str, float], Path, Path, Mapping[str, Any]], float]


def tunables() -> dict[str, Tunable]:
    """Return all that can be tuned, by name."""
    found: dict[str, Tunable] = {}
    for point in sorted(entry_points(group="mpisim.tunables"), key=lambda p: p.name):
        found |= point.load()()
    return found


def tune(
    tunable: Tunable,
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    trials: int = 20,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Search, and write `trials.csv` and `best.toml`.

    Parameters
    ----------
    tunable
        What to tune.
    data
        Folder of `mpisim dataset` with the splits train and validation.
    out
        Folder of the search; one that holds a search goes on to `trials` in all.
    trials
        Number of points tried.
    seed
        Seed of the search.
    options
        Passed to the score, and part of the search's identity.

    Returns
    -------
    dict
        `values`, the best by name; `score`; `trials`, the number of those finished.

    Raises
    ------
    InputError
        If Optuna is not installed, or the folder holds another search: of something else, or on other data. What the
        score refuses in the first trial leaves no search behind.
    """
    optuna = _optuna()
    whole("trials", trials)
    folder, seed = output_folder(Path(out)), seed_number(seed)
    about: dict[str, Any] = {
        "what": tunable.summary,
        "data": _data_digest(Path(data)),
        "space": {k: list(v) for k, v in tunable.space.items()},
        "seed": seed,
        "options": dict(options or {}),
    }
    study = optuna.create_study(storage=f"sqlite:///{folder / 'search.db'}", study_name="search", load_if_exists=True)
    require(study.user_attrs.get("about", about) == about, "output folder", "that of the same search", str(folder))
    study.set_user_attr("about", about)
    for number in progress(range(len(_finished(study)), trials), unit="trial"):
        study.sampler = optuna.samplers.TPESampler(seed=seed + number, n_startup_trials=max(4, trials // 4))
        trial, values = _next(study, tunable.space)
        try:
            score = tunable.score(values, folder / f"trial_{number:03d}", Path(data), about["options"])
        except DivergenceError:
            score = math.inf
        except InputError:
            if not _finished(study):
                (folder / "search.db").unlink()
            raise
        study.tell(trial, score if math.isfinite(score) else math.inf)
        _write(study, folder)
    return {"values": study.best_params, "score": study.best_value, "trials": len(_finished(study)), "out": str(folder)}


def _data_digest(data: Path) -> str:
    files = sorted(file for split in ("train", "validation") for file in (data / split).glob("*.nc"))
    return digest([(f.parent.name, f.name, file_digest(f)) for f in files])


def _next(study: Any, space: Mapping[str, tuple[float, float]]) -> tuple[int, dict[str, float]]:
    """Return the trial that was interrupted, or a new one: its number and values."""
    for trial in study.trials:
        if trial.state.name == "RUNNING" and set(trial.params) == set(space):
            return trial.number, trial.params
    asked = study.ask()
    return asked.number, {k: asked.suggest_float(k, low, high, log=True) for k, (low, high) in space.items()}


def _finished(study: Any) -> list[Any]:
    return [t for t in study.trials if t.value is not None]


def _write(study: Any, folder: Path) -> None:
    names = sorted(study.best_params)
    text = io.StringIO()
    print("trial", *names, "score", sep=",", file=text)
    for i, trial in enumerate(_finished(study)):
        print(i, *(f"{trial.params[n]:.9g}" for n in names), f"{trial.value:.9g}", sep=",", file=text)
    write_text(folder / "trials.csv", text.getvalue())
    write_text(folder / "best.toml", "".join(f"{n} = {study.best_params[n]!r}\n" for n in names))


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise InputError(
            "Input mpisim tune must be run with Optuna (`pip install 'mpisim[hpo]'`); instead received none."
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
