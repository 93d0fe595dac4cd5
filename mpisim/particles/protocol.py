r"""What a model of the tracer's magnetisation is to the engines.

The engines ask for the moment over one period of the drive, so that a model may have a history: with relaxation the
moment at one time depends on the field before it, and after many periods it is as periodic as the field. A model whose
moment follows the field at once is a subclass of `Instantaneous`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np

__all__ = ["Instantaneous", "Magnetisation"]


class Magnetisation(Protocol):
    """A model of the magnetisation; `mpisim.Particle`, the Langevin equilibrium, is one.

    A model should be a frozen dataclass whose class is entered under `mpisim.particles` (`mpisim.PARTICLES`), so that
    files can hold its parameters and build it again. Its `diameter` (m), if it has one, becomes a coordinate of the
    system matrix; its `beta` (1/T), if it has one, is the steepness at zero field, from which `mpisim.simulate` warns
    of too few samples.
    """

    def moments(self, field: np.ndarray, period: float) -> np.ndarray:
        """Mean moment of one particle over a period of the drive, once it is periodic.

        Parameters
        ----------
        field
            Field in T at the times j `period` / N, shape (time, ..., 3) with N times. Each point of the other axes
            stands alone.
        period
            Period of the field in s.

        Returns
        -------
        numpy.ndarray
            Moment in A m^2, of the shape of `field`.
        """


class Instantaneous(ABC):
    """A model whose moment follows the field at once: a subclass gives `moment_vector`."""

    @abstractmethod
    def moment_vector(self, field: np.ndarray) -> np.ndarray:
        """Mean moment of one particle in A m^2 at `field` (..., 3) in T; shape (..., 3)."""

    def moments(self, field: np.ndarray, period: float) -> np.ndarray:
        """Mean moment in A m^2 at every time of `field` (time, ..., 3) in T, whatever the period in s."""
        return self.moment_vector(field)
