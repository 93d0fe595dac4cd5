"""Trained weights with the description in their file, and the matrices that trainings of the studies use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
import xarray as xr

from calib.learned.checkpoint import load_model
from calib.training.identity import data_digest
from calib.training.recipe import TrainConfig
from mpisim.errors import InputError
from mpisim.io.digest import file_digest

__all__ = ["Trained", "TrainingData", "config_of"]


@dataclass(frozen=True)
class Trained:
    """Weights of a network and how they were trained.

    Parameters
    ----------
    weights
        The file.
    source
        `bundled` with the package, or from the `cache`.
    digest
        Digest of the file.
    config
        The configuration of the training; None where the file lacks it or has that of another version.
    data
        Digest of the data of the training; None where the file lacks it.
    earlier_steps, earlier_minutes
        Length of the trainings that led to the initial weights; zero for random initial weights.
    steps, minutes
        Length of the training with the earlier ones; None where the file lacks it.
    validation
        Last validation error (a fraction); None where the file lacks it.
    parameters
        Number of trained numbers.
    """

    weights: Path
    source: str
    digest: str
    config: TrainConfig | None
    data: str | None
    earlier_steps: int
    earlier_minutes: float
    steps: int | None
    minutes: float | None
    validation: float | None
    parameters: int

    @classmethod
    def of_file(cls, file: Path, source: str) -> Trained:
        """Read weights and their description.

        Raises `InputError` if the file is damaged.
        """
        model, metadata = load_model(file)
        earlier = metadata.get("start") or {"steps": 0, "minutes": 0.0}
        config, minutes = config_of(metadata.get("train", {})), metadata.get("minutes")
        return cls(
            weights=file,
            source=source,
            digest=file_digest(file),
            config=config,
            data=metadata.get("data"),
            earlier_steps=earlier["steps"],
            earlier_minutes=earlier["minutes"],
            steps=None if config is None else earlier["steps"] + config.steps,
            minutes=None if minutes is None else earlier["minutes"] + minutes,
            validation=metadata.get("validation_nrmse"),
            parameters=sum(p.numel() for p in model.net.parameters()),
        )

    @property
    def log(self) -> pd.DataFrame:
        """The validations: `step`, `minutes`, `learning_rate`, `validation_nrmse` (a fraction); empty without a log."""
        file = self.weights.with_suffix(".csv") if self.source == "bundled" else self.weights.parent / "log.csv"
        if not file.is_file():
            return pd.DataFrame(columns=["step", "minutes", "learning_rate", "validation_nrmse"])
        return pd.read_csv(file)


class TrainingData:
    """Matrices for training and for validation, which two functions simulate or read when they are first needed."""

    def __init__(self, training: Callable[[], list[xr.Dataset]], validation: Callable[[], list[xr.Dataset]]) -> None:
        self._training, self._validation = training, validation

    @cached_property
    def training(self) -> list[xr.Dataset]:
        """Matrices for training."""
        return self._training()

    @cached_property
    def validation(self) -> list[xr.Dataset]:
        """Matrices for validation."""
        return self._validation()

    @cached_property
    def digest(self) -> str:
        """Digest of the values of all of them."""
        return data_digest(self.training, self.validation)


def config_of(stated: Mapping[str, object]) -> TrainConfig | None:
    """Return the training that a file states, or None if that of another version has keys unknown here."""
    try:
        return TrainConfig.from_mapping(stated) if stated else None
    except InputError:
        return None
