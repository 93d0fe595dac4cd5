"""Reconstruction of images from system matrices: phantoms, measurements, solvers and metrics.

Importing this package loads nothing else: a name is imported when it is first asked for.
"""

from typing import TYPE_CHECKING

from mpisim.lazy import handed_on

if TYPE_CHECKING:
    from recon import phantoms
    from recon.compare import image_figures
    from recon.measurement import measure
    from recon.methods import METHODS
    from recon.metrics import nrmse, psnr, ssim
    from recon.phantoms import Phantom
    from recon.reconstruction import reconstruct
    from recon.solvers.admm import AdmmResult, AdmmStatus, admm
    from recon.solvers.factor import Factorisation, factorise
    from recon.solvers.kaczmarz import kaczmarz
    from recon.solvers.solver import Problem, Solution, Solver, check_solver
    from recon.solvers.tikhonov import tikhonov

__all__ = [
    "METHODS",
    "AdmmResult",
    "AdmmStatus",
    "Factorisation",
    "Phantom",
    "Problem",
    "Solution",
    "Solver",
    "admm",
    "check_solver",
    "factorise",
    "image_figures",
    "kaczmarz",
    "measure",
    "nrmse",
    "phantoms",
    "psnr",
    "reconstruct",
    "ssim",
    "tikhonov",
]

__getattr__, __dir__ = handed_on(
    __name__,
    {
        "recon": ["phantoms"],
        "recon.compare": ["image_figures"],
        "recon.measurement": ["measure"],
        "recon.methods": ["METHODS"],
        "recon.metrics": ["nrmse", "psnr", "ssim"],
        "recon.phantoms": ["Phantom"],
        "recon.reconstruction": ["reconstruct"],
        "recon.solvers.admm": ["AdmmResult", "AdmmStatus", "admm"],
        "recon.solvers.factor": ["Factorisation", "factorise"],
        "recon.solvers.kaczmarz": ["kaczmarz"],
        "recon.solvers.solver": ["Problem", "Solution", "Solver", "check_solver"],
        "recon.solvers.tikhonov": ["tikhonov"],
    },
)
