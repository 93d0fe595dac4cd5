r"""The loop over the Fokker-Planck equation in fields of any direction: implicit steps for spherical harmonics.

The coefficients :math:`c_{lm}` of :math:`m \ge 0`, in units of :math:`c_{00}`, obey
:math:`2\tau\,\dot c = (Z(\xi_z) + X(\xi_x, \xi_y))\,c` (`mpisim.particles.expansion`). :math:`Z` couples degrees of one
order m: it has five diagonals for each. :math:`X` couples m with :math:`m \pm 1`, for m = 0 through the complex
conjugates. The mean direction is :math:`\langle u_z\rangle = c_{10}/\sqrt3` and
:math:`\langle u_x\rangle - i\langle u_y\rangle = -\sqrt{2/3}\,c_{11}`.

Steps in time are those of `mpisim.kernels.fokker_planck`. The system of a stage,
:math:`(1 - \frac h{8\tau}(Z + X))\,Y = r`, has a block for every order, coupled to the next ones. With :math:`L_m` and
:math:`U_m` its parts from the orders :math:`m - 1` and :math:`m + 1`, elimination from the highest order down gives

.. math:: Y_m = S_m^{-1}(r_m' - L_m Y_{m-1}), \quad S_m = B_m - U_m S_{m+1}^{-1} L_{m+1}, \quad
          r_m' = r_m - U_m S_{m+1}^{-1} r_{m+1}',

and for m = 0, where the order -1 is the conjugate of 1, twice the real part of what is subtracted. A block is inverted
in place, from its highest degree down; real and imaginary parts stand in arrays of their own, so that the compiler
vectorises the loop over a row. The work grows with the fourth power of the degree.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from mpisim.kernels.fokker_planck import GAMMA, STAGES

__all__ = ["advance_vector", "couplings"]

Array = np.ndarray


def couplings(degree: int, alpha: float, precession: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return the first place and the coefficients of every order for `advance_vector`.

    `alpha` is K V / (k_B T), `precession` the reciprocal of the damping, 0 for Brown's rotation.

    Returns
    -------
    first
        Place of (m, m) in the state, shape (degree + 2,); degrees follow each other.
    along
        Coefficients of Z in the row of (l, m), complex, shape (8, place): of (l, m), of (l, m) times xi_z, of l - 1, of
        l - 1 times xi_z, of l + 1, of l + 1 times xi_z, of l - 2, of l + 2.
    across
        Coefficients of X in the row of (l, m), real, shape (6, place): with :math:`p_- = (\xi_x - i\xi_y)/2` of
        (l - 1, m - 1), (l + 1, m - 1), (l, m - 1), and with its conjugate of (l - 1, m + 1), (l + 1, m + 1),
        (l, m + 1); those of the same degree times -i.
    """
    first = np.concatenate([[0], np.cumsum(degree + 1 - np.arange(degree + 1))])
    n = np.concatenate([np.arange(m, degree + 1.0) for m in range(degree + 1)])
    m = np.repeat(np.arange(degree + 1.0), np.diff(first))

    def ladder(k: np.ndarray) -> np.ndarray:
        return np.sqrt(np.maximum(k * k - m * m, 0) / np.abs(4 * k * k - 1)) * (k > 0)

    a0, a1, a2, a3 = (ladder(n + shift) for shift in (-1, 0, 1, 2))
    turn = -2j * alpha * precession * m
    along = np.stack(
        [
            -n * (n + 1) + alpha * (3 * a1**2 + 3 * a2**2 - 1) + 0j,
            -1j * precession * m,
            turn * a1,
            (n + 1) * a1 + 0j,
            turn * a2,
            -n * a2 + 0j,
            2 * alpha * (n + 1) * a0 * a1 + 0j,
            -2 * alpha * n * a2 * a3 + 0j,
        ]
    )
    below, above = np.abs(4 * n * n - 1), (2 * n + 1) * (2 * n + 3)
    across = np.stack(
        [
            -(n + 1) * np.sqrt((n + m - 1) * (n + m) / below),
            -n * np.sqrt((n - m + 1) * (n - m + 2) / above),
            precession * np.sqrt((n + m) * (n - m + 1)),
            (n + 1) * np.sqrt((n - m - 1) * (n - m) / below),
            n * np.sqrt((n + m + 1) * (n + m + 2) / above),
            precession * np.sqrt((n - m) * (n + m + 1)),
        ]
    )
    across[:3, m == 0] = 0
    along[:, 0], across[:, 0] = 0, 0  # rounding, which would change the probability
    return first.astype(np.int64), along, across


@njit(error_model="numpy", fastmath={"contract", "nsz", "arcp", "reassoc"})
def _invert(a: Array, b: Array, n: int) -> None:
    """Invert the complex matrix a + i b (n, n) in place, from its last row up."""
    for k in range(n - 1, -1, -1):
        size = a[k, k] * a[k, k] + b[k, k] * b[k, k]
        re, im = a[k, k] / size, -b[k, k] / size
        a[k, k], b[k, k] = 1.0, 0.0
        for j in range(n):
            x, y = a[k, j], b[k, j]
            a[k, j], b[k, j] = x * re - y * im, x * im + y * re
        for i in range(n):
            if i != k:
                x, y = a[i, k], b[i, k]
                a[i, k], b[i, k] = 0.0, 0.0
                row_a, row_b, top_a, top_b = a[i, :n], b[i, :n], a[k, :n], b[k, :n]
                for j in range(n):
                    row_a[j] -= x * top_a[j] - y * top_b[j]
                    row_b[j] -= x * top_b[j] + y * top_a[j]


@njit(error_model="numpy")
def _fill_block(low: int, n: int, along: Array, xi: float, factor: float, a: Array, b: Array) -> None:
    """Fill a + i b (n, n) with the block of one order, 1 - factor Z."""
    a[:n, :n] = 0.0
    b[:n, :n] = 0.0
    for i in range(n):
        q = low + i
        z = 1.0 - factor * (along[0, q] + xi * along[1, q])
        a[i, i], b[i, i] = z.real, z.imag
        if i > 0:
            z = -factor * (along[2, q] + xi * along[3, q])
            a[i, i - 1], b[i, i - 1] = z.real, z.imag
        if i + 1 < n:
            z = -factor * (along[4, q] + xi * along[5, q])
            a[i, i + 1], b[i, i + 1] = z.real, z.imag
        if i > 1:
            a[i, i - 2] = -factor * along[6, q].real
        if i + 2 < n:
            a[i, i + 2] = -factor * along[7, q].real


@njit(error_model="numpy", fastmath={"contract", "nsz", "arcp", "reassoc"})
def _subtract_next(
    low: int, n: int, across: Array, up: complex, down: complex, inverse: Array, a: Array, b: Array, g: Array
) -> None:
    """Subtract U S^-1 L from the block a + i b (n, n) of an order whose next one has the inverse (2, n - 1, n - 1).

    `up` and `down` are the factors of U and L; degree i of the block is degree i - 1 of the next one. `g` (2, degree,
    degree) is work space.
    """
    top, less = low + n, n - 1
    below, above, same = across[0, top : top + less], across[1, top : top + less], across[2, top : top + less]
    for r in range(less):  # a row of S^-1 L
        x, y, re, im = inverse[0, r, :less], inverse[1, r, :less], g[0, r, :n], g[1, r, :n]
        for s in range(less):
            re[s], im[s] = x[s] * below[s], y[s] * below[s]
        re[less], im[less] = 0.0, 0.0
        for s in range(less):
            re[s + 1] += y[s] * same[s]
            im[s + 1] -= x[s] * same[s]
        for s in range(less - 1):
            re[s + 2] += x[s] * above[s]
            im[s + 2] += y[s] * above[s]
        for s in range(n):
            re[s], im[s] = re[s] * down.real - im[s] * down.imag, re[s] * down.imag + im[s] * down.real
    whole, part = (1.0, 1.0) if low > 0 else (2.0, 0.0)
    for i in range(n):
        q = low + i
        row_a, row_b = a[i, :n], b[i, :n]
        for r, z in ((i - 2, across[3, q] * up), (i - 1, -1j * across[5, q] * up), (i, across[4, q] * up)):
            if 0 <= r < less:
                re, im = g[0, r, :n], g[1, r, :n]
                u, v = whole * z.real, whole * z.imag
                for j in range(n):
                    row_a[j] -= u * re[j] - v * im[j]
                    row_b[j] -= part * (u * im[j] + v * re[j])


@njit(error_model="numpy")
def _times(inverse: Array, n: int, right: Array, out: Array) -> None:
    """Fill `out` (n,) with the product of an inverse (2, n, n) and `right` (n,)."""
    for i in range(n):
        total = 0j
        for j in range(n):
            total += complex(inverse[0, i, j], inverse[1, i, j]) * right[j]
        out[i] = total


@njit(error_model="numpy")
def _solve(
    first: Array, along: Array, across: Array, xi: Array, factor: float, right: Array, out: Array, inverses: Array
) -> None:
    """Solve (1 - factor (Z + X)) out = right; `inverses` (order, 2, degree, degree) is work space."""
    orders = first.size - 1
    up = -0.5 * factor * complex(xi[0], xi[1])
    down = up.conjugate()
    g, product = np.empty((2, orders, orders)), np.empty(orders, np.complex128)
    out[:] = right
    for m in range(orders - 1, -1, -1):
        low, n = first[m], orders - m
        a, b = inverses[m, 0], inverses[m, 1]
        _fill_block(low, n, along, xi[2], factor, a, b)
        if n > 1:
            _subtract_next(low, n, across, up, down, inverses[m + 1], a, b, g)
            _times(inverses[m + 1], n - 1, out[first[m + 1] : first[m + 1] + n - 1], product)
            for i in range(n):
                q = low + i
                total = 0j
                if 0 <= i - 2:
                    total += across[3, q] * product[i - 2]
                if 0 <= i - 1:
                    total += -1j * across[5, q] * product[i - 1]
                if i < n - 1:
                    total += across[4, q] * product[i]
                total *= up
                out[q] -= total if m > 0 else 2.0 * total.real
        _invert(a, b, n)
    for m in range(orders):
        low, n = first[m], orders - m
        if m > 0:
            before = first[m - 1]  # degree i of this order is degree i + 1 of the one before
            for i in range(n):
                q = low + i
                total = across[0, q] * out[before + i] - 1j * across[2, q] * out[before + i + 1]
                if i + 2 < n + 1:
                    total += across[1, q] * out[before + i + 2]
                out[q] -= down * total
        _times(inverses[m], n, out[low : low + n], product)
        out[low : low + n] = product[:n]


@njit(parallel=True, error_model="numpy", cache=True)
def advance_vector(
    xi: Array, rate: float, first: Array, along: Array, across: Array, start: Array, end: Array, direction: Array
) -> None:
    """Carry the coefficients of all points through one period.

    Parameters
    ----------
    xi
        m B / (k_B T) at the stages of all steps, z along the easy axis, shape (stage, step, point, 3).
    rate
        Length of a step over 2 tau.
    first, along, across
        What `couplings` returns.
    start, end
        Coefficients c_lm before and after the period, complex, shape (point, place).
    direction
        Mean direction at the beginning of every step, shape (step, point, 3).
    """
    stages, steps, points, _ = xi.shape
    size, orders = start.shape[1], first.size - 1
    factor = GAMMA * rate
    for n in prange(points):
        c, right, found = start[n].copy(), np.empty(size, np.complex128), np.empty(size, np.complex128)
        inverses = np.empty((orders, 2, orders, orders))
        k = np.empty((stages - 1, size), np.complex128)
        for j in range(steps):
            turned = -np.sqrt(2.0 / 3.0) * c[first[1]]
            direction[j, n, 0], direction[j, n, 1] = turned.real, -turned.imag
            direction[j, n, 2] = c[1].real / np.sqrt(3.0)
            for i in range(stages):
                right[:] = c
                for s in range(i):
                    for q in range(size):
                        right[q] += STAGES[i, s] * k[s, q]
                _solve(first, along, across, xi[i, j, n], factor, right, found, inverses)
                if i < stages - 1:
                    for q in range(size):
                        k[i, q] = (found[q] - right[q]) / GAMMA
            c[:] = found
        end[n] = c
