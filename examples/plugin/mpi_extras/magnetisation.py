r"""A magnetisation model with a history: Debye relaxation with one time constant.

The moment follows :math:`\tau\, dm/dt + m = m_{eq}(t)`. In a periodic field every Fourier coefficient of the
equilibrium is divided by :math:`1 + i\omega\tau`.
"""

from dataclasses import dataclass

import numpy as np

import mpisim

__all__ = ["DebyeParticle"]


@dataclass(frozen=True)
class DebyeParticle(mpisim.Particle):
    """Particles of one core size whose moment lags behind the equilibrium.

    Parameters
    ----------
    relaxation_time
        Time constant in s.
    """

    relaxation_time: float = 1e-6

    def moments(self, field: np.ndarray, period: float) -> np.ndarray:
        """Mean moment in A m^2 at every time of a periodic `field` (time, ..., 3) in T; `period` in s."""
        lines = np.fft.rfft(super().moments(field, period), axis=0)
        omega = 2 * np.pi * np.arange(len(lines)) / period
        lag = 1 / (1 + 1j * omega * self.relaxation_time)
        return np.fft.irfft(lines * lag.reshape(-1, *[1] * (field.ndim - 1)), len(field), axis=0)
