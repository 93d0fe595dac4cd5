"""A scanner part: a receive coil on one side, whose sensitivity falls with x."""

from dataclasses import dataclass

import numpy as np

import mpisim

__all__ = ["SurfaceCoilFFL"]


@dataclass(frozen=True)
class SurfaceCoilFFL(mpisim.OpenSidedFFL):
    """An open-sided field-free-line scanner whose coil lies on the side of negative x.

    Parameters
    ----------
    fall
        Fall of the sensitivity over `width`, a fraction.
    width
        Length along x in m.
    """

    fall: float = 0.3
    width: float = 0.032

    def receive_sensitivity(self, points: np.ndarray) -> np.ndarray:
        """Sensitivity of the ideal coil times 1 - fall x / width."""
        return super().receive_sensitivity(points) * (1 - self.fall * points[..., :1] / self.width)
