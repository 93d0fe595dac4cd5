"""Reconstruction of images from system matrices: phantoms, measurements, solvers and metrics.

Importing this package loads nothing else: a name is imported when it is first asked for.
"""

from typing import TYPE_CHECKING

from mpisim.lazy import handed_on

if TYPE_CHECKING:
    from recon import phantoms
    from recon.compare import image_figures
    from recon.frames import stream
    from recon.measurement import measure
    from recon.methods import METHODS
    from recon.metrics import nrmse, psnr, ssim
    from recon.phantoms import Phantom
    from recon.point_spread import resolution
    from recon.reconstruction import reconstruct
    from recon.selection.background import Background
    from recon.selection.regularisation import regularisation
    from recon.solvers.admm import AdmmResult, AdmmStatus, admm
    from recon.solvers.cg import CgResult, cg
    from recon.solvers.factor import Factorisation, factorise
    from recon.solvers.fista import FistaResult, fista
    from recon.solvers.kaczmarz import kaczmarz
    from recon.solvers.matrix import SlabMatrix
    from recon.solvers.solver import Problem, Solution, Solver, check_solver
    from recon.solvers.tikhonov import tikhonov
    from recon.solving import solve
    from recon.studies.planning.planner import Plan, plan

__all__ = [
    "METHODS",
    "AdmmResult",
    "AdmmStatus",
    "Background",
    "CgResult",
    "Factorisation",
    "FistaResult",
    "Phantom",
    "Plan",
    "Problem",
    "SlabMatrix",
    "Solution",
    "Solver",
    "admm",
    "cg",
    "check_solver",
    "factorise",
    "fista",
    "image_figures",
    "kaczmarz",
    "measure",
    "nrmse",
    "phantoms",
    "plan",
    "psnr",
    "reconstruct",
    "regularisation",
    "resolution",
    "solve",
    "ssim",
    "stream",
    "tikhonov",
]

__getattr__, __dir__ = handed_on(
    __name__,
    {
        "recon": ["phantoms"],
        "recon.compare": ["image_figures"],
        "recon.frames": ["stream"],
        "recon.measurement": ["measure"],
        "recon.methods": ["METHODS"],
        "recon.metrics": ["nrmse", "psnr", "ssim"],
        "recon.phantoms": ["Phantom"],
        "recon.point_spread": ["resolution"],
        "recon.reconstruction": ["reconstruct"],
        "recon.selection.background": ["Background"],
        "recon.selection.regularisation": ["regularisation"],
        "recon.solvers.admm": ["AdmmResult", "AdmmStatus", "admm"],
        "recon.solvers.cg": ["CgResult", "cg"],
        "recon.solvers.factor": ["Factorisation", "factorise"],
        "recon.solvers.fista": ["FistaResult", "fista"],
        "recon.solvers.kaczmarz": ["kaczmarz"],
        "recon.solvers.matrix": ["SlabMatrix"],
        "recon.solvers.solver": ["Problem", "Solution", "Solver", "check_solver"],
        "recon.solvers.tikhonov": ["tikhonov"],
        "recon.solving": ["solve"],
        "recon.studies.planning.planner": ["Plan", "plan"],
    },
)
