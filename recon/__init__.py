"""Reconstruction of images from system matrices: phantoms, measurements, solvers and metrics.

`recon.measure` and `recon.reconstruct` are the functions of those names; they hide their modules, on purpose.
"""

from recon import phantoms
from recon.admm import AdmmResult, AdmmStatus, admm
from recon.factor import Factorisation, factorise
from recon.kaczmarz import kaczmarz, tikhonov
from recon.metrics import nrmse, psnr, ssim
from recon.phantoms import Phantom

from recon.measure import measure  # isort: skip
from recon.reconstruct import METHODS, reconstruct  # isort: skip

__all__ = [
    "METHODS",
    "AdmmResult",
    "AdmmStatus",
    "Factorisation",
    "Phantom",
    "admm",
    "factorise",
    "kaczmarz",
    "measure",
    "nrmse",
    "phantoms",
    "psnr",
    "reconstruct",
    "ssim",
    "tikhonov",
]
