r"""The noise of a calibration in a plan: that of the receive chain in volts, or a stated ratio.

A sample of S x S voxels has S^2 times the signal of a voxel's, so that in units of the fine matrix the noise
:math:`\sigma` of a row becomes :math:`\sigma/(S^2\sqrt N)` after N averages: this is what a receive chain has. A ratio
in dB can be stated for

- a sample of E x E voxels: the noise in volts is then the same for all samples, and a sample of S x S voxels has
  :math:`40 \log_{10}(S/E)` dB more, but for the change of the RMS of block means;
- `None`, every sample: the RMS of the block means over the noise is the ratio at every factor. That is the protocol of
  TranSMS and of all studies here. A small sample must then have more tracer, or a longer record, than a large one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np
import xarray as xr

from mpisim.data.attributes import plain_attributes
from mpisim.data.blocks import block_mean
from mpisim.data.noise import PROTOCOL_SNR, complex_gaussian, rms, sigma_from_snr
from mpisim.data.views import as_images
from mpisim.errors import DataWarning, decibels, require, whole
from mpisim.preprocess.apply import apply
from mpisim.preprocess.receive import DivideTransfer
from mpisim.preprocess.step import Step
from mpisim.preprocess.subtraction import SubtractBackground
from mpisim.scanner.receive_chain import ReceiveChain, chain_of
from mpisim.simulation.recorded import record
from mpisim.simulation.setup import Setup

__all__ = ["ChainNoise", "Noise", "StatedNoise", "coarse_exact", "noise_levels", "noise_of", "relative_noise"]


class Noise(Protocol):
    """Adds the noise of a calibration to exact block means."""

    @property
    def drifts(self) -> bool:
        """Whether something drifts while averages are taken, so that they do not lower all of the noise."""

    def measured(self, exact: xr.Dataset, fine: xr.Dataset, factor: int, averages: int, seed: int) -> xr.Dataset:
        """Return exact rows of a sample of `factor` x `factor` voxels with their noise; `fine` is the fine matrix."""

    def reference(self, fine: xr.Dataset) -> xr.Dataset:
        """Return the fine matrix with which recovered rows are compared."""

    def volts(self, fine: xr.Dataset) -> np.ndarray | None:
        """Return the noise of one average in the unit of the fine matrix, one number or one a frequency, if known."""

    def described(self) -> str:
        """Return the noise in words."""


@dataclass(frozen=True)
class StatedNoise:
    """A ratio in dB of RMS over noise for one average: of samples with an edge of `edge` voxels, or None for each."""

    snr: float = PROTOCOL_SNR
    edge: int | None = None
    drifts: ClassVar[bool] = False

    def measured(self, exact: xr.Dataset, fine: xr.Dataset, factor: int, averages: int, seed: int) -> xr.Dataset:
        """Return exact rows with white noise of the ratio."""
        edge = factor if self.edge is None else self.edge
        sigma = self._sigma(fine, edge) / factor**2 / averages**0.5
        values = exact["system_matrix"]
        noisy = values.values + complex_gaussian(values.shape, sigma, np.random.default_rng([seed, 1]))
        units = {"units": values.attrs.get("units", "V")}
        return exact.assign(
            system_matrix=values.copy(data=noisy.astype(values.dtype)), noise_std=((), np.float64(sigma), units)
        )

    def reference(self, fine: xr.Dataset) -> xr.Dataset:
        """Return the fine matrix itself."""
        return fine

    def volts(self, fine: xr.Dataset) -> np.ndarray | None:
        """Return the noise of one average; None where every sample has the ratio, whatever its signal."""
        if self.edge is None:
            return None
        return np.array(self._sigma(fine, self.edge))

    def _sigma(self, fine: xr.Dataset, edge: int) -> float:
        """Return the noise of a row of one average, whose ratio is that of a sample with this edge."""
        return edge**2 * sigma_from_snr(block_mean(as_images(fine), edge), self.snr)

    def described(self) -> str:
        """Return the ratio and to which sample it belongs."""
        if self.edge is None:
            return f"{self.snr:g} dB for every sample, whatever its size (the protocol of the paper)"
        voxels = "one voxel" if self.edge == 1 else f"{self.edge} x {self.edge} voxels"
        return f"{self.snr:g} dB for a sample of {voxels}; the same noise in volts for the others"


@dataclass(frozen=True)
class ChainNoise:
    """The noise of a receive chain: coil, amplifier, digitiser, and what the background leaves of the feedthrough."""

    chain: ReceiveChain

    @property
    def drifts(self) -> bool:
        """Whether the chain has a feedthrough."""
        return self.chain.feedthrough is not None

    def measured(self, exact: xr.Dataset, fine: xr.Dataset, factor: int, averages: int, seed: int) -> xr.Dataset:
        """Return rows as they are recorded, without the background and divided by the transfer function."""
        recording = replace(self.chain.recording, averages=averages)
        state = plain_attributes({"scanner": _with_recording(exact.attrs["scanner"], recording.averages)})
        recorded = record(exact.assign_attrs(state), seed, float(factor**2))
        steps: list[Step] = [SubtractBackground()] if "background" in recorded else []
        return apply([*steps, DivideTransfer()], recorded)

    def reference(self, fine: xr.Dataset) -> xr.Dataset:
        """Return the fine matrix divided by the transfer function."""
        return apply([DivideTransfer()], fine)

    def volts(self, fine: xr.Dataset) -> np.ndarray | None:
        """Return the noise of one average at the digitiser."""
        once = replace(self.chain, recording=replace(self.chain.recording, averages=1))
        return once.noise_std(np.atleast_1d(fine["frequency"].values).astype(float))

    def described(self) -> str:
        """Return where the noise comes from."""
        return "that of the scanner's receive chain, in volts the same for every sample"


def _with_recording(scanner: dict, averages: int) -> dict:
    """Return the description of a scanner whose chain takes this number of averages."""
    receive = scanner["receive"]
    return {**scanner, "receive": {**receive, "recording": {**receive["recording"], "averages": averages}}}


def coarse_exact(setup: Setup, fine: xr.Dataset, factor: int) -> xr.Dataset:
    """Return exact rows of large samples, each misplaced by the jitter of the setup; those of `fine` at the factor 1.

    `fine` is the matrix of `setup.exact()`.
    """
    if factor > 1:
        return setup.simulate_coarse(factor, snr=None, fine=fine)
    return setup.simulate() if setup.sample.jitter else fine


def noise_of(setup: Setup, snr: float | None, edge: int | None) -> tuple[Noise, list[str]]:
    """Return the noise of a plan, a stated one before that of the receive chain, and a note where it is the paper's.

    Raises `InputError` where an edge is given without a ratio, or does not divide the grid.
    """
    if edge is not None:
        edge = whole("snr_of", edge)
        require(snr is not None, "snr", "given together with snr_of", "none")
        good = not any(n % edge for n in setup.grid.shape[:2])
        require(good, "snr_of", f"a divisor of the grid's sides {setup.grid.shape[:2]}", edge)
    if snr is not None:
        return StatedNoise(decibels("snr", snr), edge), []
    chain = chain_of(setup.scanner)
    if chain is not None and chain.is_noisy:
        return ChainNoise(chain), []
    return StatedNoise(), [f"no noise is stated: {PROTOCOL_SNR:g} dB of the paper are presumed"]


def noise_levels(
    noise: Noise, setup: Setup, fine: xr.Dataset, wanted: Iterable[tuple[int, int, int]], seed: int
) -> dict[tuple[int, int, int], float]:
    """Return the relative noise of calibrations by factor, averages, and step of the angles.

    It falls with the square root of the averages, unless a feedthrough drifts while they are taken.
    """
    found: dict[tuple[int, int, int], float] = {}
    kinds: dict[tuple[int, int], list[int]] = {}
    for factor, averages, step in wanted:
        kinds.setdefault((factor, step), []).append(averages)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        for (factor, step), of_kind in kinds.items():
            whole_fine = fine.isel(angle=slice(None, None, step))
            exact = coarse_exact(setup.exact(), fine, factor).isel(angle=slice(None, None, step))
            reference = noise.reference(exact)
            tried = of_kind if noise.drifts else [1]
            known = {n: relative_noise(noise.measured(exact, whole_fine, factor, n, seed), reference) for n in tried}
            found |= {(factor, n, step): known[n] if n in known else known[1] / n**0.5 for n in of_kind}
    return found


def relative_noise(measured: xr.Dataset, exact: xr.Dataset) -> float:
    """Return the RMS of the errors of a measured matrix over the RMS of its exact values, whatever noise it states."""
    values = exact["system_matrix"].values
    return float(rms(measured["system_matrix"].values - values) / rms(values))
