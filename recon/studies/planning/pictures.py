"""What a planned calibration means for an image: tubes, by ADMM from the recovered matrix and from the fine one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import xarray as xr

from mpisim.errors import DataWarning
from recon.measurement import measure
from recon.metrics import psnr
from recon.phantoms import tubes
from recon.reconstruction import reconstruct
from recon.studies.planning.trials import Trial, measured_matrix, recovered_matrix

__all__ = ["IMAGE_SNR", "SOLVER", "ImageQuality", "image_quality"]

IMAGE_SNR = 30.0
"""RMS of the measured signal of the phantom over its noise in dB."""
SOLVER = "admm"
"""Method of reconstruction, with its default options."""


@dataclass(frozen=True)
class ImageQuality:
    """pSNR in dB of an image: against that from the fine matrix, and of both images against the phantom."""

    psnr: float
    psnr_phantom: float
    psnr_phantom_reference: float


def image_quality(trial: Trial, fine: xr.Dataset) -> ImageQuality:
    """Measure tubes with the scanner of a trial, and reconstruct them with its recovered matrix and with the fine one.

    Raises `InputError` if the phantom does not lie in the field of view.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        reference = trial.noise.reference(fine)
        y = measure(reference, tubes(), IMAGE_SNR, trial.seed)
        recovered = recovered_matrix(trial, measured_matrix(trial, fine)[0], fine)
        images = [reconstruct(matrix, y, SOLVER, eps="auto") for matrix in (recovered, reference)]
    found, wanted = (image["image"].values for image in images)
    truth = y["phantom"].values
    return ImageQuality(psnr(found, wanted), psnr(found, truth), psnr(wanted, truth))
