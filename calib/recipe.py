"""What a training is: the model, the rows that are drawn, the steps and their learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from calib.model import ModelConfig
from mpisim.errors import decibels, non_negative, one_of, positive, require, seed_number, whole

__all__ = ["TrainConfig", "learning_rate"]


@dataclass(frozen=True)
class TrainConfig:
    """A training; with the data and the seed it determines the weights.

    Parameters
    ----------
    method, factor, skip, scaling, consistency
        The model, see `calib.model.ModelConfig`.
    steps, batch
        Number of steps and rows per step.
    learning_rate, schedule, weight_decay
        Peak rate of Adam; `one-cycle` (5 % linear warm-up, cosine to zero) or `halving` (after every
        fifth of the steps, as published).
    average
        Largest decay of the weight average; 0 keeps the last weights.
    snr, noiseless_fraction
        Noise of the coarse rows in dB re RMS, and the share of rows without.
    row_power, augment
        See `calib.data.TrainingRows`.
    precision
        `float32` or `bfloat16` (autocast).
    validate_every, checkpoint_every
        Steps between validations (one matrix in five) and checkpoints.
    seed
        Seed of the initial weights, rows, noise and augmentation.
    """

    method: str = "transms"
    factor: int = 4
    skip: str = "bicubic"
    scaling: str = "rms"
    consistency: bool = True
    steps: int = 20000
    batch: int = 32
    learning_rate: float = 2e-3
    schedule: str = "one-cycle"
    weight_decay: float = 0.0
    average: float = 0.999
    snr: float = 33.7
    noiseless_fraction: float = 0.25
    row_power: float = 2.0
    augment: bool = True
    precision: str = "float32"
    validate_every: int = 1000
    checkpoint_every: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "validate_every", "checkpoint_every"):
            whole(name, getattr(self, name))
        seed_number(self.seed)
        positive("learning_rate", self.learning_rate)
        for name in ("weight_decay", "row_power"):
            non_negative(name, getattr(self, name))
        for name in ("average", "noiseless_fraction"):
            require(0 <= non_negative(name, getattr(self, name)) <= 1, name, "between 0 and 1", getattr(self, name))
        decibels("snr", self.snr)
        one_of("schedule", self.schedule, ("one-cycle", "halving"))
        one_of("precision", self.precision, ("float32", "bfloat16"))
        _ = self.model

    @property
    def model(self) -> ModelConfig:
        """The part that defines the model."""
        return ModelConfig(**{f.name: getattr(self, f.name) for f in fields(ModelConfig)})


def learning_rate(config: TrainConfig, step: int) -> float:
    """Learning rate of a step, counted from 0."""
    if config.schedule == "halving":
        return config.learning_rate * 0.5 ** (5 * step // config.steps)
    warm = max(1, config.steps // 20)
    if step < warm:
        return config.learning_rate * (step + 1) / warm
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, config.steps - warm)))
