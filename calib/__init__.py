"""Calibration: coarse sampling of system matrices, and recovery of fine ones.

Importing this package does not load torch; what needs it (`train`, the learned methods) loads it when called.
"""

from typing import TYPE_CHECKING, Any

from calib.blockwise import recover_file
from calib.patches import recover_by_patches
from calib.recover import METHODS, recover
from calib.sampling import downsample
from mpisim.metrics import nrmse

if TYPE_CHECKING:
    from calib.original import load_original_checkpoint

__all__ = [
    "METHODS",
    "downsample",
    "load_original_checkpoint",
    "nrmse",
    "recover",
    "recover_by_patches",
    "recover_file",
]


def __getattr__(name: str) -> Any:
    """Load what needs torch when it is first asked for."""
    if name == "load_original_checkpoint":
        from calib.original import load_original_checkpoint

        return load_original_checkpoint
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
