"""What a model of the tracer's magnetisation is to the engines."""

from __future__ import annotations

from typing import Protocol

import numpy as np

__all__ = ["Magnetisation"]


class Magnetisation(Protocol):
    """A model whose magnetisation follows the field at once: the mean moment of a particle as a function of the field.

    `Particle` is the Langevin equilibrium. A model should be a frozen dataclass, so that files can hold its parameters;
    its `diameter` (m), if it has one, becomes a coordinate of the system matrix.
    """

    def moment_vector(self, field: np.ndarray) -> np.ndarray:
        """Mean moment of one particle in A m^2 at `field` (..., 3) in T; shape (..., 3)."""
