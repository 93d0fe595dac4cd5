r"""One step of `recon.admm` and its residuals, for many images at once.

A step is

.. math:: q = F R w,\quad g = \frac{\rho (z_3 - u_3 - q)}{1 + \rho\lambda},\quad
          x = R^T (R w + F^T g),\quad B x = q + \lambda g ,

(symbols of `recon.solvers.factor`), then the three proximal steps and the next :math:`w = z_1 - u_1 + D^T (z_2 - u_2)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.solvers.factor import Factorisation
from recon.solvers.kernels import admm_split
from recon.solvers.operators import ScreenedPoisson, gradient, gradient_adjoint
from recon.solvers.prox import project_ball
from recon.solvers.state import State

__all__ = ["DATA_WEIGHT", "RELAXATION", "Splitting", "norm"]

DATA_WEIGHT = 300.0
"""rho, the weight of the data's splitting against that of the image."""
RELAXATION = 1.8
"""alpha, the over-relaxation."""


@dataclass(frozen=True)
class Splitting:
    """The constants of one call in its precision.

    Parameters
    ----------
    rotated_matrix, eigenvalues, poisson
        F, lambda and R of `recon.solvers.factor`.
    gain
        rho / (1 + rho lambda), shape (r,).
    l1, ltv
        Thresholds a1 / mu and aTV / mu of the two shrinking steps; all numbers are scalars of the precision.
    relax
        alpha.
    non_negative
        Whether images are non-negative.
    """

    rotated_matrix: np.ndarray
    eigenvalues: np.ndarray
    gain: np.ndarray
    poisson: ScreenedPoisson
    l1: float
    ltv: float
    relax: float
    non_negative: bool

    @classmethod
    def of(cls, factor: Factorisation, dtype: str, a1: float, atv: float, mu: float, non_negative: bool) -> Splitting:
        """Return the constants for a factorised matrix and the weights of the problem."""
        number = np.dtype(dtype).type
        gain = DATA_WEIGHT / (1 + DATA_WEIGHT * factor.eigenvalues)
        return cls(
            factor.rotated_matrix.astype(dtype),
            factor.eigenvalues.astype(dtype),
            gain.astype(dtype),
            ScreenedPoisson.of(factor.shape, np.dtype(dtype)),
            number(a1 / mu),
            number(atv / mu),
            number(RELAXATION),
            non_negative,
        )

    def step(self, s: State) -> None:
        """Do one iteration; the state changes in place."""
        smooth = self.poisson.forward(s.w)
        q = smooth @ self.rotated_matrix.T
        g = (s.z3 - s.u3 - q) * self.gain
        s.x = self.poisson.adjoint(smooth + g @ self.rotated_matrix).reshape(s.w.shape)
        s.bx = q + self.eigenvalues * g
        a = self.relax * s.bx + (1 - self.relax) * s.z3 + s.u3
        s.z3 = project_ball(a, s.c, s.radius)
        s.u3 = a - s.z3
        admm_split(s.x, s.z1, s.u1, s.z2, s.u2, s.w, self.l1, self.ltv, self.relax, self.non_negative)

    def right_hand_side(self, z1: np.ndarray, z2: np.ndarray) -> np.ndarray:
        """Return z1 + D^T z2 as images (image, voxel)."""
        ndim, shape = z2.shape[1], self.poisson.root.shape
        return (z1.reshape(-1, *shape) + gradient_adjoint(z2.reshape(-1, ndim, *shape), ndim)).reshape(len(z1), -1)

    def residuals(self, s: State, before: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the relative primal and dual residuals and ||B z1 - c||, each of shape (images,).

        `before` holds z1, z2 and z3 of the step before; `recon.admm` states the norms.
        """
        ndim, shape = s.z2.shape[1], self.poisson.root.shape
        dx = gradient(s.x.reshape(-1, *shape), ndim).reshape(s.z2.shape)
        root = np.sqrt(DATA_WEIGHT)
        split = norm(s.x - s.z1, dx - s.z2, root * (s.bx - s.z3))
        size = np.maximum(norm(s.x, dx, root * s.bx), norm(s.z1, s.z2, root * s.z3))
        d1, d2, d3 = s.z1 - before[0], s.z2 - before[1], s.z3 - before[2]
        data = self.poisson.adjoint(d3 @ self.rotated_matrix / self.poisson.root.reshape(-1) ** 2)
        move = norm(self.right_hand_side(d1, d2) + DATA_WEIGHT * data)
        pull = np.maximum(norm(s.u1), norm(self.right_hand_side(0 * s.u1, s.u2)))
        away = norm(self.poisson.inverse(s.z1) @ self.rotated_matrix.T - s.c)
        floor = self.l1 + self.ltv + np.finfo(s.x.dtype).tiny
        return split / np.maximum(size, 1), move / np.maximum(pull, floor), away


def norm(*parts: np.ndarray) -> np.ndarray:
    """Return the norm over all axes but the first, of several parts together, shape (images,), float64."""
    return np.sqrt(sum(np.sum(p.reshape(len(p), -1) ** 2, axis=1, dtype=float) for p in parts))
