r"""A calibration with a large sample, as a scanner would measure it, beside means over one with a small sample.

A sample of :math:`S \times S` voxels at c times the concentration of the small one has the signal :math:`S^2 c` times
that of a voxel, in the mean. The noise of a row is that of the receive chain whatever the sample, :math:`\sigma`. A
coarse file holds the signal over :math:`S^2 c`, so that in units of the fine matrix

===============================  ====================  =============================================
calibration                      noise of a value      signal to noise against that of one voxel
===============================  ====================  =============================================
small sample, one voxel          :math:`\sigma`        1
small samples, mean of a block   :math:`\sigma/S`      :math:`S` (retrospective; S^2 times the positions)
large sample                     :math:`\sigma/S^2 c`  :math:`S^2 c` (prospective)
===============================  ====================  =============================================

At equal concentration a sample of 2 x 2 voxels is therefore 12 dB better than a voxel's, and 6 dB better than block
means, which is the figure of TranSMS. Errors of position differ, too: those of a block's voxels are independent, and
their mean is smaller by S; a large sample is misplaced as a whole.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr

from mpisim.data.attributes import plain_attributes
from mpisim.data.downsampling import downsample
from mpisim.data.noise import complex_gaussian, rms
from mpisim.errors import non_negative, require, seed_number, warn, whole, within
from mpisim.scanner.receive_chain import chain_of
from mpisim.simulation.recorded import check_recording, record
from mpisim.simulation.setup import Setup

__all__ = ["calibrate"]

_CONCENTRATIONS = (1e-6, 1e6)


def calibrate(
    setup: Setup,
    factor: int,
    seed: int = 0,
    concentration: float = 1.0,
    jitter: float | None = None,
    noise_std: float | None = None,
    retrospective: bool = False,
) -> xr.Dataset:
    """Simulate a coarse calibration with the noise and the errors of position that its sample has.

    Parameters
    ----------
    setup
        Scanner, particle, fine grid, and the small sample, a box that fills a voxel.
    factor
        Edge S of the large sample in voxels; it divides both sides of the grid.
    seed
        Seed of the noise. Errors of position have that of the sample.
    concentration
        Concentration of the large sample over that of the small one, to whose signal the values are converted.
    jitter
        Standard deviation of each position in m; by default that of the sample.
    noise_std
        Complex noise standard deviation of a measured row in V, whatever the sample; by default that of the scanner's
        receive chain, with its feedthrough and digitiser.
    retrospective
        Measure every voxel with the small sample instead, and take means over blocks.

    Returns
    -------
    xarray.Dataset
        A coarse system matrix with its `noise_std`, in V of the small sample at full concentration. The attribute
        `calibration` says how it was measured.

    Raises
    ------
    InputError
        If the scanner has no receive chain and `noise_std` is not given, the factor does not divide the grid, the
        sample is not a box that fills a voxel, or a number is out of range.
    """
    require(isinstance(setup, Setup), "setup", "a mpisim.Setup", repr(setup))
    factor, seed = whole("factor", factor), seed_number(seed)
    concentration = within("concentration", concentration, *_CONCENTRATIONS, "times that of the small sample")
    known = noise_std is not None or chain_of(setup.scanner) is not None
    require(known, "noise_std", "given, since the scanner has no receive chain", "none")
    divides = not any(n % factor for n in setup.grid.shape[:2])
    require(divides, "factor", f"a divisor of the grid's sides {setup.grid.shape[:2]}", factor)
    must = "1 with small samples, whose concentration is that of the sample"
    require(not retrospective or concentration == 1, "concentration", must, concentration)
    if jitter is not None:
        setup = replace(setup, sample=replace(setup.sample, jitter=jitter))
    signal = 1.0 if retrospective else factor**2 * concentration
    if noise_std is None:
        check_recording(setup, signal)
    else:
        noise_std = non_negative("noise_std", noise_std)
    exact = setup.simulate() if retrospective else setup.simulate_coarse(factor, snr=None)
    measured = record(exact, seed, signal) if noise_std is None else _with_noise(exact, noise_std / signal, seed)
    coarse = _means(measured, factor) if retrospective else measured
    kind = "retrospective" if retrospective else "prospective"
    state = {"kind": kind, "concentration": concentration, "seed": seed, "jitter": setup.sample.jitter}
    return coarse.assign_attrs(plain_attributes({"calibration": state}))


def _with_noise(exact: xr.Dataset, sigma: float, seed: int) -> xr.Dataset:
    """Return an exact matrix with complex noise of one standard deviation."""
    variable = exact["system_matrix"]
    size = rms(variable.values)
    if sigma > size:
        warn(
            f"The noise of the values, {sigma:.3g} V, is above their RMS of {size:.3g} V: see whether noise_std, which "
            "is in V and that of a row whatever the sample, is meant so."
        )
    values = variable.values + complex_gaussian(variable.shape, sigma, seed)
    units = {"units": variable.attrs.get("units", "V")}
    return exact.assign(
        system_matrix=variable.copy(data=values.astype(variable.dtype)), noise_std=((), np.float64(sigma), units)
    )


def _means(fine: xr.Dataset, factor: int) -> xr.Dataset:
    """Return the block means of a noisy fine matrix, each of whose positions erred by itself, as it should here."""
    sample = fine.attrs.get("sample", {})
    still = {key: value for key, value in sample.items() if key not in ("jitter", "seed")}
    coarse = downsample(fine.assign_attrs(sample=still), factor, "box", None)
    return coarse.assign_attrs(sample=sample)
