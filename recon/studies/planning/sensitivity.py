"""What the noise of a plan means for an object: the smallest mass of iron, and how long averages help against drift.

The noise in volts is that of one average at all angles. Where a ratio is stated for every sample whatever its size, the
noise has no volts, and neither figure is known.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import xarray as xr

from mpisim.errors import DataWarning
from mpisim.scanner.receive_chain import chain_of
from mpisim.scanner.stability import chain_averaging_limit
from mpisim.simulation.detection import detection_limit
from mpisim.simulation.setup import Setup
from recon.studies.planning.noise import Noise

__all__ = ["Sensitivity", "sensitivity_of"]


@dataclass(frozen=True)
class Sensitivity:
    """Smallest detected mass of iron in a voxel in kg, and the time in s after which averages no longer help.

    Parameters
    ----------
    iron
        Median over the voxels, for three standard deviations and one average of all angles.
    iron_worst
        That of the worst voxel.
    averaging
        Time for which an object is measured, the least of the rows; infinite where no drift is stated.
    """

    iron: float
    iron_worst: float
    averaging: float


def sensitivity_of(setup: Setup, fine: xr.Dataset, noise: Noise) -> Sensitivity | None:
    """Return the sensitivity of a scanner with its exact fine matrix; None where the noise has no volts."""
    volts = noise.volts(fine)
    if volts is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        iron = detection_limit(fine, noise_std=volts).values
    return Sensitivity(float(np.median(iron)), float(iron.max()), _averaging(setup, fine))


def _averaging(setup: Setup, fine: xr.Dataset) -> float:
    chain = chain_of(setup.scanner)
    if chain is None or not chain.is_noisy:
        return float("inf")
    sequence = setup.scanner.sequence
    drive = float(getattr(setup.scanner, "drive_frequency", sequence.base_frequency))
    limits = chain_averaging_limit(chain, np.atleast_1d(fine["frequency"].values), drive, len(sequence.angles))
    return float(np.min(limits))
