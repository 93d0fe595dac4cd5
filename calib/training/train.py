r"""The one training loop.

At step t: draw the batch of (seed, t), recover its rows, take the loss, one step of Muon or Adam at the scheduled
learning rate, and average the weights, :math:`\bar\theta \leftarrow d\,\bar\theta + (1-d)\,\theta` with
:math:`d = \min(d_{max}, (t+1)/(t+10))`. The averaged weights are what is validated and kept.

The loss is either published (`l1`: mean absolute error of scaled rows, TranSMS Eq. 23) or follows the metric
(`detail`, `norm`),

.. math:: \frac1B \sum_i \frac{\lVert\hat a_i - a_i\rVert_2}{\mathrm{detail}_i},

where rows are drawn in proportion to :math:`\mathrm{detail}_i` (`calib.training.rows`), so that its mean is the sum over all
rows of the norm of their error in units of their matrix. Without the weight rows of little signal on the coarse grid,
which are scaled up most, would rule.

Where rows are drawn by their error instead, the loss `norm` leaves the weight out: an expectation of errors drawn by
errors is the sum of their squares, which is the metric, and no batch is spent on what has long been learned.

Nothing depends on what came before a checkpoint except what the checkpoint holds, so a resumed run ends with the same
weights as an uninterrupted one.
"""

from __future__ import annotations

import copy
import csv
import io
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from calib.learned.checkpoint import load_model, load_tensors, mismatch, save_model, save_tensors
from calib.learned.model import RecoveryModel
from calib.learned.apply import apply_model
from calib.training.muon import Muon
from calib.training.recipe import TrainConfig, learning_rate
from calib.training.rows import Batch, data_digest, training_rows
from mpisim.data.metrics import nrmse
from mpisim.data.sampling import downsample
from mpisim.errors import DivergenceError, InputError, require
from mpisim.io.atomic import output_folder, write_text
from mpisim.io.digest import file_digest
from mpisim.progress import progress

__all__ = ["train"]

_TINY = 1e-12  # keeps the gradient of a norm finite


def train(
    config: TrainConfig,
    training: list[xr.Dataset],
    validation: list[xr.Dataset],
    out: str | os.PathLike[str],
    *,
    start: str | os.PathLike[str] | None = None,
    resume: bool = False,
    device: str = "cpu",
    report: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Train a model and leave `weights.safetensors`, `checkpoint.safetensors` and `log.csv` in a folder.

    Parameters
    ----------
    config
        What to train and how.
    training, validation
        Fine system matrices of the schema.
    out
        The run's folder.
    start
        Weights to start from, of the same network; their digest, and the steps and minutes of all that led to them, are
        kept with the new ones. None draws new ones.
    resume
        Go on from the folder's checkpoint; without it a folder with a checkpoint is refused.
    device
        Where to train, as torch names it.
    report
        Takes a line at every validation.

    Returns
    -------
    dict
        `step`, `validation_nrmse` and `minutes` of the last validation, and the `weights` file.

    Raises
    ------
    InputError
        If the data do not fit the factor, the device is not there, the folder holds another run, the weights to start
        from are of another network, or (`DivergenceError`) the loss does not stay finite; the last checkpoint is kept.
    """
    run = Run(config, training, validation, Path(out), resume, device, start)
    if run.step >= config.steps:
        run.save()  # what a finished run has lost since
    with progress(total=config.steps, initial=run.step, unit="step") as bar:
        while run.step < config.steps:
            run.advance()
            bar.update()
            if run.step % config.validate_every == 0 or run.step == config.steps:
                line = run.validate()
                bar.set_postfix_str(line)
                (report or (lambda text: None))(line)
            if run.step % config.checkpoint_every == 0 or run.step == config.steps:
                run.save()
    return {**run.history[-1], "weights": str(run.folder / "weights.safetensors")}


class Run:
    """A training in progress: model, optimiser, weight average and history; `train` drives it."""

    def __init__(
        self,
        config: TrainConfig,
        training: list[xr.Dataset],
        validation: list[xr.Dataset],
        folder: Path,
        resume: bool,
        device: str,
        start: str | os.PathLike[str] | None = None,
    ) -> None:
        self.config, self.device = config, _device(device)
        require(len(validation) > 0, "validation", "at least one matrix", "none")
        self.rows = training_rows(config, training)
        snr = None if config.noiseless_fraction == 1 else config.snr
        self.validation = [
            (m, downsample(m, config.factor, config.scheme, snr, seed=i))
            for i, m in enumerate(validation[3::4] or validation)  # of all sizes of particles
        ]
        torch.manual_seed(config.seed)
        self.model = RecoveryModel(config.model).to(self.device)
        if config.skip != "none":  # the network starts from its interpolant
            for parameter in self.model.net.last.parameters():  # type: ignore[union-attr]
                torch.nn.init.zeros_(parameter)
        self.start = None if start is None else _start(self.model, start)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.model).eval()
        self.optimiser = _optimiser(config, self.model)
        self.step, self.minutes, self.history = 0, 0.0, list[dict[str, Any]]()
        self.folder = output_folder(folder)
        self.file = self.folder / "checkpoint.safetensors"
        self.data = data_digest(self.rows, validation)
        if resume and self.file.is_file():
            self._load()
        else:
            require(not self.file.is_file(), "output folder", "without a run, or resumed with --resume", str(folder))
        self.started = time.monotonic() - 60 * self.minutes

    def advance(self) -> None:
        """One step of the optimiser and of the weight average."""
        batch = self.rows.batch(self.step, self.config.batch)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.config, self.step)
        self.model.train()
        loss = self._loss(batch)
        if not torch.isfinite(loss):
            raise DivergenceError(
                f"Input learning_rate must be small enough for the loss to stay finite; instead received "
                f"{self.config.learning_rate:g}, with a loss of {loss.item()} at step {self.step + 1}."
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        decay = min(self.config.average, (self.step + 1) / (self.step + 10)) if self.config.average else 0.0
        self.step += 1
        with torch.no_grad():
            for mean, value in zip(self.averaged.state_dict().values(), self.model.state_dict().values(), strict=True):
                if mean.is_floating_point():
                    mean.lerp_(value, 1 - decay)
                else:
                    mean.copy_(value)

    def _loss(self, batch: Batch) -> torch.Tensor:
        of = (batch.fine, batch.coarse, batch.sigma, batch.detail, batch.unit, batch.blur)
        fine, coarse, sigma, detail, unit, blur = (t.to(self.device) for t in of)
        shift, scale = self.model.scale(coarse, unit)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16"):
            found = self.model.scaled((coarse - shift) / scale, sigma / scale[:, 0, 0, 0], blur)
        error = found.float() - (fine - shift) / scale
        size = (error.square().sum(1).mean((1, 2)) + _TINY).sqrt() * scale[:, 0, 0, 0]
        if self.config.draw == "error":
            self.rows.note(batch.index, size)
        if self.config.loss == "l1":
            return error.abs().mean()
        return (size / (detail if self.config.loss == "detail" else detail.mean())).mean()

    def validate(self) -> str:
        """Evaluate the averaged weights, note the result, and return it as a line."""
        errors = [nrmse(apply_model(self.averaged, coarse), fine) for fine, coarse in self.validation]
        self._count_minutes()
        entry = {
            "step": self.step,
            "minutes": round(self.minutes, 2),
            "learning_rate": learning_rate(self.config, self.step - 1),
            "validation_nrmse": float(np.mean(errors)),
        }
        self.history.append(entry)
        return f"step {self.step}  {self.minutes:.1f} min  validation nRMSE {100 * entry['validation_nrmse']:.3f} %"

    def _count_minutes(self) -> None:
        self.minutes = (time.monotonic() - self.started) / 60

    def save(self) -> None:
        """Write the checkpoint, the weights and the log."""
        self._count_minutes()
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"averaged.{k}": v for k, v in self.averaged.state_dict().items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{k}": v for k, v in state.items()}
        if self.config.draw == "error":
            tensors["rows.share"] = self.rows.share
        about = {
            "train": asdict(self.config),
            "data": self.data,
            "start": self.start,
            "step": self.step,
            "minutes": self.minutes,
            "history": self.history,
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
        }
        save_model(
            self.folder / "weights.safetensors",
            self.averaged,
            {k: v for k, v in about.items() if k != "history"}
            | {"validation_nrmse": self.history[-1]["validation_nrmse"] if self.history else None},
        )
        text = io.StringIO()
        writer = csv.DictWriter(text, ["step", "minutes", "learning_rate", "validation_nrmse"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.history)
        write_text(self.folder / "log.csv", text.getvalue())
        save_tensors(self.file, tensors, "checkpoint", about)  # last: whoever resumes from it finds the rest as new

    def _load(self) -> None:
        tensors, about = load_tensors(self.file, "checkpoint")
        if about.get("train") != asdict(self.config):
            mine, theirs = asdict(self.config), about.get("train", {})
            keys = [k for k in {**mine, **theirs} if k not in mine or k not in theirs or mine[k] != theirs[k]]
            raise InputError(
                f"Input --resume must be of the configuration of {self.file}; "
                f"instead received another {', '.join(keys)}."
            )
        require(about.get("data") == self.data, "data", f"what {self.file} was trained on", "other matrices")
        require(about.get("start") == self.start, "start", f"what {self.file} started from", "other weights or none")
        for name, model in (("model.", self.model), ("averaged.", self.averaged)):
            held = {k.removeprefix(name): v for k, v in tensors.items() if k.startswith(name)}
            differing = mismatch(model.state_dict(), held)
            require(not differing, str(self.file), f"a checkpoint of {self.config.method}", f"one {differing}")
            model.load_state_dict(held)
        state: dict[int, dict[str, Any]] = {}
        parameters = list(self.model.parameters())
        for key, value in tensors.items():
            if key.startswith("optimiser."):
                _, index, name = key.split(".", 2)
                like = parameters[int(index)]  # moments must lie in memory as their parameter does
                value = torch.empty_like(like).copy_(value) if value.shape == like.shape else value
                state.setdefault(int(index), {})[name] = value
        self.optimiser.load_state_dict({"state": state, "param_groups": self.optimiser.state_dict()["param_groups"]})
        self.rows.share = tensors.get("rows.share", self.rows.share)
        self.step, self.minutes, self.history = about["step"], about["minutes"], about["history"]


def _start(model: RecoveryModel, file: str | os.PathLike[str]) -> dict[str, Any]:
    """Load weights into a model with the same network; return their digest and what all trainings before took."""
    found, about = load_model(file)
    before = about.get("start") or {"steps": 0, "minutes": 0.0}
    same = (found.config.method, found.config.factor) == (model.config.method, model.config.factor)
    wanted = f"weights of {model.config.method} at {model.config.factor}x"
    require(same, "start", wanted, f"{file}, of {found.config.method} at {found.config.factor}x")
    model.net.load_state_dict(found.net.state_dict())
    return {
        "digest": file_digest(file),
        "steps": before["steps"] + about.get("step", 0),
        "minutes": before["minutes"] + about.get("minutes", 0.0),
    }


def _optimiser(config: TrainConfig, model: RecoveryModel) -> torch.optim.Optimizer:
    if config.optimiser == "muon":
        return Muon(model.parameters(), config.learning_rate)
    return torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"Input device must be one that torch can use here; instead received {name!r} "
            f"({str(error).splitlines()[0]})."
        ) from None
    return device
