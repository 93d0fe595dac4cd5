r"""What the receive chain of a scanner makes of exact rows: noise, feedthrough of the drive, and the digitiser.

The rows of a simulation, :math:`H(f_k)\,a_k`, are volts at the digitiser (`mpisim.scanner.receive_chain`). Here comes
the rest,

.. math:: a_k' = H_k\,a_k + H_k b_k\,c(t) + n_k, \qquad E|n_k|^2 = \sigma_k^2,

where :math:`c(t)` is the drift of the feedthrough :math:`b_k` at the time of a position (`mpisim.Feedthrough`). Voxels
are visited in their order, x fastest, and between them the background is recorded as often as `mpisim.Recording` says;
`mpisim.preprocess.subtraction.SubtractBackground` then removes the feedthrough and what of its drift is linear between
two runs.

A coarse matrix holds the signal of a large sample over the number of its voxels, :math:`s`, so that its rows and its
noise are those of the digitiser over s.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.attributes import plain_attributes
from mpisim.data.grid import Grid
from mpisim.data.noise import complex_gaussian
from mpisim.data.schema import POSITION, VOXEL_DIMS, validate
from mpisim.data.views import noise_known
from mpisim.errors import DataWarning, InputError, positive, require, seed_number, warn
from mpisim.preprocess.step import stated
from mpisim.scanner.protocol import Scanner
from mpisim.scanner.receive_chain import ReceiveChain, chain_of
from mpisim.scanner.recording import Digitiser
from mpisim.simulation.band_rows import bands_of
from mpisim.simulation.matrix import simulate
from mpisim.simulation.provenance import scanner_from_mapping
from mpisim.simulation.setup import Setup

__all__ = ["check_recording", "record"]

_INNER = ("frame", *VOXEL_DIMS, POSITION)
_NOISE, _WANDER = 0xA1, 0xA2  # name the random numbers, so that no other use of a seed shares them
_OF_KIND = {"system_matrix": (), "measurement": (1,)}  # as no matrix shares those of a measurement
_SIGMAS = 4.0
_DITHER = 1 / 3  # noise over a step from which on rounding is noise


def _drive_frequency(scanner: Scanner) -> float:
    """Return the frequency in Hz of whose multiples the feedthrough consists: the drive's, or else the base one."""
    return float(getattr(scanner, "drive_frequency", scanner.sequence.base_frequency))


def _chain_for_recording(scanner: object) -> ReceiveChain:
    """Return the receive chain of a scanner; raise `InputError` where it has none."""
    chain = chain_of(scanner)
    must = "one with a receive chain (the part receive, in a file the table [scanner.receive])"
    require(chain is not None, "scanner", must, "one without")
    assert chain is not None
    return chain


def check_recording(setup: Setup, signal: float = 1.0) -> None:
    """Raise `InputError` where a setup cannot be recorded, before its matrix is simulated.

    The scanner must have a receive chain, and the range of its digitiser be above the signal of a sample in the centre
    of the field of view, times `signal` for a large one.
    """
    chain = _chain_for_recording(setup.scanner)
    if chain.digitiser is not None:
        center = setup.sample.placed(np.array(setup.grid.center))
        dims = len(setup.grid.shape)
        one = Grid((1,) * dims, setup.grid.voxel[:dims], (float(center[0]), float(center[1]), float(center[2])))
        sample = replace(setup.sample, jitter=0.0, offset=(0.0, 0.0, 0.0), rotation=0.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # those of the complete matrix come once
            matrix = simulate(setup.scanner, setup.particle, one, sample)
            _check_range(chain, matrix["system_matrix"].variable, _drive_frequency(setup.scanner), signal)


def record(data: xr.Dataset, seed: int = 0, signal: float = 1.0) -> xr.Dataset:
    """Record exact rows with the receive chain of their scanner.

    Parameters
    ----------
    data
        A simulated system matrix, fine or coarse, or a measurement without noise (`recon.measure(noiseless=True)`),
        whose scanner has a receive chain.
    seed
        Seed of the noise and of the wandering feedthrough.
    signal
        Signal of the sample over the stored values: 1 for a fine matrix, the number of voxels that a large sample fills
        for a coarse one, times its concentration over that of the fine one.

    Returns
    -------
    xarray.Dataset
        The same with noise and feedthrough. `noise_std` (frequency,) is the complex standard deviation in the unit of
        the stored values. Where the chain records the background, there are its frames `background`
        (background_frame, angle, frequency) with `background_index`, and `acquisition_index` of the voxels. The
        attribute `recorded` holds the seed, and the time of the whole acquisition in s. A `DataWarning` says where
        the digitiser may cut off voltages, or a row does not hold whole periods.

    Raises
    ------
    InputError
        If the scanner has no receive chain, the values are not exact or were preprocessed, their frequencies are not
        stated, or the digitiser's range is below the signal.
    """
    seed, signal = seed_number(seed), positive("signal", signal)
    kind = str(validate(data, "data").attrs["kind"])
    require(kind in ("system_matrix", "measurement"), "data", "a system matrix or a measurement", kind)
    require(isinstance(data.attrs.get("scanner"), dict), "data", "simulated, with its scanner", "others")
    scanner = scanner_from_mapping(data.attrs["scanner"])
    chain = _chain_for_recording(scanner)
    exact = noise_known(data) and not ("noise_std" in data and bool(np.any(data["noise_std"].values)))
    require(exact, "data", "exact where noise is to be added", "data with noise")
    _require_as_received(data)
    require("frequency" in data[kind].dims, "data", "with the dimension frequency", "without it")
    drive = _drive_frequency(scanner)
    bands = bands_of(scanner)
    if bands is None:
        _warn_of_broken_periods(chain, scanner.sequence.base_frequency)
    _check_range(chain, data[kind].variable, drive, signal)
    frequencies = np.atleast_1d(data["frequency"].values).astype(float)
    feedthrough = chain.background(frequencies, drive)
    if bands is not None and chain.feedthrough is not None:
        coefficients = chain.feedthrough.coefficients
        feedthrough = chain.transfer(frequencies) * bands.feedthrough(frequencies, coefficients, drive)
    return _Recorder(data, chain, feedthrough, seed, signal).recorded()


class _Recorder:
    """Rows of a dataset while they are recorded; arrays are (row dimensions, inner), inner being voxels or frames."""

    def __init__(
        self, data: xr.Dataset, chain: ReceiveChain, feedthrough: np.ndarray, seed: int, signal: float
    ) -> None:
        self.data, self.chain, self.seed, self.signal = data, chain, seed, signal
        self.variable = data[str(data.attrs["kind"])].variable
        self.of_kind = _OF_KIND[str(data.attrs["kind"])]
        self.rows = [d for d in self.variable.dims if d not in _INNER]
        self.inner = [d for d in self.variable.dims if d in _INNER]
        frequencies = np.atleast_1d(data["frequency"].values).astype(float)
        self.sigma = chain.noise_std(frequencies)
        self.feedthrough = feedthrough
        self.along_frequency = [len(frequencies) if d == "frequency" else 1 for d in self.rows]
        angles = data.sizes.get("angle", 1)
        self.position_time = chain.recording.position_time(angles)

    def recorded(self) -> xr.Dataset:
        """Return the dataset with noise, feedthrough and background frames."""
        values = self.variable.transpose(*self.rows, *self.inner).values
        shape = values.shape[: len(self.rows)]
        values = values.reshape(*shape, -1).astype(complex)
        at, background_at = self.chain.recording.order(values.shape[-1])
        changes = self._changes(np.concatenate([at, background_at]))
        rng = np.random.default_rng([self.seed, _NOISE, *self.of_kind])
        values += (self._of_row(self.feedthrough) * changes[: at.size] + self._noise(values.shape, rng)) / self.signal
        units = {"units": self.variable.attrs.get("units", "1")}
        found = self.data.assign({str(self.data.attrs["kind"]): self._as_before(values)})
        found = found.assign(noise_std=("frequency", self.sigma / self.signal, units))
        if background_at.size:
            frames = self._of_row(self.feedthrough) * changes[at.size :]
            frames = np.moveaxis((frames + self._noise((*shape, background_at.size), rng)) / self.signal, -1, 0)
            found = found.assign(background=(("background_frame", *self.rows), frames, units))
            found = found.assign_coords(
                background_index=("background_frame", background_at.astype(float)),
                acquisition_index=(self.inner, at.astype(float).reshape([self.variable.sizes[d] for d in self.inner])),
            )
        state = {"seed": self.seed, "signal": self.signal, "time": self.position_time * (at.size + background_at.size)}
        return validate(found.assign_attrs(plain_attributes({"recorded": state})))

    def _changes(self, places: np.ndarray) -> np.ndarray:
        """Return the drift of the feedthrough at places of the acquisition in any order."""
        if self.chain.feedthrough is None:
            return np.ones(places.size, dtype=complex)
        order = np.argsort(places)
        found = np.empty(places.size, dtype=complex)
        seed = int(np.random.default_rng([self.seed, _WANDER, *self.of_kind]).integers(2**62))
        found[order] = self.chain.feedthrough.changes(places[order] * self.position_time, seed)
        return found

    def _of_row(self, numbers: np.ndarray) -> np.ndarray:
        """Return numbers (frequency,) for rows of one inner value."""
        return numbers.reshape(*self.along_frequency, 1)

    def _noise(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        if not np.any(self.sigma):
            return np.zeros(shape)
        return complex_gaussian(shape, 1.0, rng) * self._of_row(self.sigma)

    def _as_before(self, values: np.ndarray) -> xr.Variable:
        """Return values in the dimensions and, unless a feedthrough is far above the signal, the type of before."""
        sizes = [self.variable.sizes[d] for d in (*self.rows, *self.inner)]
        number = complex if np.any(self.feedthrough) else self.variable.dtype
        found = xr.Variable((*self.rows, *self.inner), values.reshape(sizes).astype(number), self.variable.attrs)
        return found.transpose(*self.variable.dims)


def _require_as_received(data: xr.Dataset) -> None:
    """Refuse rows that were preprocessed: the noise of the chain is that of rows as they are received."""
    state = stated(data)
    done = [str(s.get("step", s)) if isinstance(s, dict) else str(s) for s in state.get("steps", [])]
    if state.get("transfer_function") == "divided out" and "DivideTransfer" not in done:
        done.append("DivideTransfer")
    require(not done, "data", "as they are received, before any preprocessing", f"data after {', '.join(done)}")


def _warn_of_broken_periods(chain: ReceiveChain, base_frequency: float) -> None:
    periods = chain.recording.time * base_frequency
    if abs(periods - round(periods)) > 1e-6 * max(periods, 1) or round(periods) == 0:
        time = f"{1e3 * chain.recording.time:g} ms"
        warn(f"A recording of {time} holds {periods:.6g} periods; rows are those of whole ones.")


def _check_range(chain: ReceiveChain, variable: xr.Variable, drive: float, signal: float) -> None:
    """Refuse a digitiser whose range is below the recorded lines, and warn where feedthrough or noise may exceed it.

    What is not recorded, such as the signal at the drive frequency, is not known here.
    """
    digitiser: Digitiser | None = chain.digitiser
    if digitiser is None:
        return
    size: Any = np.abs(variable.transpose("frequency", ...).values).reshape(variable.sizes["frequency"], -1)
    largest = 2 * signal * float(size.max())
    must = f"above the amplitude of the strongest recorded line, {largest:.3g} V"
    require(largest < digitiser.range, "range of the digitiser", must, f"{digitiser.range:g} V")
    noise = _broadband_noise(chain, digitiser)
    peak = 2 * signal * float(size.max(axis=1).sum()) + chain.background_peak(drive) + _SIGMAS * (noise or 0.0)
    if peak > digitiser.range:
        warn(
            f"Signal, feedthrough and noise may reach {peak:.3g} V, beyond the range of the digitiser, "
            f"{digitiser.range:g} V; what is cut off is not simulated."
        )
    if noise is not None and noise < _DITHER * digitiser.step:
        warn(
            f"The noise before the digitiser, {noise:.2g} V, is small against its step of {digitiser.step:.2g} V: "
            "rounding then distorts the signal instead of adding noise, which is not simulated."
        )


def _broadband_noise(chain: ReceiveChain, digitiser: Digitiser) -> float | None:
    """Return the RMS of the noise that the digitiser receives, in V; None where a table does not cover its band."""
    spread = np.linspace(0, digitiser.sampling_rate / 2, 512, endpoint=False) + digitiser.sampling_rate / 2048
    try:
        density = replace(chain, digitiser=None).density(spread)
    except InputError:
        return None
    return float(np.sqrt(np.mean(density**2) * digitiser.sampling_rate / 2))
