"""Calibration: coarse sampling of system matrices, and recovery of fine ones.

Importing this package does not load torch; what needs it (`train`, the learned methods) loads it when called.
"""

from calib.recover import METHODS, recover
from calib.sampling import downsample
from mpisim.metrics import nrmse

__all__ = ["METHODS", "downsample", "nrmse", "recover"]
