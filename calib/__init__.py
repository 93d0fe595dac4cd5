"""Calibration: coarse sampling of system matrices, and recovery of fine ones.

Importing this package loads nothing else: its names are imported when they are first asked for, PyTorch where a name
needs it.
"""

from typing import TYPE_CHECKING

from mpisim.lazy import handed_on

if TYPE_CHECKING:
    from calib.comparison import Comparison, compare
    from calib.evaluation import Evaluation, evaluate
    from calib.files import recover_file
    from calib.learned.released import load_original_checkpoint
    from calib.methods.physical.fit_file import write_fitted_scanner
    from calib.methods.physical.fitted_scanner import fitted_scanner
    from calib.methods.record import Method, Recovered
    from calib.patches import recover_by_patches
    from calib.recovery import METHODS, check_method, recover
    from mpisim.data.downsampling import downsample
    from mpisim.data.metrics import nrmse

__all__ = [
    "METHODS",
    "Comparison",
    "Evaluation",
    "Method",
    "Recovered",
    "check_method",
    "compare",
    "downsample",
    "evaluate",
    "fitted_scanner",
    "load_original_checkpoint",
    "nrmse",
    "recover",
    "recover_by_patches",
    "recover_file",
    "write_fitted_scanner",
]

__getattr__, __dir__ = handed_on(
    __name__,
    {
        "calib.comparison": ["Comparison", "compare"],
        "calib.evaluation": ["Evaluation", "evaluate"],
        "calib.files": ["recover_file"],
        "calib.learned.released": ["load_original_checkpoint"],
        "calib.patches": ["recover_by_patches"],
        "calib.methods.physical.fit_file": ["write_fitted_scanner"],
        "calib.methods.physical.fitted_scanner": ["fitted_scanner"],
        "calib.methods.record": ["Method", "Recovered"],
        "calib.recovery": ["METHODS", "check_method", "recover"],
        "mpisim.data.metrics": ["nrmse"],
        "mpisim.data.downsampling": ["downsample"],
    },
)
