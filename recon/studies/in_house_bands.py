r"""The in-house scanner with the rows that the paper records: bands of lines around the harmonics, in coloured noise.

Each angle is recorded for 10 ms. Lines within 250 Hz of the harmonics 2 to 11 are kept, five for each. The duty cycle
of the drive is 10 %, so that it is switched on for every angle, and its amplitude rises with the time constant
`RISE_TIME`, which the paper does not state: lines beside the harmonics then carry signal (`mpisim.Bands`). The
amplifier has the gain 5 and a band-pass from 10 to 300 kHz. The density of its noise is read from a file whose shape is
an assumption (`NOISE_FILE`), and is the same in all calibrations.

With the noise :math:`\sigma_k = s\,|H(f_k)|\,e(f_k)/\sqrt{2\,\tau}` of the line k (`mpisim.ReceiveChain`), rows are
divided by it. Lines of a signal-to-noise ratio of at least 5 are kept (median over the angles), and the factor s is
such that the noise, which is 1 then, is 4.36 % of what remains within the sensitive region.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr

from calib.studies.harness.study import StudyOptions
from mpisim.data.noise import complex_gaussian, sigma_from_snr
from mpisim.io.spectrum_file import read_noise_spectrum
from mpisim.preprocess.apply import apply
from mpisim.preprocess.rows import RowNumbers
from mpisim.preprocess.selection import SelectFrequencies
from mpisim.preprocess.step import Step
from mpisim.preprocess.weights import Whiten
from mpisim.scanner.bands import Bands
from mpisim.scanner.receive_chain import ReceiveChain
from mpisim.scanner.receive_noise import NoiseSpectrum, ReceiveNoise
from mpisim.scanner.recording import Recording
from mpisim.scanner.transfer import BandPass
from mpisim.simulation.prospective import calibrate
from mpisim.simulation.recorded import record
from mpisim.simulation.setup import Setup
from recon.measurement import measure
from recon.phantoms import Phantom
from recon.studies.in_house import CROP, TEST_GRADIENT, Calibrations, in_house_setup, strong_rows

__all__ = ["NOISE_FILE", "RISE_TIME", "BandCalibrations", "calibrations_of"]

NOISE_FILE = Path(__file__).with_name("in_house_noise.csv")
"""Density of the noise in V/sqrt(Hz) by frequency in Hz, up to a factor."""
RISE_TIME = 1e-3
"""Time constant in s with which the drive rises at every angle: that of a resonant circuit of the quality 73."""
_TIME, _WIDTH = 10e-3, 500.0
_NODES = 32


class BandCalibrations(Calibrations):
    """Calibrations of the in-house scanner with whitened rows of bands; their unit is that of the noise."""

    def setup(self, gradient: float, errors_seed: int) -> Setup:
        """Return the scanner of a calibration with all lines of its bands."""
        return self._setup(gradient, errors_seed, self._kept_lines[1])

    def _setup(self, gradient: float, errors_seed: int, factor: float) -> Setup:
        """Return the scanner of a calibration, with the noise of the file times a factor."""
        plain, shape = in_house_setup(gradient, self.angles, errors_seed=errors_seed), read_noise_spectrum(NOISE_FILE)
        spectrum = NoiseSpectrum(shape.frequencies, tuple(factor * d for d in shape.densities))
        chain = ReceiveChain(5.0, 0.0, (BandPass(10e3, 300e3),), ReceiveNoise(spectrum=spectrum))
        chain = replace(chain, recording=Recording(_TIME, duty_cycle=0.1))
        bands = Bands(_WIDTH, _TIME, rise_time=RISE_TIME, nodes=_NODES)
        return replace(plain, scanner=replace(plain.scanner, bands=bands, receive=chain))  # type: ignore[type-var]

    @cached_property
    def _raw(self) -> xr.Dataset:
        """The matrix at 0.5 T/m without noise, of all lines, in V; its scanner has the noise of the file."""
        return self._setup(TEST_GRADIENT, 1, 1.0).simulate()

    @cached_property
    def _kept_lines(self) -> tuple[tuple[float, ...], float]:
        """Lines that are kept in Hz, and the factor on the noise of the file."""
        values = self._raw.isel(CROP)["system_matrix"].values
        chain = self._setup(TEST_GRADIENT, 1, 1.0).scanner.receive  # type: ignore[attr-defined]
        noise = chain.noise_std(self._raw["frequency"].values)
        places, factor = strong_rows(values / noise[:, None, None])
        return tuple(self._raw["frequency"].values[places].tolist()), factor

    @property
    def lines(self) -> tuple[float, ...]:
        """Frequencies in Hz of the lines that are kept."""
        return self._kept_lines[0]

    @property
    def harmonics(self) -> tuple[int, ...]:
        """Harmonics of which at least a line is kept."""
        drive = in_house_setup(TEST_GRADIENT, self.angles).scanner.sequence.base_frequency
        return tuple(sorted({round(line / drive) for line in self.lines}))

    @property
    def rows(self) -> str:
        """The rows in words."""
        return f"{len(self.lines)} lines in bands around harmonics {self.harmonics[0]} to {self.harmonics[-1]}"

    @property
    def noise(self) -> float:
        """Complex standard deviation of the noise of a sample of 2 mm, which is the unit."""
        return 1.0

    @cached_property
    def _steps(self) -> list[Step]:
        """The steps that select lines, and divide them by their noise."""
        select = SelectFrequencies(kept=self.lines)
        chain = self.setup(TEST_GRADIENT, 1).scanner.receive  # type: ignore[attr-defined]
        kept = select.applied(self._raw)
        return [select, Whiten(RowNumbers.of(kept, chain.noise_std(np.array(self.lines))))]

    @cached_property
    def exact(self) -> xr.Dataset:
        """The matrix at 0.5 T/m without noise, on 16 x 32 voxels."""
        return apply(self._steps, self._raw)

    @cached_property
    def reference(self) -> xr.Dataset:
        """The matrix at 0.5 T/m as the sample of 2 mm measures it."""
        return self.measured(TEST_GRADIENT, 1)

    def measured(self, gradient: float, seed: int) -> xr.Dataset:
        """Return a matrix at any gradient as the sample of 2 mm measures it; `seed` is that of errors and noise."""
        return apply(self._steps, record(self.setup(gradient, seed).simulate(), seed))

    def calibrated(self, factor: int, seed: int, jitter: float, small: bool) -> xr.Dataset:
        """Return the coarse matrix that small samples or a large one measure, with noise and errors of position."""
        setup = self.sampled(seed)
        return apply(self._steps, calibrate(setup, factor, seed, jitter=jitter, retrospective=small))

    def measurement(self, phantom: Phantom, snr: float) -> xr.Dataset:
        """Return the measurement of a phantom within the sensitive region, with noise of `snr` dB in whitened rows."""
        y = apply(self._steps, measure(self._raw.isel(CROP), phantom, noiseless=True))
        values = y["measurement"].values
        sigma = sigma_from_snr(values, snr)
        noisy = y["measurement"].copy(data=values + complex_gaussian(values.shape, sigma, 0))
        level = xr.DataArray(sigma, attrs={"units": "1"})
        return y.assign(measurement=noisy, noise_std=level).assign_attrs(snr=float(snr))


def calibrations_of(options: StudyOptions) -> Calibrations:
    """Return the calibrations of a study with the rows that the user chose, lines or bands."""
    return (BandCalibrations if options.rows == "bands" else Calibrations).of(options)
