"""Magnetisation models with a history, for the tests of checks and engines."""

from dataclasses import dataclass

import numpy as np

from mpisim import Particle


@dataclass(frozen=True)
class Debye(Particle):
    """Relaxation with one time constant `tau` in s, by an exact exponential step until the moment is periodic."""

    tau: float = 2e-6
    turns: int = 6

    def moments(self, field, period):
        equilibrium = super().moments(field, period)
        decay = np.exp(-period / len(field) / self.tau)
        state, out = np.zeros(field.shape[1:]), np.empty_like(equilibrium)
        for _ in range(self.turns):
            for i, target in enumerate(equilibrium):
                state = out[i] = target + (state - target) * decay
        return out
