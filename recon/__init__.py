"""Reconstruction of images from system matrices: phantoms, measurements, solvers and metrics.

Importing this package loads nothing else: its names are imported when they are first asked for.
"""

from typing import TYPE_CHECKING

from mpisim.lazy import handed_on

if TYPE_CHECKING:
    from recon import phantoms
    from recon.measurement import measure
    from recon.metrics import nrmse, psnr, ssim
    from recon.phantoms import Phantom
    from recon.reconstruction import METHODS, reconstruct
    from recon.solvers.admm import AdmmResult, AdmmStatus, admm
    from recon.solvers.factor import Factorisation, factorise
    from recon.solvers.kaczmarz import kaczmarz
    from recon.solvers.tikhonov import tikhonov

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

__getattr__ = handed_on(
    __name__,
    {
        "recon": ["phantoms"],
        "recon.measurement": ["measure"],
        "recon.metrics": ["nrmse", "psnr", "ssim"],
        "recon.phantoms": ["Phantom"],
        "recon.reconstruction": ["METHODS", "reconstruct"],
        "recon.solvers.admm": ["AdmmResult", "AdmmStatus", "admm"],
        "recon.solvers.factor": ["Factorisation", "factorise"],
        "recon.solvers.kaczmarz": ["kaczmarz"],
        "recon.solvers.tikhonov": ["tikhonov"],
    },
)
