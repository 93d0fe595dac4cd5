"""The compiled loops and their table against plain NumPy."""

import numpy as np
import pytest
from scipy.special import roots_hermitenorm

from calib.methods.physical.kernels import (
    FIRST,
    MARGIN,
    MIDDLE,
    PLANES,
    STEP,
    block_means,
    block_moments,
    squared_forms,
)
from calib.methods.physical.magnetisation import curve_table, summed_table
from calib.methods.physical.polynomials import exponents, flattened, monomials, turned_powers
from calib.methods.physical.quadrature import half_period
from mpisim.kernels.equilibrium import langevin

BETA, VARIANCE = 9.0, 0.15
HARMONICS = np.array([1, 2, 5])


def of_table(table, xi):
    """What a table holds: Q and its derivative by t, or the first alone."""
    z = np.hypot(FIRST, xi) / (np.hypot(FIRST, xi) + MIDDLE) - FIRST / (FIRST + MIDDLE)
    n = (z / STEP).astype(int)
    powers = (z - n * STEP)[:, None] ** np.arange(4)
    return [np.sum(table[n, i : i + 4] * powers, axis=1) for i in range(0, table.shape[1], 4)]


def ratio(t, xi):
    """Q by Gauss-Hermite quadrature with many nodes."""
    z, weights = roots_hermitenorm(200)
    return sum(w * langevin(xi * np.exp(np.sqrt(t) * x)) for w, x in zip(weights / weights.sum(), z, strict=True)) / xi


@pytest.mark.parametrize(("t", "accuracy"), [(0.0, 1e-11), (0.04, 1e-9), (0.3, 1e-7)])
def test_table_holds_the_curve_and_its_derivative(t, accuracy):
    xi = np.geomspace(1e-3, 1e3, 500)
    value, slope = of_table(curve_table(t), xi)
    assert np.abs(value - ratio(t, xi)).max() < accuracy
    step = 1e-3
    if t > 0:
        expected = (ratio(t + step, xi) - ratio(t - step, xi)) / (2 * step)
    else:  # M(xi) + t/2 d^2 M / d(ln xi)^2 + ...: from one side only
        expected = (4 * ratio(step, xi) - ratio(2 * step, xi) - 3 * ratio(0, xi)) / (2 * step)
    assert np.abs(slope - expected).max() < 1e-5


def test_table_of_a_sum_is_that_of_other_steepnesses():
    xi, scales, weights = np.geomspace(1e-3, 1e3, 200), (0.7, 1.0, 1.5), (1.0, -2.0, 3.0)
    (value,) = of_table(summed_table(0.1, scales, weights), xi)
    expected = sum(w * s * ratio(0.1, s * xi) for w, s in zip(weights, scales, strict=True))
    assert np.abs(value - expected).max() < 1e-7


def test_table_ends_at_saturation():
    value, slope = of_table(curve_table(0.1), np.array([1e6]))
    assert value == pytest.approx(1e-6, rel=1e-3)
    assert abs(slope[0]) < 1e-8


def random_fields(rng, angles=2, coils=2, values=2, points=3):
    b = rng.normal(size=(angles, values, points, 3))
    a = [0, 0, 1] + 0.1 * rng.normal(size=(values, points, 3))
    p = [0, 0, 1] + 0.1 * rng.normal(size=(coils, values, points, 3))
    return b, a, p, rng.random((values, points))


def flux_twin(b, a, p, beta=BETA, variance=VARIANCE):
    """F at every point, shape (angle, coil, value, point, harmonic), from the field at each time."""
    times = 400
    phase = ((np.arange(times) + 0.5) / times - 0.5) * np.pi
    field = b[..., None, :] + a[..., None, :] * np.sin(phase)[:, None]
    size = np.linalg.norm(field, axis=-1)
    curve = beta * ratio(variance, beta * size)
    moment = np.einsum("avqtx,cvqx->acvqt", field, p) * curve[:, None]
    k = HARMONICS[:, None]
    basis = np.where(k % 2 == 0, np.cos(k * phase), np.sin(k * phase)) / times
    return -HARMONICS * (moment @ basis.T)


def test_kernels_agree_with_numpy():
    rng = np.random.default_rng(0)
    b, a, p, weights = random_fields(rng)
    places = rng.normal(size=(2, 3, 2))
    terms = np.ascontiguousarray(monomials(places, 2).swapaxes(1, 2))
    counts = np.array([1, 3, 6, 1, 1, 3, 6, 1, 3, 1])
    sines, basis = half_period(HARMONICS, 2 * BETA, 1e-10)
    out, means, alone = np.empty((2, 2, 26, 2, 3)), np.empty((2, 2, 2, 3)), np.empty((2, 2, 2, 3))
    table = curve_table(VARIANCE)
    block_means(b, a, p, weights, sines, basis, HARMONICS, BETA, table, alone)
    block_moments(b, a, p, weights, terms, counts, sines, basis, HARMONICS, BETA, table, means, out)
    expected = np.einsum("acvqk,vq->acvk", flux_twin(b, a, p), weights)
    assert np.allclose(alone, expected, rtol=0, atol=1e-7)
    assert np.allclose(means, expected, rtol=0, atol=1e-7)
    start, step = 0, 1e-4
    for plane in range(PLANES):
        moved = []
        for sign in (1, -1):
            fields = [b.copy(), a.copy(), p.copy()]
            if plane < 9:
                fields[plane // 3][..., plane % 3] += sign * step
            moved.append(flux_twin(*fields, variance=VARIANCE + sign * step * (plane == 9)))
        slope = (moved[0] - moved[1]) / (2 * step)
        moments = np.einsum("acvqk,vq,vmq->acmvk", slope, weights, terms)
        assert np.allclose(out[:, :, start : start + counts[plane]], moments[:, :, : counts[plane]], atol=2e-5), plane
        start += counts[plane]


def test_squared_forms_agree_with_numpy():
    rng = np.random.default_rng(3)
    by_plane, by_flux = rng.normal(size=(PLANES, 5, 2, 7)), rng.normal(size=(3, 7))
    planes, flux = rng.normal(size=(PLANES, 5, 2, 3)), rng.normal(size=(5, 3))
    squares, others = np.empty((5, 3)), np.empty((2, 5, 3))
    squared_forms(by_plane, by_flux, planes, flux, 5, squares, others)
    forms = np.einsum("pvqn,pvqk->nvk", by_plane, planes) + by_flux.T[:, None] * flux
    assert np.allclose(squares, np.sum(forms[:5] ** 2, axis=0))
    assert np.allclose(others, forms[5:])


def test_basis_reaches_beyond_the_harmonics():
    sines, basis = half_period(HARMONICS, BETA, 1e-6)
    assert basis.shape == (HARMONICS[-1] - HARMONICS[0] + 1 + 2 * MARGIN, sines.size)
    assert sines.size % 8 == 0


def test_turned_powers():
    angles, center, shifts = np.array([0.3, 2.0]), (0.4, -0.2), np.array([0.05, -0.1])
    xi, eta = np.random.default_rng(0).normal(size=(2, 7))
    x, y = center[0] + xi, center[1] + eta
    powers = turned_powers(angles, center, 4, shifts)
    for i, j in exponents(4):
        found = flattened(powers[i, j], 4) @ monomials(np.stack([xi, eta], axis=-1), 4).T
        for row, angle, shift in zip(found, angles, shifts, strict=True):
            u, v = x * np.cos(angle) + y * np.sin(angle) - shift, y * np.cos(angle) - x * np.sin(angle)
            assert np.allclose(row, u**i * v**j)
