r"""Compressed sensing: fine rows from random voxels, by sparsity in the Fourier domain.

.. math:: \min_z\ \lVert F z\rVert_1 \quad\text{s.t.}\quad \lVert P z - b\rVert_2 \le \epsilon

(the competitor of TranSMS, DOI 10.1109/TMI.2022.3189693; the idea is Knopp and Weber's,
DOI 10.1109/TMI.2013.2258029). :math:`z` is a row on the field of view **extended by four voxels at every side**,
because the discrete Fourier transform is periodic and a row is not. The voxels outside are free unknowns, and only the
field of view itself is returned. :math:`F` is unitary, :math:`P` picks the m sampled voxels
(:math:`P P^T = I`), :math:`b` holds their values, and :math:`\epsilon = \sqrt m\,\sigma` with the complex noise
deviation :math:`\sigma` of the file's values, for a small sample :math:`S^2` times that of block means;
:math:`\epsilon = 0` makes sampled voxels exact.

ADMM with both steps in closed form. With the splitting :math:`c = F z`, the scaled multiplier :math:`u` and
:math:`v = c + u`, one iteration over-relaxed by :math:`\alpha = 1.8` is

.. math::
    c &= v\,\max(0,\ 1 - 1/(\mu |v|)),\qquad w = F^H (2 c - v) \\
    z &= w + P^T\left(\min(1,\ \epsilon/\lVert P w - b\rVert) - 1\right)(P w - b),\qquad v \mathrel{+}= \alpha (F z - c)

(Douglas-Rachford splitting; Eckstein and Bertsekas, DOI 10.1007/BF01581204). Every row is first divided by the RMS of
its samples, so that :math:`\mu = 1` suits any unit, and iterates until its primal residual
:math:`\lVert F z - c\rVert` is below the tolerance times :math:`\max(\lVert c\rVert, \lVert b\rVert)` and its dual
residual :math:`\lVert c - c_{\text{before}}\rVert` below the tolerance times :math:`\lVert u\rVert`. The answer z lies
in the noise ball whenever it stops. A row with :math:`\lVert b\rVert \le \epsilon` is zero.

**Certificate.** :math:`\lambda = \mu P F^H u`, divided by :math:`\max(1, \lVert F P^T\lambda\rVert_\infty)`, is
admissible in the dual problem :math:`\max \mathrm{Re}\langle\lambda, b\rangle - \epsilon\lVert\lambda\rVert` s.t.
:math:`\lVert F P^T \lambda\rVert_\infty \le 1`, so the two objectives enclose the least one however early it stops.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy.fft import fft2, ifft2

from mpisim.errors import finite, non_negative, positive, require, whole
from mpisim.progress import progress

__all__ = ["ITERATIONS", "MARGIN", "TOLERANCE", "SparseRows", "sparse_rows"]

MARGIN = 4
TOLERANCE = 1e-4
ITERATIONS = 5000
_RELAXATION = 1.8
_CHECK_EVERY = 10
_VALUES_AT_ONCE = 1 << 16  # complex numbers in an array of a batch: few enough for the cache
_TINY = 1e-30


@dataclass(frozen=True)
class SparseRows:
    """What `sparse_rows` found, one entry for every row.

    Parameters
    ----------
    rows
        Rows on the field of view, complex (B, H, W), in the unit of the samples.
    multipliers
        Lagrange multipliers lambda of the samples, complex (B, m), without unit, in the order of the mask.
    iterations
        Iterations done; 0 for a row that is zero.
    converged
        Whether both residuals are below the tolerance (see the module).
    objective
        ||F z||_1 on the extended field of view, in the unit of the samples.
    gap
        Certified bound on 1 - least objective / objective; 1 where nothing is certified.
    """

    rows: np.ndarray
    multipliers: np.ndarray
    iterations: np.ndarray
    converged: np.ndarray
    objective: np.ndarray
    gap: np.ndarray


def sparse_rows(
    values: np.ndarray,
    sampled: np.ndarray,
    radius: float | np.ndarray = 0.0,
    *,
    margin: int = MARGIN,
    mu: float = 1.0,
    tolerance: float = TOLERANCE,
    iterations: int = ITERATIONS,
) -> SparseRows:
    """Recover rows of least Fourier l1 norm from some of their voxels.

    Parameters
    ----------
    values
        Rows, complex (B, H, W), of which only the sampled voxels are read; any unit.
    sampled
        Which voxels were sampled, (H, W), true or false.
    radius
        Radius eps of the noise ball in the unit of the values, a number or one for each row; 0 for exact data.
    margin
        Voxels by which the field of view is extended at every side.
    mu
        Penalty of ADMM for rows of unit RMS; it changes the number of iterations only.
    tolerance
        Relative tolerance of the residuals; below 1e-5 the iteration is in double precision.
    iterations
        Most iterations of a row.

    Raises
    ------
    InputError
        If shapes do not fit, nothing was sampled, or a number is NaN or out of range.
    """
    data, ball = _checked(values, sampled, radius)
    design = _Extended.of(sampled.astype(bool), whole("margin", margin, 0))
    solver = _Solver(design, positive("mu", mu), non_negative("tolerance", tolerance), whole("iterations", iterations))
    n, dtype = len(data), np.result_type(values.dtype, np.complex64)
    zeros = np.zeros(values.shape, dtype), np.zeros(data.shape, dtype)  # rows that are their own answer
    found = SparseRows(*zeros, np.zeros(n, int), np.ones(n, bool), np.zeros(n), np.zeros(n))
    (work,) = np.nonzero(np.linalg.norm(data, axis=1) > ball)
    size = max(1, _VALUES_AT_ONCE // (design.shape[0] * design.shape[1]))
    for start in progress(range(0, len(work), size), unit="batch", desc="cs"):
        k = work[start : start + size]
        solver.solve(data[k], ball[k], k, found)
    return found


def _checked(values: np.ndarray, sampled: np.ndarray, radius: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the samples (B, m) and the radii (B,)."""
    require(values.ndim == 3, "values", "rows of shape (B, H, W)", f"the shape {values.shape}")
    require(sampled.shape == values.shape[1:], "sampled", f"of the shape {values.shape[1:]}", sampled.shape)
    require(bool(np.any(sampled)), "sampled", "true for some voxel", "a mask without any")
    data = np.asarray(finite("values", values[:, sampled.astype(bool)]), dtype=complex)
    ball = np.asarray(finite("radius", radius), dtype=float)
    require(ball.shape in ((), (len(data),)), "radius", f"one number or one for each of {len(data)} rows", ball.shape)
    require(bool(np.all(ball >= 0)), "radius", "zero or more", float(ball.min()))
    return data, np.broadcast_to(ball, len(data))


@dataclass(frozen=True)
class _Extended:
    """The extended field of view: its shape, the flat places of the samples in it, and its margin."""

    shape: tuple[int, int]
    index: np.ndarray
    margin: int

    @classmethod
    def of(cls, sampled: np.ndarray, margin: int) -> _Extended:
        wide = np.pad(sampled, margin)
        return cls((wide.shape[0], wide.shape[1]), np.flatnonzero(wide), margin)

    def samples(self, z: np.ndarray) -> np.ndarray:
        """P z, (k, m)."""
        return z.reshape(len(z), -1)[:, self.index]

    def spread(self, samples: np.ndarray) -> np.ndarray:
        """P^T, (k, Y, X)."""
        z = np.zeros((len(samples), self.shape[0] * self.shape[1]), samples.dtype)
        z[:, self.index] = samples
        return z.reshape(-1, *self.shape)

    def project(self, z: np.ndarray, data: np.ndarray, radius: np.ndarray) -> np.ndarray:
        """Move rows into their noise balls, in place."""
        away = self.samples(z) - data
        away *= np.minimum(1, radius / np.maximum(_norm(away), _TINY))[:, None]
        z.reshape(len(z), -1)[:, self.index] = data + away
        return z

    def inside(self, z: np.ndarray) -> np.ndarray:
        """Rows on the original field of view."""
        m = self.margin
        return z[:, m : self.shape[0] - m, m : self.shape[1] - m]


@dataclass
class _State:
    """Rows at work: their numbers, samples, radii and units, the iterate v, and the spectrum c of an iteration ago."""

    numbers: np.ndarray
    data: np.ndarray
    radius: np.ndarray
    scale: np.ndarray
    v: np.ndarray
    before: np.ndarray

    def take(self, which: np.ndarray) -> _State:
        """Some of the rows."""
        return _State(*(getattr(self, f.name)[which] for f in fields(self)))


@dataclass(frozen=True)
class _Solver:
    design: _Extended
    mu: float
    tolerance: float
    iterations: int

    def solve(self, data: np.ndarray, radius: np.ndarray, numbers: np.ndarray, found: SparseRows) -> None:
        """Solve for a batch and enter every row in `found` when it is done."""
        state = self.start(data, radius, numbers)
        for iteration in range(1, self.iterations + 1):
            c, z, gap = self.split(state)
            if iteration % _CHECK_EVERY == 0 or iteration == self.iterations:
                primal, dual = self.residuals(state, c, gap)
                done = (primal < self.tolerance) & (dual < self.tolerance)
                leaving = done | (iteration == self.iterations)
                if leaving.any():
                    self.enter(found, state.take(leaving), c[leaving], z[leaving])
                    k = state.numbers[leaving]
                    found.iterations[k], found.converged[k] = iteration, done[leaving]
                    if leaving.all():
                        return
                    state, c, gap = state.take(~leaving), c[~leaving], gap[~leaving]
            gap *= _RELAXATION
            state.v += gap
            state.before = c

    def start(self, data: np.ndarray, radius: np.ndarray, numbers: np.ndarray) -> _State:
        dtype = np.dtype(np.complex64 if self.tolerance >= 1e-5 else np.complex128)
        scale = _norm(data) / np.sqrt(data.shape[1])
        v = np.zeros((len(data), *self.design.shape), dtype)
        unit = (data / scale[:, None]).astype(dtype), (radius / scale).astype(v.real.dtype)
        return _State(numbers, *unit, scale, v, v)

    def split(self, state: _State) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One iteration up to the update of v: the spectrum c, the row z, and F z - c."""
        c = _shrink(state.v, 1 / self.mu)
        w = 2 * c
        w -= state.v
        z = self.design.project(ifft2(w, norm="ortho", overwrite_x=True), state.data, state.radius)
        gap = fft2(z, norm="ortho")
        gap -= c
        return c, z, gap

    def residuals(self, state: _State, c: np.ndarray, gap: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        primal = _norm(gap) / np.maximum(_norm(c), _norm(state.data))
        return primal, _norm(c - state.before) / np.maximum(_norm(state.v - c), _TINY)

    def enter(self, found: SparseRows, state: _State, c: np.ndarray, z: np.ndarray) -> None:
        """Write rows, multipliers and certificate of rows that are done."""
        multipliers = self.mu * self.design.samples(ifft2(state.v - c, norm="ortho"))
        peak = np.abs(fft2(self.design.spread(multipliers), norm="ortho")).max(axis=(1, 2))
        lower = np.sum((multipliers.conj() * state.data).real, axis=1) - state.radius * _norm(multipliers)
        objective = np.abs(fft2(z, norm="ortho")).sum(axis=(1, 2), dtype=float)
        k = state.numbers
        found.objective[k] = objective * state.scale
        found.gap[k] = np.clip(1 - lower / np.maximum(peak, 1) / objective, 0, 1)
        found.multipliers[k] = multipliers
        found.rows[k] = self.design.inside(z) * state.scale[:, None, None]


def _norm(values: np.ndarray) -> np.ndarray:
    """Return the Euclidean norm of every row of (k, ...), shape (k,)."""
    return np.linalg.norm(values.reshape(len(values), -1), axis=1)


def _shrink(v: np.ndarray, threshold: float) -> np.ndarray:
    """Complex soft threshold: shortens every number by `threshold`, to zero at most."""
    length = np.maximum(np.abs(v), threshold)
    np.divide(threshold, length, out=length)
    np.subtract(1, length, out=length)
    return v * length
