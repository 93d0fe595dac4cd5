r"""Options of reconstruction for `mpisim tune`: the weights of ADMM, and lambda and the sweeps of the linear solvers.

The score is minus the mean pSNR in dB of images against the true phantom, the concentration on the image's voxels. The
mean is over every sixth validation matrix of a data set, the fine matrix itself and what is recovered from its
block means at 4x, all phantoms, and three noise levels. Data come from a finer grid (`recon.measure`), so the
reconstruction never uses the model that made its data. Standard deviations that a recovered matrix states are left
aside.

A mean can hide that one kind of image loses what another gains. So for every phantom and kind of matrix the loss
against the options of version 0.1.0 beyond half a decibel counts against a point:

.. math:: -\frac1C \sum_c p_c + \sum_g \max\left(0,\ \bar q_g - \bar p_g - 0.5\right)

with the pSNR :math:`p_c` of case c, its mean :math:`\bar p_g` over a phantom and a kind of matrix, and :math:`q` the
same with the options of version 0.1.0. Under a noise bound only the ratio of the weights of ADMM matters, so that the
search is over one number, `atv`, with `a1` = 1 - `atv`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from calib.recovery import recover
from calib.training.search import Tunable
from mpisim.data.downsampling import downsample
from mpisim.data.grid import Grid
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.data.views import as_matrix
from mpisim.dataset.reader import split_files
from mpisim.errors import seed_number
from mpisim.io import read
from mpisim.io.atomic import output_folder, write_text
from recon.measurement import measure
from recon.methods import METHODS
from recon.metrics import psnr
from recon.phantoms import PHANTOMS, Phantom, tubes
from recon.selection.discrepancy import CHANCE, radius_from_data
from recon.solvers.admm import admm
from recon.solvers.factor import Factorisation, factorise
from recon.solvers.residual import best_fit
from recon.solvers.solver import Problem

__all__ = ["FORMER", "score", "score_of", "table", "tunables"]

FORMER: dict[str, Mapping[str, Any]] = {
    "admm": METHODS["admm"].presets["transms"],
    "kaczmarz": {"regularisation": 1e-3, "iterations": 20},
    "tikhonov": {"regularisation": 1e-3},
}
"""Options of version 0.1.0 by method."""
NOISE_LEVELS = (20.0, 30.0, 40.0)
"""RMS of the measured signal over the noise in dB."""
RECOVERED_BY = ("profile", "bicubic-dc")
"""Methods that take no time, whose errors at 4x (0.1 to 1 % and 3 to 21 %) enclose those of the others."""
_FACTOR = 4
_PHANTOMS = ("tubes", "resolution", "shape")
_EVERY = 6  # of the validation matrices
_TOLERATED = 0.5  # dB
_SPACES: dict[str, dict[str, tuple[float, float]]] = {
    "admm": {"atv": (0.01, 0.95)},
    "kaczmarz": {"regularisation": (1e-3, 1.0), "iterations": (2, 50)},
    "tikhonov": {"regularisation": (1e-3, 1.0)},
}


def tunables() -> dict[str, Tunable]:
    """Return the methods whose options can be tuned, by name."""
    summary = "options of {}: -pSNR in dB of images against the true phantoms, with losses of a phantom against it"
    return {
        name: Tunable(summary.format(name), space, partial(score, name), flags=()) for name, space in _SPACES.items()
    }


def score(method: str, values: Mapping[str, float], folder: Path, data: Path, options: Mapping[str, object]) -> float:
    """Return the score of a point (see the module) and write the pSNR of every case to `cases.csv` in a folder.

    Parameters
    ----------
    method
        A name of `recon.METHODS`.
    values
        Options of the method; whole numbers are rounded. For `admm` the share `atv` of total variation.
    folder
        Folder of the trial.
    data
        A data set with the split `validation`.
    options
        The `seed` of phantoms and noise, 0 by default.

    Raises
    ------
    InputError
        If the data set has no validation matrices or the seed is no whole number.
    """
    seed = seed_number(options.get("seed", 0))
    cases = table(method, _options(method, values), data, seed).assign(former=_former(method, data, seed)["psnr"])
    write_text(output_folder(folder) / "cases.csv", cases.to_csv(index=False, float_format="%.4f", lineterminator="\n"))
    return score_of(cases)


def score_of(cases: pd.DataFrame) -> float:
    """Return the score (see the module) of a table with the columns `matrix`, `phantom`, `psnr` and `former`."""
    means = cases.groupby(["phantom", "matrix"])[["psnr", "former"]].mean()
    losses = np.maximum(0, means["former"] - means["psnr"] - _TOLERATED)
    return float(losses.sum() - cases["psnr"].mean())


def table(method: str, values: Mapping[str, Any], data: Path, seed: int = 0) -> pd.DataFrame:
    """Return the pSNR in dB of every case with options of a method.

    Columns are `scanner`, `matrix`, `phantom`, `snr`, `psnr` and `iterations`.
    """
    rows = []
    for case in _cases(data, seed):
        images, steps = case.images(method, values)
        for image, seen, count in zip(images.T, case.measured, steps, strict=True):
            value = psnr(image * seen.sigma, seen.truth.ravel())
            rows.append((case.scanner, case.kind, seen.phantom, seen.snr, value, int(count)))
    return pd.DataFrame(rows, columns=["scanner", "matrix", "phantom", "snr", "psnr", "iterations"])


@lru_cache(maxsize=4)
def _former(method: str, data: Path, seed: int) -> pd.DataFrame:
    return table(method, FORMER[method], data, seed)


def _options(method: str, values: Mapping[str, float]) -> dict[str, float]:
    """Return the options of a method for a point of its space."""
    if method == "admm":
        values = {**values, "a1": 1 - values["atv"]}
    whole = {f.name for f in fields(METHODS[method].options) if isinstance(f.default, int)}
    return {name: round(value) if name in whole else value for name, value in values.items()}


@dataclass(frozen=True)
class _Measured:
    """A measurement: phantom, level in dB, noise standard deviation, data (row,) and true concentrations."""

    phantom: str
    snr: float
    sigma: float
    y: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True)
class _Case:
    """A matrix of a scanner, of the kind `reference` or a method of recovery, and what the scanner measured."""

    scanner: str
    kind: str
    matrix: xr.Dataset
    measured: tuple[_Measured, ...]

    @cached_property
    def columns(self) -> np.ndarray:
        """Data over sigma, shape (row, measurement)."""
        return np.stack([seen.y / seen.sigma for seen in self.measured], axis=1)

    @cached_property
    def factor(self) -> Factorisation:
        """The factorised matrix."""
        return factorise(as_matrix(self.matrix), Grid.of(self.matrix).shape[::-1])

    @cached_property
    def radii(self) -> np.ndarray:
        """Radii of the noise balls over sigma that `recon.reconstruct` takes by default, shape (measurement,)."""
        least = math.sqrt(self.factor.rows)
        limit = least + CHANCE if self.kind == "reference" else None
        return np.array([radius_from_data(best_fit(self.factor, y), y, least, limit) for y in self.columns.T])

    def images(self, method: str, options: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return images over sigma, shape (voxel, measurement), and their numbers of iterations, as `reconstruct` does.

        ADMM takes the factorisation and the radii of earlier calls.
        """
        if method == "admm":
            result = admm(self.factor, self.columns, self.radii, certify=False, **options)
            return result.x, np.asarray(result.iterations)
        solver = METHODS[method]
        problem = Problem(as_matrix(self.matrix).astype(complex, copy=False), self.columns, self.factor.shape)
        solution = solver.solve(problem, solver.options(**options))
        return solution.images, solution.figures.get("iterations", np.zeros(len(self.measured), int))


@lru_cache(maxsize=2)
def _cases(data: Path, seed: int) -> tuple[_Case, ...]:
    """Return the cases of a data set; a search meets the same ones in every trial."""
    made = []
    for i, file in enumerate(split_files(data, "validation")[::_EVERY]):
        fine = read(file)
        coarse = downsample(fine, _FACTOR, snr=PROTOCOL_SNR, seed=seed + i)
        matrices = {"reference": fine} | {method: recover(coarse, method) for method in RECOVERED_BY}
        measured = tuple(
            _measured(fine, phantom, snr, (seed, i, k, n))
            for k, phantom in enumerate(_phantoms(seed, i))
            for n, snr in enumerate(NOISE_LEVELS)
        )
        made += [_Case(file.stem, kind, matrix, measured) for kind, matrix in matrices.items()]
    return tuple(made)


def _phantoms(seed: int, i: int) -> list[Phantom]:
    """Return every phantom for the i-th matrix; the tubes have the widths and gaps of the paper, drawn with a seed."""
    left, gap = np.random.default_rng([seed, i]).uniform((2e-3, 8e-3), (6e-3, 12e-3))
    return [tubes(left, gap=gap) if name == "tubes" else PHANTOMS[name]() for name in _PHANTOMS]


def _measured(fine: xr.Dataset, phantom: Phantom, snr: float, seeds: tuple[int, ...]) -> _Measured:
    drawn = int(np.random.SeedSequence(seeds).generate_state(1)[0])
    y = measure(fine, phantom, snr=snr, seed=drawn)
    return _Measured(phantom.name, snr, float(y["noise_std"]), y["measurement"].values.ravel(), y["phantom"].values)
