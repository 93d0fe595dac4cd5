r"""A scanner like the in-house one of the TranSMS paper, and its calibrations: what Table VII, Figs. 11 and 13 share.

The paper measures an open-sided scanner with a field-free line (section IV.A.3). Its gradients are 0.3, 0.4, 0.5 and
0.6 T/m, its drive 9 mT at 23.2 kHz. Samples of 2 mm are moved over 32 x 64 mm, at 60 angles, and harmonics 2 to 11 are
kept. Matrices at 0.3, 0.4 and 0.6 T/m train the networks; the one at 0.5 T/m is recovered. Here the scanner is
simulated. The paper does not give its coil, its errors and the cores of its tracer. Ours are a flat coil 30 mm below
the field of view (law of Biot and Savart), errors of line, angle, gain and phase at each angle, drawn anew for each
calibration, and cores of a log-normal distribution.

The noise of the receiver is white and the same in all calibrations. Rows whose RMS is below `LEAST_SNR` times the noise
at 0.5 T/m are left out, harmonic by harmonic (median over the angles), and the level is such that the noise of a sample
of 2 mm is 4.36 % of what remains within the sensitive region of 13 x 23 voxels:

.. math:: \sigma = 0.0436\, \mathrm{RMS}\{A_{hij} : \mathrm{median}_i\, \mathrm{RMS}_j(A_{hij}) \ge 5 \sigma\} .

White noise of one level leaves nothing to whiten. Rows are single lines here; `recon.studies.in_house_bands` has bands
of 500 Hz around the harmonics, with coloured noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import xarray as xr

from calib.recovery import METHODS
from calib.studies.harness.missing import or_trained
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.results import Row
from calib.studies.harness.study import StudyOptions
from calib.studies.harness.trained import Trained, TrainingData
from mpisim.data.downsampling import downsample
from mpisim.data.noise import complex_gaussian, rms
from mpisim.io.scanner_file import read_scanner
from mpisim.particles.distributions import LogNormal
from mpisim.progress import progress
from mpisim.scanner.angle_errors import AngleErrors
from mpisim.scanner.biot_savart import RectangularLoop
from mpisim.scanner.coils import WoundCoil
from mpisim.scanner.ffl import open_sided_ffl
from mpisim.scanner.imperfect import ImperfectFFL
from mpisim.simulation.prospective import calibrate
from mpisim.simulation.setup import Setup
from recon.measurement import measure
from recon.phantoms import Phantom

__all__ = ["CROP", "DEFAULT_METHODS", "Calibrations", "InHouseRecovery", "in_house_recovery", "in_house_setup"]
__all__ += ["TEST_GRADIENT", "left_out", "strong_rows"]

TRAINING_GRADIENTS, TEST_GRADIENT = (0.3, 0.4, 0.6), 0.5
"""Gradients in T/m."""
INTRINSIC_NOISE = 0.0436
"""Noise of the sample of 2 mm over the RMS of the rows that are kept."""
LEAST_SNR = 5.0
"""RMS of a row over the noise, below which it is left out."""
CROP = {"x": slice(1, 14), "y": slice(4, 27)}
"""The sensitive region of the coil: 13 x 23 voxels."""
DEFAULT_METHODS = (
    *("bicubic", "bicubic-strided", "cs", "srcnn", "vdsr", "smrnet", "transms"),
    *("bicubic-dc", "profile", "physical", "auto"),
)
"""Methods of the paper, and ours that need no training."""
_HARMONICS = tuple(range(2, 12))
_VALIDATION_SEED = 5
_QUICK_ANGLES = 12


def in_house_setup(
    gradient: float, angles: int, harmonics: tuple[int, ...] = _HARMONICS, errors_seed: int = 1
) -> Setup:
    """Return the scanner with its tracer, voxels of 2 mm and sample.

    Parameters
    ----------
    gradient
        Gradient of the selection field in T/m.
    angles
        Number of angles over half a turn.
    harmonics
        Recorded harmonics.
    errors_seed
        Seed of the errors of the angles: calibrations on other days have others.
    """
    stated = read_scanner("open-sided-ffl", gradient, 25e-9)
    line = open_sided_ffl(gradient, angles=angles, harmonics=harmonics, drive_amplitude=9e-3)
    below, up, along_x = (0.0, 0.0, -30e-3), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)
    coil = WoundCoil((RectangularLoop(below, up, along_x, (60e-3, 90e-3)),), turns=100)
    errors = AngleErrors(offset_spread=3e-4, angle_spread=5e-3, gain_spread=0.01, phase_spread=0.01, seed=errors_seed)
    scanner = ImperfectFFL.of(line, coils=(coil,), line=errors)
    return Setup(scanner, LogNormal(22e-9, 0.1), stated.grid, stated.sample)


@dataclass(frozen=True)
class Calibrations:
    """Calibrations of the scanner at all gradients, with the same receiver and the same rows.

    `angles` is their number over half a turn.
    """

    angles: int = 60

    @classmethod
    def of(cls, options: StudyOptions) -> Calibrations:
        """Return those of a study; the short form has 12 angles."""
        return cls(_QUICK_ANGLES) if options.quick else cls()

    @cached_property
    def _kept(self) -> tuple[tuple[int, ...], float]:
        """Harmonics that are kept, and the noise of a sample of 2 mm in V."""
        values = in_house_setup(TEST_GRADIENT, self.angles).simulate().isel(CROP)["system_matrix"].values
        places, sigma = strong_rows(values)
        return tuple(_HARMONICS[i] for i in places), sigma

    @property
    def rows(self) -> str:
        """The rows in words."""
        return f"harmonics {self.harmonics[0]} to {self.harmonics[-1]}"

    @property
    def harmonics(self) -> tuple[int, ...]:
        """Harmonics whose rows have a signal-to-noise ratio of at least `LEAST_SNR`."""
        return self._kept[0]

    @property
    def noise(self) -> float:
        """Complex standard deviation of the noise of a sample of 2 mm in V."""
        return self._kept[1]

    def setup(self, gradient: float, errors_seed: int) -> Setup:
        """Return the scanner of a calibration, with the harmonics that are kept."""
        return in_house_setup(gradient, self.angles, self.harmonics, errors_seed)

    @cached_property
    def exact(self) -> xr.Dataset:
        """The matrix at 0.5 T/m without noise, on 16 x 32 voxels."""
        return self.setup(TEST_GRADIENT, 1).simulate()

    @cached_property
    def reference(self) -> xr.Dataset:
        """The matrix at 0.5 T/m as the sample of 2 mm measures it."""
        return self.with_noise(self.exact, 1)

    def measured(self, gradient: float, seed: int) -> xr.Dataset:
        """Return a matrix at any gradient as the sample of 2 mm measures it; `seed` is that of errors and noise."""
        return self.with_noise(self.setup(gradient, seed).simulate(), seed)

    def sampled(self, seed: int) -> Setup:
        """Return the scanner at 0.5 T/m with the sample of 2 mm, whose errors of position have a seed."""
        setup = self.setup(TEST_GRADIENT, 1)
        return replace(setup, sample=replace(setup.sample, size=None, seed=seed))  # fills a voxel, of 2 mm

    def calibrated(self, factor: int, seed: int, jitter: float, small: bool) -> xr.Dataset:
        """Return the coarse matrix that small samples or a large one measure, with noise and errors of position.

        Parameters
        ----------
        factor
            Edge of the large sample in voxels.
        seed
            Seed of noise and positions.
        jitter
            Standard deviation of each position in m.
        small
            Whether small samples are measured, whose values are averaged over blocks (retrospective sampling).
        """
        setup = self.sampled(seed)
        return calibrate(setup, factor, seed, jitter=jitter, noise_std=self.noise, retrospective=small)

    def measurement(self, phantom: Phantom, snr: float) -> xr.Dataset:
        """Return the measurement of a phantom within the sensitive region, with noise of `snr` dB."""
        return measure(self.exact.isel(CROP), phantom, snr=snr, seed=0)

    @cached_property
    def training(self) -> list[xr.Dataset]:
        """Measured matrices at the other gradients, with errors of the angles of their own."""
        seeds = range(2, 2 + len(TRAINING_GRADIENTS))
        pairs = zip(TRAINING_GRADIENTS, seeds, strict=True)
        return [self.measured(gradient, seed) for gradient, seed in pairs]

    @cached_property
    def validation(self) -> list[xr.Dataset]:
        """Another measurement at 0.4 T/m, by which the progress of trainings is told; nothing is chosen by it."""
        return [self.measured(TRAINING_GRADIENTS[1], _VALIDATION_SEED)]

    def with_noise(self, exact: xr.Dataset, seed: int) -> xr.Dataset:
        """Return a matrix with the noise of the sample of 2 mm, which the result states."""
        values = exact["system_matrix"].values
        noisy = exact["system_matrix"].copy(data=values + complex_gaussian(values.shape, self.noise, seed))
        level = xr.DataArray(self.noise, attrs={"units": exact["system_matrix"].attrs["units"]})
        return exact.assign(system_matrix=noisy, noise_std=level)

    def retrospective(self, method: str, factor: int) -> xr.Dataset:
        """Return the coarse matrix that a method needs, made of the values of the sample of 2 mm alone."""
        return downsample(self.reference, factor, METHODS[method].samplings[0], snr=None)


def strong_rows(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the frequencies whose rows are strong enough, and the noise that follows from them.

    Parameters
    ----------
    values
        Rows whose noise is equal, within the sensitive region, complex (angle, frequency, y, x).

    Returns
    -------
    places
        Indices of the frequencies that are kept, ascending.
    sigma
        Complex standard deviation of the noise, in the unit of the values.
    """
    strength = np.median(rms(values, axis=(-2, -1)).reshape(len(values), -1), axis=0)
    order = np.argsort(-strength)
    for count in range(len(order), 0, -1):  # fewer rows are stronger in the mean, and have more noise
        places = np.sort(order[:count])
        sigma = float(INTRINSIC_NOISE * rms(values[..., places, :, :]))
        if strength[order[count - 1]] >= LEAST_SNR * sigma:
            break
    return places, sigma


class InHouseRecovery(Recovery):
    """Recoveries by networks that were trained on the calibrations at the other gradients; no weights are bundled."""

    def __init__(self, options: StudyOptions, calibrations: Calibrations) -> None:
        super().__init__(options)
        self.data = TrainingData(lambda: calibrations.training, lambda: calibrations.validation)

    def weights(self, method: str, factor: int, noiseless: bool = False) -> Trained | None:
        """Return the weights of the budget's training, trained if the user chose that, or else the longest there."""
        key = (method, factor, noiseless)
        if key not in self._weights:
            known = self.of_budget(method, factor)
            self._weights[key] = known or self.trainings.longest(self.config(method, factor), self.data)
        return self._weights[key]

    def retrospective(
        self, calibrations: Calibrations, methods: Sequence[str], factor: int
    ) -> tuple[dict[str, xr.Dataset], list[Row]]:
        """Return the matrix as methods with weights recover it, and for every method whether it has weights."""
        recovered: dict[str, xr.Dataset] = {}
        status: list[Row] = []
        for method in progress(methods, unit="method"):
            missing = self.missing(method, factor)
            status.append({"method": method, "factor": factor, "status": "missing" if missing else "made"})
            if not missing:
                recovered[method] = self.recovered(calibrations.retrospective(method, factor), method, factor)
        return recovered, status


def in_house_recovery(
    options: StudyOptions, calibrations: Calibrations, cases: Sequence[tuple[str, int]]
) -> InHouseRecovery:
    """Return recoveries under the choices of a user; a short form trains the networks of `cases` for a few steps."""
    recovery = InHouseRecovery(options, calibrations)
    learned = [case for case in cases if METHODS[case[0]].learned]
    trained = or_trained(recovery, learned)
    return recovery if trained is recovery else InHouseRecovery(trained.options, calibrations)


def left_out(options: StudyOptions, study: str, rows: list[Row]) -> list[str]:
    """Return a line of text that names missing weights and the command that trains them."""
    missing = sorted({f"{row['method']} {row['factor']}x" for row in rows if row["status"] == "missing"})
    return [f"left out, without weights: {', '.join(missing)}; {options.command(study)} --train"] * bool(missing)
