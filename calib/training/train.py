r"""The training loop.

A step t draws the batch of (seed, t), recovers its rows, computes their loss (`calib.training.loss`), and takes one
step of Muon or Adam at the scheduled learning rate. Then it averages the weights,

.. math:: \bar\theta \leftarrow d\,\bar\theta + (1-d)\,\theta, \qquad d = \min(d_{max}, (t+1)/(t+10)).

The averaged weights are validated and saved.

The schedule of the learning rate needs a number of steps. Where a time is given instead, it is planned from the speed
of some steps that are then taken back (`calib.training.timing`), so that the same number of steps, given as such,
leads to the same weights.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from calib.learned.apply import apply_model
from calib.learned.scope import Scope
from calib.training.identity import data_digest, is_data_digest
from calib.training.loss import batch_loss
from calib.training.recipe import TrainConfig, learning_rate
from calib.training.rows import TrainingRows
from calib.training.state import Schedule, TrainingState, Validation, planned_steps
from calib.training.timing import Clock
from mpisim.data.downsampling import downsample
from mpisim.data.metrics import nrmse
from mpisim.deprecation import renamed_arguments
from mpisim.errors import DivergenceError, InputError, require
from mpisim.io.atomic import deferring_interrupt, output_folder
from mpisim.progress import progress

__all__ = ["Run", "TrainResult", "train"]


class TrainResult(Validation):
    """Last validation of a training, and the file of its weights."""

    weights: str


@renamed_arguments(start="initial_weights")
def train(
    config: TrainConfig,
    training: Sequence[xr.Dataset],
    validation: Sequence[xr.Dataset],
    out: str | os.PathLike[str],
    *,
    initial_weights: str | os.PathLike[str] | None = None,
    resume: bool = False,
    device: str = "cpu",
    report: Callable[[str], None] | None = None,
    minutes: float | None = None,
) -> TrainResult:
    """Train a model and write `weights.safetensors`, `checkpoint.safetensors` and `log.csv` into a folder.

    Parameters
    ----------
    config
        What to train and how.
    training, validation
        Fine system matrices of the schema.
    out
        The run's folder.
    initial_weights
        Weights file of the same network to start from; the new weights state its digest, and the steps and minutes of
        all trainings that led to it. None starts from random weights.
    resume
        Whether to continue from the folder's checkpoint; otherwise a folder with a checkpoint is refused. With more
        steps than the run was planned for it goes on for longer, with the learning rate of the new length.
    device
        Device to train on, as torch names it.
    report
        Receives one line at every validation, and where the number of steps is planned or changed.
    minutes
        Time of this call in place of `config.steps`: as many steps are planned as it allows, after those of the
        checkpoint if there are some. Where the computer gets slower, the training stops in time all the same, with a
        checkpoint.

    Returns
    -------
    TrainResult
        `step`, `minutes`, `learning_rate` and `validation_nrmse` (a fraction) of the last validation, and the
        `weights` file.

    Raises
    ------
    InputError
        If the data do not fit the factor, the device is not available, the folder holds another run, or the initial
        weights are of another network.
    DivergenceError
        If the loss becomes infinite or NaN; the last checkpoint remains.
    """
    tell = report or (lambda text: None)
    clock = None if minutes is None else Clock(minutes)
    run = Run(config, training, validation, Path(out), resume, device, initial_weights, plan=clock is None)
    if clock is not None:
        tell(clock.plan(run))
    elif run.state.schedules and run.state.schedules[-1]["left_at"] == run.step:
        tell(_longer(run))
    try:
        _run(run, tell, clock)
    except KeyboardInterrupt:
        run.save()
        tell(f"interrupted after step {run.step} of {run.config.steps}: {_goes_on(run)}")
        raise
    return {**run.state.history[-1], "weights": str(run.folder / "weights.safetensors")}


def _run(run: Run, tell: Callable[[str], None], clock: Clock | None) -> None:
    """Take all steps that are left, or those for which there is time."""
    if run.step >= run.config.steps:
        run.save()  # restores files that a finished run has lost
    with progress(total=run.config.steps, initial=run.step, unit="step") as bar:
        while run.step < run.config.steps:
            with deferring_interrupt():  # a step is taken completely or not at all
                run.advance()
            bar.update()
            last = run.step == run.config.steps or (clock is not None and clock.is_over())
            if last or run.step % run.config.validate_every == 0:
                line = run.validate()
                bar.set_postfix_str(line)
                tell(line)
            if last or run.step % run.config.checkpoint_every == 0:
                run.save()
            if last and run.step < run.config.steps:
                tell(f"the time is over after step {run.step} of {run.config.steps}: {_goes_on(run)}")
                break


def _goes_on(run: Run) -> str:
    return f"{run.folder / 'checkpoint.safetensors'} is written, from which the training can be resumed"


def _longer(run: Run) -> str:
    """Return in words that a run goes on with a schedule of another length."""
    planned, steps = run.state.schedules[-1]["steps"], run.config.steps
    rates = (
        learning_rate(replace(run.config, steps=planned), max(0, run.step - 1)),
        learning_rate(run.config, run.step),
    )
    return (
        f"from step {run.step} on, the schedule is that of {steps} steps, not {planned}: "
        f"the learning rate goes from {rates[0]:.3g} to {rates[1]:.3g}"
    )


class Run:
    """A training that can be advanced step by step, with the parameters of `train`, which drives it.

    The attribute `state` is what a checkpoint holds; `validation` has pairs of a fine matrix and its noisy coarse one.
    With `plan` False, a resumed run has the steps of its checkpoint until `set_steps` changes them.
    """

    def __init__(
        self,
        config: TrainConfig,
        training: Sequence[xr.Dataset],
        validation: Sequence[xr.Dataset],
        folder: Path,
        resume: bool = False,
        device: str = "cpu",
        initial_weights: str | os.PathLike[str] | None = None,
        plan: bool = True,
    ) -> None:
        self.folder = Path(folder)
        file = self.folder / "checkpoint.safetensors"
        if resume and not plan:  # the steps come later
            config = replace(config, steps=planned_steps(folder) or config.steps)
        self.config, self.device = config, _device(device)
        require(len(validation) > 0, "validation", "at least one matrix", "none")
        rows = TrainingRows(config, training)
        self.validation = _validation_pairs(config, validation)
        digest = data_digest(training, validation)
        self.state = TrainingState.new(config, rows, digest, self.device, initial_weights)
        self.state.scope = Scope.of(training).as_mapping()
        output_folder(folder)
        if resume and file.is_file():
            self.state.restore(file, lambda stored: is_data_digest(stored, training, validation, rows))
        else:
            require(not file.is_file(), "output folder", "without a run unless resume is set", str(folder))
        self.started = time.monotonic() - 60 * self.state.minutes

    def set_steps(self, steps: int) -> None:
        """Change the length of the training and with it the schedule of the learning rate."""
        if self.step and steps != self.config.steps:
            left: Schedule = {"steps": self.config.steps, "left_at": self.step}
            self.state.schedules = [*self.state.schedules, left]
        self.config = self.state.config = replace(self.config, steps=steps)

    @property
    def step(self) -> int:
        """Steps taken so far."""
        return self.state.step

    def advance(self) -> None:
        """Take one step of the optimiser and of the weight average.

        Raises `DivergenceError` if the loss is infinite or NaN.
        """
        state = self.state
        batch = state.rows.batch(state.step, self.config.batch)
        for group in state.optimiser.param_groups:
            group["lr"] = learning_rate(self.config, state.step)
        state.model.train()
        loss, error = batch_loss(state.model, batch.to(self.device), self.config.loss, self.config.precision)
        if not torch.isfinite(loss):
            raise DivergenceError(
                f"Input learning_rate must be small enough for the loss to stay finite; instead received "
                f"{self.config.learning_rate:g}, with a loss of {loss.item()} at step {state.step + 1}."
            )
        if self.config.draw == "error":
            state.rows.record_errors(batch.index, error)
        state.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        state.optimiser.step()
        self._average()
        state.step += 1

    @torch.no_grad()
    def _average(self) -> None:
        step, largest = self.state.step, self.config.average
        decay = min(largest, (step + 1) / (step + 10)) if largest else 0.0
        averages, values = self.state.averaged.state_dict().values(), self.state.model.state_dict().values()
        for average, value in zip(averages, values, strict=True):
            if average.is_floating_point():
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)

    def validate(self) -> str:
        """Evaluate the averaged weights, append the result to the history, and return it as a line of text."""
        errors = [nrmse(apply_model(self.state.averaged, coarse), fine) for fine, coarse in self.validation]
        error = float(np.mean(errors))
        self._count_minutes()
        entry: Validation = {
            "step": self.step,
            "minutes": round(self.state.minutes, 2),
            "learning_rate": learning_rate(self.config, self.step - 1),
            "validation_nrmse": error,
        }
        self.state.history.append(entry)
        return f"step {self.step}  {self.state.minutes:.1f} min  validation nRMSE {100 * error:.3f} %"

    def _count_minutes(self) -> None:
        self.state.minutes = (time.monotonic() - self.started) / 60

    def save(self) -> None:
        """Write the weights, the log and the checkpoint into the folder."""
        self._count_minutes()
        self.state.save(self.folder)


def _validation_pairs(config: TrainConfig, validation: Sequence[xr.Dataset]) -> list[tuple[xr.Dataset, xr.Dataset]]:
    """Every fourth matrix, which has particles of all sizes, with its coarse one."""
    snr = None if config.noiseless_fraction == 1 else config.snr
    chosen = validation[3::4] or validation
    return [(m, downsample(m, config.model.factor, config.sampling, snr, seed=i)) for i, m in enumerate(chosen)]


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
