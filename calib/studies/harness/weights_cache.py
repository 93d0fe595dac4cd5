"""Trainings of the studies on disk, under all that determines their weights: configuration and data.

An entry of the cache is a folder METHOD_FACTORx_DIGEST of `calib.training.train.train`. During a training it holds a
checkpoint, from which an interrupted study continues to the same weights. A finished entry holds `entry.json` instead,
with the configuration and the digests of data and weights. An entry that is unreadable, or that contradicts its own
description, is reported and renamed to `….damaged`, and its training starts again.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from calib.learned.bundled import BUNDLED, bundled_weights
from calib.learned.checkpoint import load_tensors
from calib.learned.model import RecoveryModel
from calib.studies.harness.trained import Trained, TrainingData, config_of
from calib.training.identity import is_data_digest
from calib.training.recipe import TrainConfig, names_of_0_1_0
from calib.training.rows import TrainingRows
from mpisim.errors import InputError
from mpisim.io.atomic import write_text
from mpisim.io.digest import digest, file_digest
from mpisim.progress import say

__all__ = ["WeightsCache"]


class WeightsCache:
    """Weights for the studies: bundled with the package, in the cache, or newly trained.

    Entries lie in `folder`, bundled weights in `bundled`. `device` is where to train, as torch names it. `report`
    receives lines of text: the progress of trainings, and damaged entries.
    """

    def __init__(
        self, folder: Path, bundled: Path = BUNDLED, device: str = "cpu", report: Callable[[str], None] = say
    ) -> None:
        self.folder, self._bundled, self.device, self.report = folder, bundled, device, report

    def bundled(self, method: str, factor: int, noiseless: bool = False) -> Trained | None:
        """Return the bundled weights of a method, whatever their training was, or None.

        With `noiseless`, those that were trained for exact block means, if there are any.
        """
        file = bundled_weights(method, factor, noiseless, self._bundled)
        return Trained.of_file(file, "bundled") if file.is_file() else None

    def trained(self, config: TrainConfig, data: TrainingData) -> Trained:
        """Return the weights of a training: bundled ones of exactly this training, those of the cache, or new ones."""
        known = self._bundled_equal(config, data) or self.cached(config, data)
        return self._train(config, data) if known is None else known

    def cached(self, config: TrainConfig, data: TrainingData) -> Trained | None:
        """Return the finished weights of a training from the cache, or None."""
        if not any(self._entries(config)):
            return None  # without simulating the data
        folder = self._folder(config, data)
        if not (folder / "entry.json").is_file():
            return None
        try:
            return _finished(folder, config, data)
        except (InputError, OSError, ValueError, KeyError, TypeError) as error:
            self._set_aside(folder, str(error))
            return None

    def longest(self, config: TrainConfig, data: TrainingData, most: float = math.inf) -> Trained | None:
        """Return the weights of the longest finished training that differs from a training in length alone.

        Trainings of more than `most` steps do not count.
        """
        lengths = [c for c in self._configs(config, data) if c.steps <= most and _without_length(c, config) == config]
        for length in sorted(lengths, key=lambda c: -c.steps):
            known = self.cached(length, data)
            if known is not None:
                return known
        return None

    def _entries(self, config: TrainConfig) -> Iterator[Path]:
        return self.folder.glob(f"{_stem(config)}_*/entry.json")

    def _configs(self, config: TrainConfig, data: TrainingData) -> Iterator[TrainConfig]:
        """Configurations of the entries with the method, the factor and the data of a training."""
        for file in self._entries(config):
            try:
                entry = json.loads(file.read_text(encoding="utf-8"))
                known = config_of(entry["train"])
                if known is not None and entry["data"] == data.digest:
                    yield known
            except (OSError, ValueError, KeyError, TypeError):
                continue  # damaged: reported when its own training is needed

    def _folder(self, config: TrainConfig, data: TrainingData) -> Path:
        """Folder of a training; one of version 0.1.0, whose configurations had other keys, if there is one."""
        values = config.as_mapping()
        names = [digest({"train": train, "data": data.digest}) for train in (values, names_of_0_1_0(values))]
        folders = [self.folder / f"{_stem(config)}_{name}" for name in names]
        return next((folder for folder in folders if folder.is_dir()), folders[0])

    def _train(self, config: TrainConfig, data: TrainingData) -> Trained:
        from calib.training.train import train

        folder = self._folder(config, data)
        problem = _checkpoint_problem(folder, config)
        if problem:
            self._set_aside(folder, problem)
        name = f"{config.model.method} {config.model.factor}x"
        self.report(f"training {name}: {config.steps} steps on {len(data.training)} matrices, in {folder}")
        train(
            config,
            data.training,
            data.validation,
            folder,
            resume=True,
            device=self.device,
            report=lambda line: self.report(f"{name}  {line}"),
        )
        file = folder / "weights.safetensors"
        entry = {"train": config.as_mapping(), "data": data.digest, "weights": file_digest(file)}
        write_text(folder / "entry.json", json.dumps(entry))
        (folder / "checkpoint.safetensors").unlink()
        return Trained.of_file(file, "cache")

    def _bundled_equal(self, config: TrainConfig, data: TrainingData) -> Trained | None:
        """Return the bundled weights if they are those that a training would give."""
        known = self.bundled(config.model.method, config.model.factor)
        if known is None or known.config is None or known.earlier_steps:
            return None
        if _without_intervals(known.config, config) != config:
            return None
        rows = TrainingRows(config, data.training)
        return known if is_data_digest(known.data, data.training, data.validation, rows) else None

    def _set_aside(self, folder: Path, why: str) -> None:
        aside = folder.with_name(f"{folder.name}.damaged")
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
        self.report(f"mpisim: the cached training {folder} is damaged and is renamed to {aside.name}: {why}")


def _stem(config: TrainConfig) -> str:
    return f"{config.model.method}_{config.model.factor}x"


def _without_length(other: TrainConfig, config: TrainConfig) -> TrainConfig:
    """Return a configuration with the length of another one."""
    return replace(_without_intervals(other, config), steps=config.steps)


def _without_intervals(other: TrainConfig, config: TrainConfig) -> TrainConfig:
    """Return a configuration with the intervals of another one; these have no influence on the weights."""
    return replace(other, validate_every=config.validate_every, checkpoint_every=config.checkpoint_every)


def _finished(folder: Path, config: TrainConfig, data: TrainingData) -> Trained:
    """Return the weights of a finished entry; raise an error if it contradicts its description."""
    file = folder / "weights.safetensors"
    entry = json.loads((folder / "entry.json").read_text(encoding="utf-8"))
    stated = (config_of(entry["train"]), entry["data"], entry["weights"])
    if stated != (config, data.digest, file_digest(file)):
        raise ValueError("its description does not agree with its weights")
    return Trained.of_file(file, "cache")


def _checkpoint_problem(folder: Path, config: TrainConfig) -> str:
    """Return why an unfinished training cannot continue; an empty text if it can."""
    file = folder / "checkpoint.safetensors"
    if not file.is_file():
        return ""  # interrupted before its first checkpoint
    try:
        tensors, metadata = load_tensors(file, "checkpoint")
    except InputError as error:
        return str(error)
    if config_of(metadata.get("train", {})) != config:
        return "its checkpoint is of another configuration"
    shapes = {k.removeprefix("model."): v.shape for k, v in tensors.items() if k.startswith("model.")}
    wanted = {k: v.shape for k, v in RecoveryModel(config.model).state_dict().items()}
    return "" if shapes == wanted else "its checkpoint is of another network"
