"""What a training is: the model, the rows that are drawn, the steps and their learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from calib.learned.model import ModelConfig
from calib.nets import FACTORS, NETS
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.errors import decibels, non_negative, one_of, positive, require, seed_number, whole

__all__ = [
    "BATCH",
    "DRAWS",
    "LOSSES",
    "RECIPES",
    "STEPS",
    "TrainConfig",
    "learning_rate",
    "published",
    "recipe",
]

DRAWS = ("detail", "error", "uniform")

LOSSES = ("detail", "norm", "l1")

STEPS = {2: 2200, 4: 20_000, 8: 20_000}
"""Steps of our recipe by factor: about 20 minutes of one core at 2x, and an hour at 4x and 8x."""
BATCH = {2: 32, 4: 32, 8: 64}
"""Rows per step of our recipe by factor, half of it for 2d-SMRnet: the coarser the grid, the cheaper a row."""


@dataclass(frozen=True)
class TrainConfig:
    """A training; with the data and the seed it determines the weights. Unless given, the recipe of TranSMS at 4x.

    Parameters
    ----------
    method, factor, skip, scaling, canonical, border, denoise, consistency
        The model, see `calib.learned.model.ModelConfig`.
    steps, batch
        Number of steps and rows per step.
    optimiser
        `muon` (see `calib.training.muon`) or `adam`.
    learning_rate, schedule
        Peak rate; `one-cycle` (5 % linear warm-up, cosine to zero) or `halving` (after every
        fifth of the steps, as published).
    average
        Largest decay of the weight average; 0 keeps the last weights.
    snr, noiseless_fraction
        Noise of the coarse rows in dB re RMS, and the share of rows without.
    draw, augment, between
        See `calib.training.rows.TrainingRows`.
    loss
        `detail`, `norm` or `l1`, see `calib.training.train`.
    precision
        `float32` or `bfloat16` (autocast).
    validate_every, checkpoint_every
        Steps between validations (one matrix in four) and checkpoints.
    seed
        Seed of the initial weights, rows, noise and augmentation.
    """

    method: str = "transms"
    factor: int = 4
    skip: str = "bicubic"
    scaling: str = "rms"
    canonical: bool = True
    border: float = 0.0
    denoise: str = "ridge"
    consistency: bool = True
    steps: int = STEPS[4]
    batch: int = BATCH[4]
    optimiser: str = "muon"
    learning_rate: float = 0.01
    schedule: str = "one-cycle"
    average: float = 0.999
    snr: float = PROTOCOL_SNR
    noiseless_fraction: float = 0.1
    draw: str = "detail"
    loss: str = "detail"
    augment: bool = False
    between: float = 0.0
    precision: str = "float32"
    validate_every: int = 1000
    checkpoint_every: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "validate_every", "checkpoint_every"):
            object.__setattr__(self, name, whole(name, getattr(self, name)))
        seed_number(self.seed)
        positive("learning_rate", self.learning_rate)
        one_of("augment", self.augment, (True, False))
        one_of("optimiser", self.optimiser, ("muon", "adam"))
        one_of("draw", self.draw, DRAWS)
        one_of("loss", self.loss, LOSSES)
        for name in ("average", "noiseless_fraction", "between"):
            require(0 <= non_negative(name, getattr(self, name)) <= 1, name, "between 0 and 1", getattr(self, name))
        decibels("snr", self.snr)
        one_of("schedule", self.schedule, ("one-cycle", "halving"))
        one_of("precision", self.precision, ("float32", "bfloat16"))
        require(self.canonical or not self.border, "border", "0 where canonical is off", self.border)
        object.__setattr__(self, "factor", self.model.factor)  # whole

    @property
    def scheme(self) -> str:
        """How the coarse rows of the method are measured."""
        return NETS[self.method].scheme

    @property
    def model(self) -> ModelConfig:
        """The part that defines the model."""
        return ModelConfig(**{f.name: getattr(self, f.name) for f in fields(ModelConfig)})


def recipe(method: str = "transms", factor: int = 4, **changes: Any) -> TrainConfig:
    """Return how a method is trained: the design's own skip, preparation and data consistency, and our recipe.

    Parameters
    ----------
    method, factor
        A network of `calib.nets.NETS` and a factor.
    changes
        Any keys of `TrainConfig` in place of those of the recipe.
    """
    design = NETS[one_of("method", method, NETS)]
    strided = design.scheme == "strided"
    own: dict[str, Any] = {
        "skip": design.skip,
        "denoise": design.denoise,
        "consistency": design.consistency,
        "canonical": not strided,  # a flipped row has other first voxels of its blocks
        "augment": strided,
        "steps": STEPS[one_of("factor", factor, FACTORS)],
        "batch": BATCH[factor] // (2 if strided else 1),  # 2d-SMRnet gains more from steps than from rows
        "scaling": "amplitude" if strided or (design.denoise == "ridge" and factor == 8) else "rms",
    }
    return TrainConfig(**{"method": method, "factor": factor, **own, **changes})


def published(method: str = "transms", factor: int = 4, **changes: Any) -> TrainConfig:
    """Return how the paper trained a method (section IV.C), for those with a GPU: 200,000 steps of batch 64.

    Adam, rates halved after every fifth, rows drawn alike and scaled to [0.15, 0.85], nothing before or around the
    network but the data consistency of its design. The paper searched the rate for every case; 10^-3 is our choice. Its
    weight decay of 10^-8 and its dropping of rows of no signal are left out. A noiseless net takes `snr` of 200 dB.
    """
    theirs = {
        "skip": "bicubic" if method == "vdsr" else "none",
        "scaling": "minmax",
        "canonical": False,
        "denoise": "none",
        "augment": True,
        "draw": "uniform",
        "loss": "l1",
        "noiseless_fraction": 0.0,
        "average": 0.0,
        "optimiser": "adam",
        "learning_rate": 1e-3,
        "schedule": "halving",
        "steps": 200_000,
        "batch": 64,
    }
    return recipe(method, factor, **{**theirs, **changes})


RECIPES = {"ours": recipe, "published": published}


def learning_rate(config: TrainConfig, step: int) -> float:
    """Learning rate of a step, counted from 0."""
    if config.schedule == "halving":
        return config.learning_rate * 0.5 ** (5 * step // config.steps)
    warm = max(1, config.steps // 20)
    if step < warm:
        return config.learning_rate * (step + 1) / warm
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, config.steps - warm)))
