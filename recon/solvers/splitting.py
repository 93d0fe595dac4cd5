r"""The iteration of `recon.admm`: its state, one step, and its residuals, for many images at once.

Images come first in every array, so that the two products with the matrix are matrix-matrix products. A step is

.. math:: q = F R w,\quad g = \frac{\rho (z_3 - u_3 - q)}{1 + \rho\lambda},\quad
          x = R^T (R w + F^T g),\quad B x = q + \lambda g ,

(see `recon.solvers.factor`), then the three proximal steps and the next :math:`w = z_1 - u_1 + D^T (z_2 - u_2)`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from recon.solvers.factor import Factorisation
from recon.solvers.kernels import admm_split
from recon.solvers.operators import ScreenedPoisson, gradient, gradient_adjoint
from recon.solvers.prox import project_ball

__all__ = ["DATA_WEIGHT", "RELAXATION", "Solver", "State"]

DATA_WEIGHT = 300.0
RELAXATION = 1.8


@dataclass
class State:
    """Iterates of the images at work, images first; (image[, axes], z, y, x) and (image, r)."""

    images: np.ndarray
    c: np.ndarray
    radius: np.ndarray
    x: np.ndarray
    z1: np.ndarray
    u1: np.ndarray
    z2: np.ndarray
    u2: np.ndarray
    bx: np.ndarray
    z3: np.ndarray
    u3: np.ndarray
    w: np.ndarray

    def put(self, other: State, chosen: np.ndarray) -> None:
        """Write the chosen images of another state at their numbers."""
        for f in fields(self):
            getattr(self, f.name)[other.images[chosen]] = getattr(other, f.name)[chosen]

    def take(self, chosen: np.ndarray) -> State:
        """Return a copy of some of the images' iterates."""
        return State(*(getattr(self, f.name)[chosen] for f in fields(self)))


@dataclass(frozen=True)
class Solver:
    """The constants of one call in its precision."""

    filtered: np.ndarray
    energies: np.ndarray
    gain: np.ndarray
    poisson: ScreenedPoisson
    l1: Any
    ltv: Any
    relax: Any
    non_negative: bool

    @classmethod
    def of(cls, factor: Factorisation, dtype: str, a1: float, atv: float, mu: float, non_negative: bool) -> Solver:
        """Return the constants for a factorised matrix and the weights of the problem."""
        number = np.dtype(dtype).type
        gain = DATA_WEIGHT / (1 + DATA_WEIGHT * factor.energies)
        return cls(
            factor.filtered.astype(dtype),
            factor.energies.astype(dtype),
            gain.astype(dtype),
            ScreenedPoisson.of(factor.shape, np.dtype(dtype)),
            number(a1 / mu),
            number(atv / mu),
            number(RELAXATION),
            non_negative,
        )

    def step(self, s: State) -> None:
        """One iteration."""
        smooth = self.poisson.forward(s.w)
        q = smooth @ self.filtered.T
        g = (s.z3 - s.u3 - q) * self.gain
        s.x = self.poisson.adjoint(smooth + g @ self.filtered).reshape(s.w.shape)
        s.bx = q + self.energies * g
        a = self.relax * s.bx + (1 - self.relax) * s.z3 + s.u3
        s.z3 = project_ball(a, s.c, s.radius)
        s.u3 = a - s.z3
        admm_split(s.x, s.z1, s.u1, s.z2, s.u2, s.w, self.l1, self.ltv, self.relax, self.non_negative)

    def right_hand_side(self, z1: np.ndarray, z2: np.ndarray) -> np.ndarray:
        """z1 + D^T z2 as images (image, voxel)."""
        ndim, shape = z2.shape[1], self.poisson.root.shape
        return (z1.reshape(-1, *shape) + gradient_adjoint(z2.reshape(-1, ndim, *shape), ndim)).reshape(len(z1), -1)

    def residuals(self, s: State, before: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Relative primal and dual residuals, and ||B z1 - c||, each of shape (images,)."""
        ndim, shape = s.z2.shape[1], self.poisson.root.shape
        dx = gradient(s.x.reshape(-1, *shape), ndim).reshape(s.z2.shape)
        root = np.sqrt(DATA_WEIGHT)
        split = norm(s.x - s.z1, dx - s.z2, root * (s.bx - s.z3))
        size = np.maximum(norm(s.x, dx, root * s.bx), norm(s.z1, s.z2, root * s.z3))
        d1, d2, d3 = s.z1 - before[0], s.z2 - before[1], s.z3 - before[2]
        data = self.poisson.adjoint(d3 @ self.filtered / self.poisson.root.reshape(-1) ** 2)
        move = norm(self.right_hand_side(d1, d2) + DATA_WEIGHT * data)
        pull = np.maximum(norm(s.u1), norm(self.right_hand_side(0 * s.u1, s.u2)))
        away = norm(self.poisson.inverse(s.z1) @ self.filtered.T - s.c)
        floor = self.l1 + self.ltv + np.finfo(s.x.dtype).tiny
        return split / np.maximum(size, 1), move / np.maximum(pull, floor), away


def norm(*parts: np.ndarray) -> np.ndarray:
    """Norm over all but the first axis of the parts together, float64."""
    return np.sqrt(sum(np.sum(p.reshape(len(p), -1) ** 2, axis=1, dtype=float) for p in parts))
