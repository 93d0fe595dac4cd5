r"""The published recipe of an imperfect scanner: gradient, drive and sensitivity that change with the radius squared.

.. math:: G\,(1 + g\,(r/R)^2), \qquad A\,(1 + a\,(r/R)^2), \qquad p\,(1 + s\,(r/R)^2), \qquad r^2 = x^2 + y^2 .

The selection field is multiplied as a whole. Its curl and divergence are then not zero: the recipe is not a solution of
Maxwell's equations (`mpisim.SolidHarmonics` are). It is here because published results rest on it.

Source: L. He et al., "Sequential Scan-Based Single-Dimension Multi-Voxel System Matrix Calibration for Open-Sided
Magnetic Particle Imaging", IEEE Transactions on Medical Imaging, 2024, and its public simulation (repository
JieHeNO1/SS_SDMVC), with g up to .3, a and s down to -.3 at R = 15 mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpisim.errors import require, within
from mpisim.scanner.parts import DEFAULT_RADIUS, checked_radius

__all__ = ["QuadraticRecipe"]


@dataclass(frozen=True)
class QuadraticRecipe:
    """Relative changes of gradient, drive and sensitivity at the reference radius; not Maxwellian.

    Parameters
    ----------
    gradient, drive, sensitivity
        Relative changes at the distance `radius` from the axis, from -0.99 to 2; .1 is 10 per cent more.
    radius
        Reference radius R in m.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    gradient: float = 0.0
    drive: float = 0.0
    sensitivity: float = 0.0
    radius: float = DEFAULT_RADIUS

    def __post_init__(self) -> None:
        for name in ("gradient", "drive", "sensitivity"):
            value = within(f"{name} of the quadratic recipe", getattr(self, name), -0.99, 2.0, "(.1 is 10 per cent)")
            object.__setattr__(self, name, value)
        object.__setattr__(self, "radius", checked_radius("quadratic recipe", self.radius))

    def factor(self, change: float, points: np.ndarray) -> np.ndarray:
        """Return 1 + change (r/R)^2 at `points` (..., 3) in m; shape (..., 1), to multiply vectors."""
        return 1 + change * ((points[..., :1] ** 2 + points[..., 1:2] ** 2) / self.radius**2)

    def check_region(self, points: np.ndarray) -> None:
        """Raise `InputError` where a field or the sensitivity would change its sign at `points` (..., 3) in m."""
        for name in ("gradient", "drive", "sensitivity"):
            change = getattr(self, name)
            least = float(self.factor(change, points).min())
            must = "such that the factor 1 + change (r/R)^2 is positive in the field of view"
            require(least > 0, f"{name} of the quadratic recipe", must, f"{change:g}, which makes it {least:.2g}")
