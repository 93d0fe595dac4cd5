"""Recoveries of the test matrices under the choices of a user: weights, errors and recovered matrices, with a cache.

Every matrix is measured coarsely as a method needs it, with the noise of the protocol (33.7 dB re RMS of the block
means) or without noise. The seed of matrix m of the test split is m, so methods of one sampling see the same noise.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr

from calib.patches import recover_by_patches
from calib.recovery import METHODS, recover_at
from calib.studies.harness.budgets import STEPS, study_config
from calib.studies.harness.cache import ResultCache
from calib.studies.harness.convergence import training_columns
from calib.studies.harness.protocol import TESTS
from calib.studies.harness.results import Row
from calib.studies.harness.study import StudyOptions
from calib.studies.harness.trained import Trained, TrainingData
from calib.studies.harness.weights_cache import WeightsCache
from calib.training.recipe import TrainConfig
from mpisim.data.downsampling import downsample
from mpisim.data.metrics import nrmse
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.io.digest import digest

__all__ = ["NOISES", "SNR_OF", "Errors", "Patches", "Recovery", "recovered_by"]

NOISES = ("noiseless", "noisy")
SNR_OF = {"noiseless": None, "noisy": PROTOCOL_SNR}
"""Noise of the coarse matrices in dB re RMS of the block means, by its name in the tables; None is no noise."""


@dataclass(frozen=True)
class Errors:
    """nRMSE of every recovered test matrix (fractions), and the number of rows whose iteration stopped at its limit."""

    nrmse: list[float]
    rows_not_converged: int

    @property
    def percent(self) -> float:
        """Mean nRMSE in %."""
        return 100 * float(np.mean(self.nrmse))


@dataclass(frozen=True)
class Patches:
    """Parameters of `calib.patches.recover_by_patches`: edge and overlap in coarse voxels, and data consistency."""

    patch: int
    overlap: int
    consistency: bool


def recovered_by(coarse: xr.Dataset, method: str, weights: Path | None) -> xr.Dataset:
    """Return a coarse matrix of known noise recovered by a method, as `calib.recover` does.

    What weights were trained on is not compared: studies show what networks do with matrices that they never saw.
    """
    return recover_at(None, coarse, method, weights, None)


class Recovery:
    """Recoveries of the test matrices under the choices of a user."""

    def __init__(self, options: StudyOptions) -> None:
        self.options = options
        self.cache = ResultCache(options.store, options.report)
        self.trainings = WeightsCache(options.store, options.bundled, options.device, options.report)
        self.data = TrainingData(lambda: options.matrices("train"), lambda: options.matrices("validation"))
        self._weights: dict[tuple[str, int, bool], Trained | None] = {}

    @cached_property
    def test(self) -> list[xr.Dataset]:
        """The test matrices; only a few of them in the short form."""
        return self.options.matrices("test")

    @cached_property
    def test_digest(self) -> str:
        """Digest of the values of the test matrices."""
        return digest(*(m["system_matrix"].values for m in self.test))

    @property
    def complete(self) -> bool:
        """Whether results may be compared with published ones: the whole test split, and no short form."""
        return not self.options.quick and len(self.test) == TESTS

    def weights(self, method: str, factor: int, noiseless: bool = False) -> Trained | None:
        """Return the weights of a learned method, trained if the user chose that, or None if there are none.

        Without training they are the bundled ones (with `noiseless` those for exact block means, if there are any), or
        else those of the budget's training in the cache, or else those of the longest training there.
        """
        key = (method, factor, noiseless)
        if key not in self._weights:
            known = None if self.options.train else self.trainings.bundled(method, factor, noiseless)
            known = known or self.of_budget(method, factor)
            self._weights[key] = known or self.trainings.longest(self.config(method, factor), self.data)
        return self._weights[key]

    def of_budget(self, method: str, factor: int) -> Trained | None:
        """Return the weights of exactly the budget's training, trained if the user chose that, or None.

        Methods of equal budgets are compared with these (Table II, Fig. 4 and 5).
        """
        return self.weights_of(self.config(method, factor), self.data)

    def weights_of(self, config: TrainConfig, data: TrainingData) -> Trained | None:
        """Return the weights of one training, trained if the user chose that, or None if there are none."""
        return (self.trainings.trained if self.options.train else self.trainings.cached)(config, data)

    def missing(self, method: str, factor: int) -> bool:
        """Whether a method needs weights and has none."""
        return METHODS[method].learned and self.weights(method, factor) is None

    def config(self, method: str, factor: int) -> TrainConfig:
        """Return the training of a method under the user's budget."""
        return study_config(method, factor, self.options.steps_of(STEPS[method, factor]))

    def training_columns(self, weights: Trained | None, missing: bool, data: TrainingData | None = None) -> Row:
        """Return the columns of a table that state how weights were trained, on `data` or the study's own data."""
        return training_columns(weights, missing, data or self.data, self.trainings)

    def recovered(self, coarse: xr.Dataset, method: str, factor: int, patches: Patches | None = None) -> xr.Dataset:
        """Return a coarse matrix recovered by a method that is not missing, from the cache or computed.

        `patches` says how to recover patch by patch; None recovers the whole grid at once.
        """
        known = self.weights(method, factor) if METHODS[method].learned else None
        file = None if known is None else known.weights

        def compute() -> xr.Dataset:
            if patches is None:
                return recovered_by(coarse, method, file)
            return recover_by_patches(coarse, method, file, **asdict(patches))

        key = {
            "method": method,
            "version": METHODS[method].version,
            "coarse": digest(coarse["system_matrix"].values),
            "weights": None if known is None else known.digest,
            "how": "recover" if patches is None else "recover_by_patches",
            **({} if patches is None else asdict(patches)),
        }
        return self.cache.matrix(f"matrix_{method}_{factor}x", key, compute)

    def errors(self, method: str, factor: int, noise: str, weights: Trained | None = None) -> Errors:
        """Return the errors of a method over the test matrices, from the cache or computed.

        `noise` is `noiseless` or `noisy`; `weights` are those of a learned method.
        """
        key = {
            "method": method,
            "version": METHODS[method].version,
            "factor": factor,
            "snr": SNR_OF[noise],
            "scheme": METHODS[method].samplings[0],
            "seed": "number of the matrix",
            "matrices": self.test_digest,
            "weights": None if weights is None else weights.digest,
        }
        message = f"{method} {factor}x {noise}: {{percent:.3g}} %"
        name = f"recovery_{method}_{factor}x_{noise}"
        row = self.cache.row(name, key, lambda: self._compute(method, factor, noise, weights), message)
        return Errors(row["nrmse"], row["rows_not_converged"])

    def _compute(self, method: str, factor: int, noise: str, weights: Trained | None) -> Row:
        file = None if weights is None else weights.weights
        errors, stopped = [], 0
        for m, fine in enumerate(self.test):
            coarse = downsample(fine, factor, METHODS[method].samplings[0], snr=SNR_OF[noise], seed=m)
            recovered = recovered_by(coarse, method, file)
            errors.append(nrmse(recovered, fine))
            stopped += recovered.attrs["recovery"].get("rows_not_converged", 0)
        return {"nrmse": errors, "percent": 100 * float(np.mean(errors)), "rows_not_converged": stopped}
