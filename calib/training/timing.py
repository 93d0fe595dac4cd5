"""A training of a given time: how many steps it allows, and when it is over.

The speed is that of some steps and of one validation on this machine; the steps are then taken back, so that nothing
depends on how many there were.
"""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING

from mpisim.errors import positive

if TYPE_CHECKING:
    from calib.training.train import Run

__all__ = ["Clock"]

_TRIAL = 0.05
"""Fraction of the time that measuring the speed may take, at least `_LEAST_STEPS` steps."""
_LEAST_STEPS = 3
_RESERVE = 0.05
"""Fraction of the time that is not planned: other work may slow the training down."""


class Clock:
    """The time of a training, which starts when the clock is made.

    Parameters
    ----------
    minutes
        The time in minutes, 0 or more.

    Raises
    ------
    InputError
        If the time is not positive.
    """

    def __init__(self, minutes: float) -> None:
        self.seconds = 60 * positive("minutes", minutes)
        self.started = time.monotonic()
        self.validation = 0.0

    def plan(self, run: Run) -> str:
        """Set the steps of a run to those that fit in the time; return in words what was planned."""
        per_step, self.validation = _speed(run, _TRIAL * self.seconds)
        left = (1 - _RESERVE) * self.seconds - (time.monotonic() - self.started) - self.validation
        count = max(1, int(left / (per_step + self.validation / run.config.validate_every)))
        run.set_steps(run.step + count)
        return (
            f"{self.seconds / 60:g} min allow {count} steps of {per_step:.3g} s and validations of "
            f"{self.validation:.2g} s: the schedule is that of {run.config.steps} steps"
        )

    def is_over(self) -> bool:
        """Return whether there is time for no more than the last validation."""
        return time.monotonic() - self.started > self.seconds - self.validation


def _speed(run: Run, seconds: float) -> tuple[float, float]:
    """Return the seconds of a step and of a validation, measured in about the time given; the run is as before."""
    state = run.state
    models = copy.deepcopy((state.model.state_dict(), state.averaged.state_dict()))
    optimiser, weights = copy.deepcopy(state.optimiser.state_dict()), state.rows.drawing_weights.clone()
    step, history = state.step, list(state.history)
    started = time.monotonic()
    run.advance()  # loads and compiles what the others use
    begun = time.monotonic()
    while state.step - step <= _LEAST_STEPS or time.monotonic() - started < seconds:
        run.advance()
    per_step = (time.monotonic() - begun) / (state.step - step - 1)
    begun = time.monotonic()
    run.validate()
    validation = time.monotonic() - begun
    for model, values in zip((state.model, state.averaged), models, strict=True):
        model.load_state_dict(values)
    state.optimiser.load_state_dict(optimiser)
    state.rows.drawing_weights, state.step, state.history = weights, step, history
    return per_step, validation
