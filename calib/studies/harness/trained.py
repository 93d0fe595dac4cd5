"""Trained weights of the studies, kept under all that determines them: configuration and data.

An entry of the cache is a folder METHOD_FACTORx_DIGEST of `calib.training.train.train`. While it trains it holds a checkpoint,
from which an interrupted study goes on to the same weights. When it is done it holds `entry.json` in its place, with
the digest of the weights. What is unreadable, or does not agree with what its name promises, is told, set aside as
`….damaged` and made anew.

Whether a training has converged
--------------------------------
With a rate that falls to zero at the end (one-cycle) the validation error always falls steeply there, so its curve
cannot tell whether more steps would help. What can is a shorter run of the same recipe, of at most half the steps: with
validation errors v of n steps and v' of n' the `gain` is 1 - (v / v')^(1 / log2(n / n')), by how much (in %, relative)
twice the steps lower the error, and below `CONVERGED` a run counts as converged. The longest such run is looked for in
the cache (`mpisim study weights --train --steps HALF` makes one, of the studies' recipe); without it, and for weights
that were trained on from others, the answer is unknown. With a rate of steps (halving) `gain` is that of the last fifth
of the run itself.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import xarray as xr

from calib.learned.bundled import bundled_weights
from calib.learned.checkpoint import load_model, load_tensors
from calib.learned.model import RecoveryModel
from calib.training.recipe import TrainConfig
from calib.training.rows import data_digest, training_rows
from mpisim.errors import InputError
from mpisim.io.atomic import write_text
from mpisim.io.digest import digest, file_digest
from mpisim.progress import say

__all__ = ["Trained", "TrainingData", "cached", "shipped", "trained"]

_NO_MATTER = ("validate_every", "checkpoint_every")  # these do not change the weights


@dataclass(frozen=True)
class Trained:
    """Weights, and how they were made.

    Parameters
    ----------
    weights
        The file.
    source
        `shipped` or `cache`.
    digest
        Of the file.
    train
        The configuration that it tells.
    data
        The digest of its training that it tells.
    before
        Steps and minutes of the trainings it went on from; none where it started anew.
    steps, minutes
        Length of the training, with that of the weights it started from; None where the file does not tell.
    validation
        Last validation error (a fraction).
    parameters
        Number of trained numbers.
    """

    weights: Path
    source: str
    digest: str
    train: dict[str, Any]
    data: str | None
    before: tuple[int, float]
    steps: int | None
    minutes: float | None
    validation: float | None
    parameters: int

    @property
    def log(self) -> list[dict[str, float]]:
        """The validations: `step`, `minutes`, `learning_rate`, `validation_nrmse` (a fraction)."""
        file = self.weights.with_suffix(".csv") if self.source == "shipped" else self.weights.parent / "log.csv"
        if not file.is_file():
            return []
        with file.open(encoding="utf-8", newline="") as lines:
            return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(lines)]


class TrainingData:
    """Matrices to train and to validate on, made when they are first asked for.

    Parameters
    ----------
    training, validation
        Make the fine matrices.
    """

    def __init__(self, training: Callable[[], list[xr.Dataset]], validation: Callable[[], list[xr.Dataset]]) -> None:
        self._training, self._validation = training, validation

    @cached_property
    def training(self) -> list[xr.Dataset]:
        """Matrices to train on."""
        return self._training()

    @cached_property
    def validation(self) -> list[xr.Dataset]:
        """Matrices to validate on."""
        return self._validation()

    @cached_property
    def digest(self) -> str:
        """Digest of all of them."""
        return digest(*(m["system_matrix"].values for m in (*self.training, *self.validation)), len(self.training))


def trained(config: TrainConfig, data: TrainingData, cache: Path, device: str = "cpu") -> Trained:
    """Return the weights of a training: shipped ones of this very training, those of the cache, or new ones.

    Parameters
    ----------
    config, data
        What to train, how, and on what.
    cache
        Folder of the entries.
    device
        Where to train, as torch names it.
    """
    from calib.training.train import train

    known = _shipped_equal(config, data) or cached(config, data, cache)
    if known is not None:
        return known
    folder = _folder(config, data, cache)
    fault = _checkpoint_fault(folder, config)
    if fault:
        _set_aside(folder, fault)
    name = f"{config.method} {config.factor}x"
    say(f"training {name}: {config.steps} steps on {len(data.training)} matrices, in {folder}")
    train(
        config, data.training, data.validation, folder, resume=True, device=device, report=lambda t: say(f"{name}  {t}")
    )
    file = folder / "weights.safetensors"
    write_text(folder / "entry.json", json.dumps({**_key(config, data), "weights": file_digest(file)}))
    (folder / "checkpoint.safetensors").unlink()
    return _described(file, "cache")


def cached(config: TrainConfig, data: TrainingData, cache: Path) -> Trained | None:
    """Return the finished weights of a training from the cache, or None."""
    if not any(cache.glob(f"{_stem(config)}_*/entry.json")):
        return None  # without making the data
    folder = _folder(config, data, cache)
    entry = folder / "entry.json"
    if not entry.is_file():
        return None
    try:
        wanted = {**_key(config, data), "weights": file_digest(folder / "weights.safetensors")}
        if json.loads(entry.read_text(encoding="utf-8")) != json.loads(json.dumps(wanted)):
            raise ValueError("its description does not agree with its weights")
        return _described(folder / "weights.safetensors", "cache")
    except (InputError, OSError, ValueError, KeyError) as error:
        _set_aside(folder, str(error))
        return None


def shipped(method: str, factor: int, noiseless: bool = False) -> Trained | None:
    """Return the weights that ship with the package, however they were trained, or None."""
    file = bundled_weights(method, factor, noiseless)
    return _described(file, "shipped") if file.is_file() else None


def _stem(config: TrainConfig) -> str:
    return f"{config.method}_{config.factor}x"


def _key(config: TrainConfig, data: TrainingData) -> dict[str, Any]:
    return {"train": asdict(config), "data": data.digest}


def _folder(config: TrainConfig, data: TrainingData, cache: Path) -> Path:
    return cache / f"{_stem(config)}_{digest(_key(config, data))}"


def _described(file: Path, source: str) -> Trained:
    model, about = load_model(file)
    train, start = about.get("train", {}), about.get("start") or {"steps": 0, "minutes": 0.0}
    steps, minutes = train.get("steps"), about.get("minutes")
    return Trained(
        weights=file,
        source=source,
        digest=file_digest(file),
        train=train,
        data=about.get("data"),
        before=(start["steps"], start["minutes"]),
        steps=None if steps is None else start["steps"] + steps,
        minutes=None if minutes is None else start["minutes"] + minutes,
        validation=about.get("validation_nrmse"),
        parameters=sum(p.numel() for p in model.net.parameters()),
    )


def _shipped_equal(config: TrainConfig, data: TrainingData) -> Trained | None:
    """Return the shipped weights if they are those that this training would give."""
    known = shipped(config.method, config.factor)
    if known is None or known.before[0]:
        return None
    try:
        made = asdict(TrainConfig(**known.train))  # keys that are newer than the weights have their defaults
    except TypeError:  # weights of another version, with other keys
        return None
    mine, theirs = ({k: v for k, v in t.items() if k not in _NO_MATTER} for t in (asdict(config), made))
    if mine != theirs:
        return None
    return known if known.data == data_digest(training_rows(config, data.training), data.validation) else None


def _checkpoint_fault(folder: Path, config: TrainConfig) -> str:
    """Say why an unfinished training cannot go on; empty if it can."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return ""
    file = folder / "checkpoint.safetensors"
    if not file.is_file():
        return ""  # interrupted before its first checkpoint
    try:
        tensors, about = load_tensors(file, "checkpoint")
    except InputError as error:
        return str(error)
    if about.get("train") != asdict(config):
        return "its checkpoint is of another configuration"
    held = {k.removeprefix("model."): v.shape for k, v in tensors.items() if k.startswith("model.")}
    wanted = {k: v.shape for k, v in RecoveryModel(config.model).state_dict().items()}
    return "" if held == wanted else "its checkpoint is of another network"


def _set_aside(folder: Path, why: str) -> None:
    aside = folder.with_name(f"{folder.name}.damaged")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)
    say(f"mpisim: the cached training {folder} is damaged and is set aside as {aside.name}: {why}")
