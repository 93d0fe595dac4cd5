"""Recoveries and images of the study of Open MPI data: its files, networks, errors, with a cache.

Coarse rows are block means (or strided or random voxels) of the measured fine ones; no noise is added, since the fine
ones have their own. Every twentieth frequency of a channel of the training calibrations is left for validation.
Networks are trained without what presumes a field-free line: rows are neither interpolated between matrices nor
compared with ideal ridges.

Images are those of a measurement, such as `resolutionPhantom/3.mdf`, by the Kaczmarz method with the parameters that
are published for these data (lambda of 1e-3, three sweeps, no concentration below zero). They are compared by pSNR with
the image from the test calibration itself.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr

from calib.recovery import METHODS
from calib.studies.harness.budgets import STEPS, study_config
from calib.studies.harness.cache import ResultCache
from calib.studies.harness.recovery import recovered_by
from calib.studies.harness.results import Row
from calib.studies.harness.study import StudyOptions
from calib.studies.harness.trained import Trained, TrainingData
from calib.studies.harness.weights_cache import WeightsCache
from calib.training.recipe import TrainConfig
from mpisim.data.downsampling import downsample
from mpisim.data.metrics import nrmse
from mpisim.errors import require
from mpisim.io.digest import digest
from mpisim.io.mdf.acquired import acquisition_of_file
from mpisim.io.reading import read
from mpisim.preprocess.pairing import mismatches
from recon import methods as solvers
from recon.metrics import psnr
from recon.reconstruction import reconstruct
from recon.studies.open_mpi_files import EDGE, Calibration, calibration_file, measured_rows, read_calibration
from recon.studies.open_mpi_synthetic import MEASUREMENT, synthetic_files

__all__ = ["SOLVER", "TABLES", "TEST", "OpenMpi"]

TABLES = {"V": (8, 9), "VI": (7,)}
"""Training calibrations by table."""
TEST = 10
"""The test calibration."""
SOLVER = "kaczmarz"
_LAMBDA, _SWEEPS = 1e-3, 3
_QUICK_EDGE, _QUICK_ROWS = 16, 40
_VALIDATED = 20  # one frequency of a channel in so many


class OpenMpi:
    """Calibrations, measurement, networks and recoveries of the study under the choices of a user.

    Raises `InputError` where the full form has no calibrations.
    """

    def __init__(self, options: StudyOptions) -> None:
        must = "given: a folder with 7.mdf to 10.mdf of Open MPI data (the short form makes files of its own)"
        require(options.quick or options.calibrations is not None, "calibrations", must, "none")
        self.options = options
        self.synthetic = options.calibrations is None
        self.cache = ResultCache(options.store, options.report)
        self.trainings = WeightsCache(options.store, options.bundled, options.device, options.report)
        self.lost = 0
        self.mismatches: list[str] = []
        self._read: dict[int, Calibration] = {}
        self._data: dict[str, TrainingData] = {}

    # -- files --------------------------------------------------------------------------------------------------------

    @cached_property
    def folder(self) -> Path:
        """Folder of the calibrations; those of the short form are made first."""
        made = self.options.calibrations
        return synthetic_files(self.options.store / "open-mpi-synthetic") if made is None else made

    def calibration(self, number: int) -> Calibration:
        """Return a calibration, read once; a few of its rows in the short form."""
        if number not in self._read:
            edge, most = (_QUICK_EDGE if self.synthetic else EDGE), (_QUICK_ROWS if self.options.quick else None)
            self._read[number] = read_calibration(calibration_file(self.folder, number), edge, most)
        return self._read[number]

    @property
    def calibrations(self) -> dict[str, Calibration]:
        """The calibrations that were read, by name."""
        return {c.name: c for c in self._read.values()}

    @cached_property
    def test(self) -> Calibration:
        """The test calibration."""
        return self.calibration(TEST)

    @cached_property
    def measurement(self) -> tuple[Calibration, xr.Dataset] | None:
        """The test calibration and the measurement of the rows that both have; None without a measurement.

        How the files differ is then in `mismatches`, and the number of rows that only the calibration has in `lost`.
        """
        file = self.folder / MEASUREMENT if self.synthetic else self.options.measurement
        if file is None:
            return None
        both, y, self.lost = measured_rows(read(file), self.test)
        calibration = acquisition_of_file(calibration_file(self.folder, TEST), "system_matrix")
        found = mismatches(calibration, acquisition_of_file(file, "measurement"))
        self.mismatches = [mismatch.sentence for mismatch in found]
        return both, y

    # -- networks -----------------------------------------------------------------------------------------------------

    def data(self, table: str) -> TrainingData:
        """Return the rows of the training calibrations of a table, for training and for validation."""
        if table not in self._data:
            numbers = TABLES[table]

            def part(validation: bool) -> list[xr.Dataset]:
                parts = []
                for number in numbers:
                    rows = self.calibration(number).rows
                    held = np.arange(rows.sizes["frequency"]) % _VALIDATED == _VALIDATED - 1
                    parts.append(rows.isel(frequency=np.flatnonzero(held if validation else ~held)))
                return parts

            self._data[table] = TrainingData(lambda: part(False), lambda: part(True))
        return self._data[table]

    def config(self, method: str, factor: int) -> TrainConfig:
        """Return the training of a method under the user's budget, without what presumes field-free lines."""
        config = study_config(method, factor, self.options.steps_of(STEPS[method, factor]))
        scaling = "minmax" if config.model.scaling == "minmax" else "rms"
        model = replace(config.model, denoise="none", phase="none", scaling=scaling)
        return replace(config, model=model, interpolated_fraction=0.0, noiseless_fraction=1.0)

    def weights(self, table: str, method: str, factor: int) -> Trained | None:
        """Return the weights of a network for a table, trained if the user chose that; None without."""
        if not METHODS[method].learned:
            return None
        config, data = self.config(method, factor), self.data(table)
        if self.options.train:
            return self.trainings.trained(config, data)
        return self.trainings.cached(config, data) or self.trainings.longest(config, data)

    def training_command(self) -> str:
        """Return the command line that trains what is missing."""
        return replace(self.options, quick=False, train=True).command("open-mpi")

    # -- results ------------------------------------------------------------------------------------------------------

    def figures_of(self, method: str, factor: int, weights: Trained | None) -> Row:
        """Return `nrmse` (a fraction) and `psnr` (dB; None without a measurement), from the cache or computed."""
        pair = self.measurement
        key = {
            "method": method,
            "version": METHODS[method].version,
            "factor": factor,
            "scheme": METHODS[method].samplings[0],
            "weights": None if weights is None else weights.digest,
            "test": digest(self.test.rows["system_matrix"].values),
            "measurement": None if pair is None else digest(pair[1]["measurement"].values),
            "solver": [SOLVER, solvers.METHODS[SOLVER].version, _LAMBDA, _SWEEPS],
        }
        message = f"{method} {factor}x: {{nrmse:.4f}}"
        name = f"open_mpi_{method}_{factor}x"
        return self.cache.row(name, key, lambda: self._compute(method, factor, weights), message)

    def recovered(self, method: str, factor: int, weights: Trained | None) -> xr.Dataset:
        """Return the recovered rows of the test calibration."""
        coarse = downsample(self.test.rows, factor, METHODS[method].samplings[0], snr=None, seed=0)
        return recovered_by(coarse, method, None if weights is None else weights.weights)

    def _compute(self, method: str, factor: int, weights: Trained | None) -> Row:
        recovered = self.recovered(method, factor, weights)
        image, reference = self.image(recovered), self.reference
        quality = None if image is None or reference is None else psnr(image, reference)
        finite = quality is not None and np.isfinite(quality)
        return {"nrmse": nrmse(recovered, self.test.rows), "psnr": quality if finite else None}

    def image(self, rows: xr.Dataset) -> xr.Dataset | None:
        """Return the image of the measurement with rows of the test calibration; None without a measurement."""
        if self.measurement is None:
            return None
        both, y = self.measurement
        kept = np.flatnonzero(np.isin(_names(self.test.rows), _names(both.rows)))
        part = rows.isel(frequency=kept)
        return reconstruct(part, y, SOLVER, use_std=False, regularisation=_LAMBDA, iterations=_SWEEPS)

    @cached_property
    def reference(self) -> xr.Dataset | None:
        """The image of the measurement with the test calibration itself."""
        return self.image(self.test.rows)


def _names(rows: xr.Dataset) -> np.ndarray:
    """Return a complex number for every frequency of a channel: its frequency, and the channel."""
    return np.asarray(rows["frequency"].values + 1j * rows["channel"].values)
