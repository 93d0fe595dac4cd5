"""The state of a training in progress: what a checkpoint saves and restores.

A training depends only on its configuration, its data and this state. A resumed one therefore ends with the same
weights as an uninterrupted one. If it is resumed with another number of steps, it follows the learning rate of the new
length from there on. Its weights state the lengths that were planned before (`schedules`).
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import pandas as pd
import torch
from torch import Tensor

from calib.learned.checkpoint import Metadata, load_model, load_tensors, mismatch, save_model, save_tensors
from calib.learned.model import RecoveryModel
from calib.training.muon import Muon
from calib.training.recipe import TrainConfig
from calib.training.rows import TrainingRows
from mpisim.errors import InputError, require
from mpisim.io.atomic import write_text
from mpisim.io.digest import file_digest

__all__ = ["Origin", "Schedule", "TrainingState", "Validation", "planned_steps"]

_DRAWING_WEIGHTS = "rows.share"
"""Name of the drawing weights in a checkpoint."""


class Validation(TypedDict):
    """A line of the log: steps and minutes so far, learning rate of the last step, and nRMSE (a fraction)."""

    step: int
    minutes: float
    learning_rate: float
    validation_nrmse: float


class Schedule(TypedDict):
    """A schedule that was left for one of another length: its steps, and after which step it was left."""

    steps: int
    left_at: int


class Origin(TypedDict):
    """Weights that a training started from: digest of their file, steps and minutes of all trainings before."""

    digest: str
    steps: int
    minutes: float


@dataclass
class TrainingState:
    """A training in progress.

    Parameters
    ----------
    config
        What is trained and how.
    model, averaged
        The model, and a model with the average of its weights.
    optimiser
        Optimiser of the model.
    rows
        Rows that batches are drawn from, with the weights of the draws.
    data
        Digest of the matrices (`calib.training.identity.data_digest`).
    origin
        Weights that the training started from; None for new ones.
    step, minutes
        Steps and minutes so far.
    history
        All validations so far.
    schedules
        Lengths that were planned before and left.
    scope
        What the training matrices are (`calib.learned.scope.Scope.as_mapping`), which the weights state.
    """

    config: TrainConfig
    model: RecoveryModel
    averaged: RecoveryModel
    optimiser: torch.optim.Optimizer
    rows: TrainingRows
    data: str
    origin: Origin | None = None
    step: int = 0
    minutes: float = 0.0
    history: list[Validation] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    scope: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def new(
        cls,
        config: TrainConfig,
        rows: TrainingRows,
        data: str,
        device: torch.device,
        initial_weights: str | os.PathLike[str] | None = None,
    ) -> TrainingState:
        """Return the state before the first step.

        Raises `InputError` if the initial weights are of another network.
        """
        torch.manual_seed(config.seed)
        model = RecoveryModel(config.model).to(device)
        if config.model.skip != "none":  # the network starts from its interpolant
            for parameter in model.net.get_submodule("last").parameters():
                torch.nn.init.zeros_(parameter)
        origin = None if initial_weights is None else _start_from(model, initial_weights)
        torch.nn.utils.convert_conv2d_weight_memory_format(model, torch.channels_last)
        averaged = copy.deepcopy(model).eval()
        return cls(config, model, averaged, _optimiser(config, model), rows, data, origin)

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors`, `log.csv` and `checkpoint.safetensors` into a folder.

        The checkpoint is written last, so that whoever resumes from it finds the other two at least as new.
        """
        metadata: Metadata = {
            "train": self.config.as_mapping(),
            "data": self.data,
            **({"scope": self.scope} if self.scope else {}),
            "start": self.origin,
            **({"schedules": self.schedules} if self.schedules else {}),
            "step": self.step,
            "minutes": self.minutes,
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
        }
        last = self.history[-1]["validation_nrmse"] if self.history else None
        save_model(folder / "weights.safetensors", self.averaged, {**metadata, "validation_nrmse": last})
        log = pd.DataFrame(self.history, columns=list(Validation.__annotations__))
        write_text(folder / "log.csv", log.to_csv(index=False, lineterminator="\n"))
        file = folder / "checkpoint.safetensors"
        save_tensors(file, self._tensors(), "checkpoint", {**metadata, "history": self.history})

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"averaged.{k}": v for k, v in self.averaged.state_dict().items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{k}": v for k, v in state.items()}
        return tensors | ({_DRAWING_WEIGHTS: self.rows.drawing_weights} if self.config.draw == "error" else {})

    def restore(self, file: Path, is_data: Callable[[object], bool]) -> None:
        """Take the state of a checkpoint; `is_data` tells whether a digest in it is that of the matrices given.

        The configuration may have more steps than the checkpoint has taken; `schedules` then holds what was planned.
        Raises `InputError` if the checkpoint is damaged, or of another configuration, other data, other initial weights
        or another network.
        """
        tensors, metadata = load_tensors(file, "checkpoint")
        keys = ", ".join(key for key in self.config.differences(metadata.get("train", {})) if key != "steps")
        if keys:
            raise InputError(f"Input resume must be of the configuration of {file}; instead received another {keys}.")
        require(is_data(metadata.get("data")), "data", f"the matrices that {file} was trained on", "other matrices")
        same = metadata.get("start") == self.origin
        require(same, "initial_weights", f"those that {file} started from", "other weights or none")
        for prefix, model in (("model.", self.model), ("averaged.", self.averaged)):
            held = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            differing = mismatch(model.state_dict(), held)
            require(not differing, str(file), f"a checkpoint of {self.config.model.method}", f"one {differing}")
            model.load_state_dict(held)
        self._restore_optimiser(tensors)
        self.rows.drawing_weights = tensors.get(_DRAWING_WEIGHTS, self.rows.drawing_weights)
        self.step, self.minutes, self.history = metadata["step"], metadata["minutes"], metadata["history"]
        self.schedules, planned = metadata.get("schedules", []), metadata["train"].get("steps", TrainConfig().steps)
        if planned != self.config.steps:
            taken = f"more than the {self.step} that {file} has taken"
            require(self.config.steps > self.step, "steps", taken, self.config.steps)
            self.schedules = [*self.schedules, {"steps": planned, "left_at": self.step}]

    def _restore_optimiser(self, tensors: dict[str, Tensor]) -> None:
        states: dict[int, dict[str, Tensor]] = {}
        parameters = list(self.model.parameters())
        for key, value in tensors.items():
            if key.startswith("optimiser."):
                _, index, name = key.split(".", 2)
                like = parameters[int(index)]  # moments must lie in memory as their parameter does
                value = torch.empty_like(like).copy_(value) if value.shape == like.shape else value
                states.setdefault(int(index), {})[name] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": states, "param_groups": groups})


def planned_steps(folder: str | os.PathLike[str]) -> int | None:
    """Return the steps that the run of a folder was planned with; None where there is no checkpoint.

    Raises `InputError` if the checkpoint is damaged.
    """
    file = Path(folder) / "checkpoint.safetensors"
    if not file.is_file():
        return None
    return load_tensors(file, "checkpoint")[1].get("train", {}).get("steps", TrainConfig().steps)


def _optimiser(config: TrainConfig, model: RecoveryModel) -> torch.optim.Optimizer:
    if config.optimiser == "muon":
        return Muon(model.parameters(), config.learning_rate)
    return torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)


def _start_from(model: RecoveryModel, file: str | os.PathLike[str]) -> Origin:
    """Load weights into a model with the same network; return their origin."""
    loaded, metadata = load_model(file)
    mine, theirs = model.config, loaded.config
    same = (theirs.method, theirs.factor) == (mine.method, mine.factor)
    wanted = f"weights of {mine.method} at {mine.factor}x"
    require(same, "initial_weights", wanted, f"{file}, of {theirs.method} at {theirs.factor}x")
    model.net.load_state_dict(loaded.net.state_dict())
    before = metadata.get("start") or {"steps": 0, "minutes": 0.0}
    return {
        "digest": file_digest(file),
        "steps": before["steps"] + metadata.get("step", 0),
        "minutes": before["minutes"] + metadata.get("minutes", 0.0),
    }
