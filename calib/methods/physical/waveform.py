r"""How the scanner changes while a frame is recorded, and what a line of a band therefore holds of its harmonic.

While a frame of the length T lasts, the amplitude of the drive is :math:`s(t)` times its largest one, and the line has
turned by :math:`\delta(t)`. With the flux :math:`F_n(s)` of the harmonic n at that amplitude, a line that is
:math:`\nu` cycles off the harmonic, in a frame, holds

.. math:: \Phi = \frac1T \int_0^T \Bigl(F_n(s(t)) + \delta(t)\,F_n' + \tfrac12\,\delta(t)^2 F_n''\Bigr)
          e^{-2\pi i \nu t / T}\,dt ,

with the derivatives by the angle at the full amplitude. The drive rises with a time constant and drifts, and the line
turns at a constant speed,

.. math:: s \propto (1 - e^{-t/\tau})\,(1 + d\,t/T), \qquad \delta = \Omega\,(t/T - \tfrac12).

:math:`F_n` is a smooth function of s, even or odd as n is, and zero at s = 0. It is therefore interpolated from M
amplitudes, the positive Chebyshev-Lobatto nodes of the degree 2M, and :math:`\Phi` is a weighted sum of the flux at
these and of the two derivatives. How many nodes are needed follows from the steepness: the nearest singularity of the
Langevin function is :math:`i \pi / \beta` away (Trefethen, *Approximation Theory and Approximation Practice*, SIAM
2013, chapter 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

__all__ = ["STEADY", "Waveform", "amplitudes", "nodes_needed"]

_ACCURACY = 1e-4  # of the interpolation
_FEWEST, _MOST = 8, 24  # nodes
_TIMES = 600


@dataclass(frozen=True)
class Waveform:
    """What changes in a frame, in units of its length.

    Parameters
    ----------
    rise
        Time constant of the drive; 0 for one that is on already.
    drift
        Relative change d of the amplitude in a frame, above -1.
    turn
        Angle in rad by which the line turns in a frame.
    """

    rise: float = 0.0
    drift: float = 0.0
    turn: float = 0.0

    def weights(self, cycles: float, harmonic: int, nodes: int) -> np.ndarray:
        """Return the weights of the flux at the amplitudes, and of both its derivatives by the angle, in a line.

        Parameters
        ----------
        cycles
            How far the line is off the harmonic, in cycles in a frame.
        harmonic
            Number of the harmonic.
        nodes
            Number of amplitudes.

        Returns
        -------
        numpy.ndarray
            Complex, shape (nodes + 2,).
        """
        times, weights = _times()
        wave = weights * np.exp(-2j * np.pi * cycles * times)
        drift = (1 + self.drift * times) / max(1.0, 1 + self.drift)
        size = drift * (-np.expm1(-times / self.rise) if self.rise > 0 else 1.0)
        turned = self.turn * (times - 0.5)
        of_flux = wave @ _interpolation(size, nodes, harmonic % 2 == 1)
        found = np.array([*of_flux, wave @ turned, wave @ turned**2 / 2])
        if not self.changes:
            found[:] = 0
            found[0] = np.sinc(cycles) * np.exp(-1j * np.pi * cycles) if cycles != np.round(cycles) else cycles == 0
        return found

    @property
    def changes(self) -> bool:
        """Whether anything changes in a frame."""
        return bool(self.rise or self.drift or self.turn)


STEADY = Waveform()
"""Nothing changes: lines whole cycles off a harmonic hold nothing of it."""


def amplitudes(nodes: int) -> np.ndarray:
    """Return the amplitudes of the drive at which the flux is needed, over the largest one, which is the first."""
    return np.asarray(np.cos(np.pi * np.arange(nodes) / (2 * nodes)))


def nodes_needed(steepness: float) -> int:
    """Return how many amplitudes the interpolation of the flux needs, for a steepness beta A."""
    needed = np.log(1 / _ACCURACY) / (2 * np.log1p(np.pi / max(steepness, 1e-6)))
    return int(np.clip(np.ceil(needed), _FEWEST, _MOST))


@lru_cache(maxsize=1)
def _times() -> tuple[np.ndarray, np.ndarray]:
    """Times in a frame, dense at its beginning, and their weights in an integral."""
    x, w = np.polynomial.legendre.leggauss(_TIMES)
    root = 0.5 * (1 + x)
    return root**2, root * w


@lru_cache(maxsize=8)
def _to_coefficients(nodes: int) -> np.ndarray:
    """Matrix from values at all Chebyshev-Lobatto nodes, from 1 to -1, to Chebyshev coefficients."""
    every = np.cos(np.pi * np.arange(2 * nodes + 1) / (2 * nodes))
    return np.asarray(np.linalg.inv(np.polynomial.chebyshev.chebvander(every, 2 * nodes)))


def _interpolation(size: np.ndarray, nodes: int, odd: bool) -> np.ndarray:
    """Return the matrix from values at the nodes to those at amplitudes, (amplitude, node)."""
    every = np.polynomial.chebyshev.chebvander(size, 2 * nodes) @ _to_coefficients(nodes)
    mirrored = every[:, :nodes:-1]
    return np.asarray(every[:, :nodes] - mirrored if odd else every[:, :nodes] + mirrored)
