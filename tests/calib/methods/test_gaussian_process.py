"""The Gaussian-process core against dense algebra."""

import numpy as np
import pytest
import torch

from calib.methods.gaussian_process import log_evidence, posterior, spectrum


def test_posterior_is_that_of_dense_algebra():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((12, 5)), rng.standard_normal((2, 12))
    v, n = np.array([0.7, 1.3]), np.array([0.2, 0.1])
    found, evidence = posterior(*(torch.from_numpy(t)[None] for t in (a, b, v, n)))
    expected = 0.0
    for c in range(2):
        covariance = v[c] * a @ a.T + n[c] * np.eye(12)
        assert np.allclose(found[0, c], v[c] * a.T @ np.linalg.solve(covariance, b[c]))
        expected -= b[c] @ np.linalg.solve(covariance, b[c]) + np.linalg.slogdet(covariance)[1]
    assert float(evidence[0]) == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_the_eigenvalue_form_is_the_dense_evidence(kind):
    """For several variances at once, up to the constant (m - r) log tau."""
    rng = np.random.default_rng(1)
    a, b, noise = rng.standard_normal((9, 4)), rng.standard_normal(9), 0.3
    variances = np.array([0.2, 1.0, 7.0])
    eigenvalues, vectors = np.linalg.eigh(a.T @ a)
    z = vectors.T @ a.T @ b / np.sqrt(eigenvalues)
    arguments = (z**2, np.multiply.outer(variances, eigenvalues) + noise, np.array(b @ b - z @ z), np.array(noise))
    arguments = arguments if kind == "numpy" else tuple(map(torch.from_numpy, arguments))
    found = np.asarray(log_evidence(*arguments)) - (9 - 4) * np.log(noise)
    for variance, value in zip(variances, found, strict=True):
        covariance = variance * a @ a.T + noise * np.eye(9)
        expected = -b @ np.linalg.solve(covariance, b) - np.linalg.slogdet(covariance)[1]
        assert value == pytest.approx(expected)


def test_the_spectrum_is_that_of_the_squared_exponential():
    """Its sum over waves is the covariance exp(-u^2 / 2 l^2), to 1e-12 of the variance."""
    length, period, u = 1.7, 40.0, np.linspace(0, 6, 7)
    waves = np.arange(200) / period
    weight = spectrum(np.array(length), waves) * np.where(waves > 0, 2, 1)
    covariance = np.cos(2 * np.pi * np.outer(u, waves)) @ weight / weight.sum()
    assert np.abs(covariance - np.exp(-(u**2) / (2 * length**2))).max() < 1e-12
