"""A line as a sum of known fields: closed form, a known sum, noise alone, and groups that are not needed."""

import numpy as np
import pytest

from calib.methods.physical.line_fit import LineEquations, fit_line


def fields_of(rng, count=400, fields=5):
    return rng.standard_normal((fields, count))


def noise_of(rng, count, sigma):
    return sigma * (rng.standard_normal(count) + 1j * rng.standard_normal(count)) / np.sqrt(2)


def test_one_coefficient_in_closed_form():
    rng = np.random.default_rng(0)
    fields, sigma = fields_of(rng), 0.5 + rng.random(400)
    column = np.array([1.0, 0.5j, 0.0, 0.0, -0.3])[:, None]
    mean, spread = 0.4 - 0.2j, 0.3
    values = (0.7 + 0.1j) * (column[:, 0] @ fields) + noise_of(rng, 400, sigma)
    found = fit_line(LineEquations.of(fields, values, sigma), column, np.zeros(1, int), mean, spread)
    wave = column[:, 0] @ fields  # each part of the noise has half of the variance
    precision = np.sum(2 * np.abs(wave) ** 2 / sigma**2) + 1 / spread**2
    expected = (np.sum(2 * wave.conj() * values / sigma**2) + mean / spread**2) / precision
    np.testing.assert_allclose(found.coefficients, column[:, 0] * expected)
    np.testing.assert_allclose(found.root @ found.root.conj().T, np.outer(column, column.conj()) / precision)
    assert found.chi2 == pytest.approx(np.mean(np.abs(values - wave * expected) ** 2 / sigma**2))
    prior = np.sum(2 * np.abs(wave) ** 2 / sigma**2) * spread**2
    odds = [np.sum(np.abs(values - c * wave) ** 2 / sigma**2) for c in (0.0, expected)]
    evidence = odds[0] - odds[1] - abs(expected - mean) ** 2 / (2 * spread**2) - np.log1p(prior)
    assert found.evidence == pytest.approx(evidence)


def test_known_sum_is_recovered():
    rng = np.random.default_rng(1)
    fields, sigma = fields_of(rng), np.full(400, 1e-3)
    known = np.array([1.0, 0.2 + 0.1j, 0.0, -0.4j, 0.3])
    values = known @ fields + noise_of(rng, 400, sigma)
    columns, groups = np.eye(5, dtype=complex), np.array([0, 1, 1, 1, 1])
    found = fit_line(LineEquations.of(fields, values, sigma), columns, groups, 0.9, 0.5)
    np.testing.assert_allclose(found.coefficients, known, atol=5e-4)
    assert abs(found.excess) < 4
    assert found.left < 1e-6
    errors = np.abs(found.coefficients - known) ** 2 / 2
    assert 0.2 < np.mean(errors / np.sum(np.abs(found.root) ** 2, axis=1)) < 3


def test_noise_alone_comes_out_as_nothing():
    rng = np.random.default_rng(2)
    fields, sigma = fields_of(rng), np.full(400, 1.0)
    columns, groups = np.eye(5, dtype=complex), np.array([0, 1, 1, 1, 1])
    columns[:, 0] = 0  # as of a line beside the harmonic of a steady drive
    found = fit_line(LineEquations.of(fields, noise_of(rng, 400, sigma), sigma), columns, groups, 1.0, 0.5)
    assert np.mean(np.abs(found.coefficients @ fields) ** 2) < 0.01
    assert abs(found.excess) < 4


def test_values_and_unit_scale():
    rng = np.random.default_rng(3)
    fields, sigma = fields_of(rng), np.full(400, 0.1)
    values = np.array([1.0, 0.0, 0.3, 0.0, 0.1j]) @ fields + noise_of(rng, 400, sigma)
    columns, groups = np.eye(5, dtype=complex), np.array([0, 1, 1, 2, 2])
    one = fit_line(LineEquations.of(fields, values, sigma), columns, groups, 1.0, 0.5)
    other = fit_line(LineEquations.of(fields, 1e-6 * values, 1e-6 * sigma), columns, groups, 1e-6, 0.5e-6)
    np.testing.assert_allclose(1e6 * other.coefficients, one.coefficients, rtol=1e-6, atol=1e-9)
    assert other.evidence == pytest.approx(one.evidence, rel=1e-6)


def test_values_that_do_not_count_change_nothing():
    rng = np.random.default_rng(4)
    fields, sigma = fields_of(rng), np.full(400, 0.1)
    values = np.array([1.0, 0.0, 0.3, 0.0, 0.1j]) @ fields + noise_of(rng, 400, sigma)
    columns, groups = np.eye(5, dtype=complex), np.zeros(5, int)
    wrong, sigma_of = values.copy(), sigma.copy()
    wrong[:10], sigma_of[:10] = 100.0, np.inf
    some = fit_line(LineEquations.of(fields[:, 10:], values[10:], sigma[10:]), columns, groups, 0.0, 1.0)
    every = fit_line(LineEquations.of(fields, wrong, sigma_of), columns, groups, 0.0, 1.0)
    np.testing.assert_allclose(every.coefficients, some.coefficients, rtol=1e-9)
    assert every.chi2 == pytest.approx(some.chi2)
