"""What a training is: the model, how rows are drawn, the steps and their learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, get_type_hints

from calib.learned.config import RENAMED as RENAMED_OF_MODEL
from calib.learned.config import ModelConfig, current_keys
from calib.nets.table import FACTORS, NETS
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.errors import decibels, non_negative, one_of, positive, require, seed_number, whole

__all__ = ["BATCH", "RECIPES", "RENAMED", "STEPS", "TrainConfig", "learning_rate", "names_of_0_1_0"]
__all__ += ["published", "recipe"]

STEPS = {2: 2200, 4: 20_000, 8: 20_000}
"""Steps of our recipe by factor: about 20 minutes of one core at 2x, and an hour at 4x and 8x."""
BATCH = {2: 32, 4: 32, 8: 64}
"""Rows per step of our recipe by factor, half of it for 2d-SMRnet: the coarser the grid, the cheaper a row."""
RENAMED = {**RENAMED_OF_MODEL, "between": "interpolated_fraction"}
"""Keys of a training by their names in files and configurations of version 0.1.0."""
_CHOICES: dict[str, tuple[object, ...]] = {
    "augment": (True, False),
    "optimiser": ("muon", "adam"),
    "draw": ("detail", "error", "uniform"),
    "loss": ("detail", "norm", "l1"),
    "schedule": ("one-cycle", "halving"),
    "precision": ("float32", "bfloat16"),
}


@dataclass(frozen=True)
class TrainConfig:
    """A training; together with the data it determines the weights. The defaults are the recipe of TranSMS at 4x.

    Files and users write it as one flat mapping, in which the keys of `model` stand beside the others: see
    `as_mapping` and `from_mapping`.

    Parameters
    ----------
    model
        Definition of the model.
    steps, batch
        Number of steps, and rows per step.
    optimiser
        `muon` (see `calib.training.muon`) or `adam`.
    learning_rate, schedule
        Largest learning rate; `one-cycle` (5 % linear warm-up, then a cosine to zero) or `halving` (after every fifth
        of the steps, as published).
    average
        Largest decay of the average of the weights, 0 to 1; 0 takes the last weights.
    snr, noiseless_fraction
        Noise of the coarse rows in dB re RMS, and the fraction of rows without noise.
    draw
        Probability of a row: by `detail`, last `error` or `uniform`, see `calib.training.rows.TrainingRows`.
    augment
        Whether rows are turned and flipped at random.
    interpolated_fraction
        Fraction of the rows that are interpolated between matrices, or extrapolated (`calib.training.kappa`).
    loss
        `detail`, `norm` or `l1`, see `calib.training.loss`.
    precision
        `float32` or `bfloat16` (autocast).
    validate_every, checkpoint_every
        Steps between validations (on one matrix in four) and between checkpoints.
    seed
        Seed of the initial weights, rows, noise and augmentation.

    Raises
    ------
    InputError
        If a value is outside its range or choices.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
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
    interpolated_fraction: float = 0.0
    precision: str = "float32"
    validate_every: int = 1000
    checkpoint_every: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "validate_every", "checkpoint_every"):
            object.__setattr__(self, name, whole(name, getattr(self, name)))
        seed_number(self.seed)
        positive("learning_rate", self.learning_rate)
        decibels("snr", self.snr)
        for name, choices in _CHOICES.items():
            one_of(name, getattr(self, name), choices)
        for name in ("average", "noiseless_fraction", "interpolated_fraction"):
            require(0 <= non_negative(name, getattr(self, name)) <= 1, name, "between 0 and 1", getattr(self, name))

    @property
    def sampling(self) -> str:
        """How the coarse rows of the network are measured: `box` or `strided`."""
        return NETS[self.model.method].sampling

    @classmethod
    def types(cls) -> dict[str, type]:
        """Return the type of every key of the flat mapping, the keys of the model first."""
        own = {name: kind for name, kind in get_type_hints(cls).items() if name != "model"}
        return {**get_type_hints(ModelConfig), **own}

    def as_mapping(self) -> dict[str, object]:
        """Return all values as one flat mapping that JSON and TOML hold."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "model"}
        return {**asdict(self.model), **own}

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> TrainConfig:
        """Return the training of a flat mapping; absent keys have their defaults, keys of version 0.1.0 are accepted.

        Raises `InputError` if a key is unknown or its value is refused.
        """
        current = current_keys(values, cls.types(), RENAMED)
        of_model = {f.name: current.pop(f.name) for f in fields(ModelConfig) if f.name in current}
        return cls(ModelConfig(**of_model), **current)

    def differences(self, stored: Mapping[str, object]) -> list[str]:
        """Return the keys in which a flat mapping from a file differs; an absent key stands for its default."""
        defaults = TrainConfig().as_mapping()
        theirs = {**defaults, **{RENAMED.get(key, key): value for key, value in stored.items()}}
        mine = self.as_mapping()
        return [key for key, value in theirs.items() if key not in mine or mine[key] != value]


def names_of_0_1_0(values: Mapping[str, object]) -> dict[str, object]:
    """Return a flat mapping under the keys that version 0.1.0 used."""
    former = {new: old for old, new in RENAMED.items()}
    return {former.get(key, key): value for key, value in values.items()}


def recipe(method: str = "transms", factor: int = 4, **changes: object) -> TrainConfig:
    """Return how a method is trained here: skip, denoising and data consistency of its design, and our recipe.

    Parameters
    ----------
    method, factor
        Name of a network in `calib.nets.table.NETS`, and a factor.
    changes
        Values of any keys of the flat mapping of `TrainConfig` in place of those of the recipe.

    Raises
    ------
    InputError
        If the method, the factor or a key is unknown, or a value is refused.
    """
    design = NETS[one_of("method", method, NETS)]
    strided = design.sampling == "strided"
    own = {
        "skip": design.skip,
        "denoise": design.denoise,
        "consistency": design.consistency,
        "canonical": not strided,  # a flipped row has other first voxels of its blocks
        "augment": strided,
        "steps": STEPS[one_of("factor", factor, FACTORS)],
        "batch": BATCH[factor] // (2 if strided else 1),  # 2d-SMRnet gains more from steps than from rows
        "scaling": "amplitude" if strided or (design.denoise == "ridge" and factor == 8) else "rms",
    }
    known = current_keys(changes, TrainConfig.types(), RENAMED)
    return TrainConfig.from_mapping({"method": method, "factor": factor, **own, **known})


def published(method: str = "transms", factor: int = 4, **changes: object) -> TrainConfig:
    """Return how the paper trained a method (section IV.C), for those with a GPU: 200,000 steps of batch 64.

    Parameters and errors are those of `recipe`. The optimiser is Adam with rates that are halved after every fifth of
    the steps. All rows are equally likely and scaled to [0.15, 0.85]. Nothing stands before or around the network but
    the data consistency of its design. The paper searched the learning rate for every case; 10^-3 is our choice. Its
    weight decay of 10^-8 and its rejection of rows without signal are left out. For a noiseless network, set `snr` to
    200 dB.
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
"""Recipes by the name that users type."""


def learning_rate(config: TrainConfig, step: int) -> float:
    """Return the learning rate of a step, counted from 0."""
    if config.schedule == "halving":
        return config.learning_rate * 0.5 ** (5 * step // config.steps)
    warm = max(1, config.steps // 20)
    if step < warm:
        return config.learning_rate * (step + 1) / warm
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, config.steps - warm)))
