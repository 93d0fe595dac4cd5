"""Profiles with a prior of simulated ideal scanners: better than profile on ideal scanners, refused on others."""

import numpy as np
import pytest

import calib
import mpisim
from calib.methods.profile_prior import NEAR, _pieces, recover_by_profile_prior
from mpisim.data.coverage import coverage
from mpisim.data.views import as_images
from mpisim.errors import DataWarning, InputError

ANGLES = tuple(np.arange(8) * np.pi / 8)


def matrix(gradient=0.7, diameter=25e-9, harmonics=(2, 3, 5), grid=None):
    scanner = mpisim.open_sided_ffl(gradient, angles=ANGLES, harmonics=harmonics)
    return mpisim.simulate(scanner, mpisim.Particle(diameter), grid or mpisim.Grid((16, 16), (0.032, 0.032)))


@pytest.mark.parametrize(("gradient", "diameter"), ((0.6, 22e-9), (0.9, 30e-9), (0.45, 16e-9)))
def test_ideal_scanners(gradient, diameter):
    fine = matrix(gradient, diameter)
    for factor in (2, 4):
        coarse = calib.downsample(fine, factor, snr=33.7, seed=factor)
        found = calib.recover(coarse, "profile-prior")
        assert calib.nrmse(found, fine) < 4e-3
        assert calib.nrmse(found, fine) < 0.7 * calib.nrmse(calib.recover(coarse, "profile"), fine)
        recovery = found.attrs["recovery"]
        assert 0.9 < recovery["chi2"] < 1.1
        width = 1.0 * 25e-9**3 / (gradient * diameter**3)
        assert abs(np.log(recovery["width"] / width)) < 0.3


def test_deviations_cover_the_errors():
    shares = []
    for seed in range(4):
        fine = matrix(0.5 + 0.1 * seed, (20 + 3 * seed) * 1e-9)
        found = calib.recover(calib.downsample(fine, 4, snr=33.7, seed=seed), "profile-prior")
        std = found["system_matrix_std"].values.reshape(-1, 16, 16)
        shares.append(coverage(as_images(found), as_images(fine), std))
    assert 0.5 < np.mean([s.std_over_rmse for s in shares]) < 2
    assert np.mean([s.within_95 for s in shares]) > 0.8


def test_posterior_of_a_piece_is_the_dense_one():
    rng = np.random.default_rng(0)
    means = rng.standard_normal((64, 40))
    noise, first = 0.3, 5
    data = means[first + 2] + 0.5 * rng.standard_normal(40)
    found = _pieces(means, data, noise)[first]
    near = means[first : first + NEAR]
    y = (near - near.mean(0)) / NEAR**0.5
    covariance = y.T @ y + noise * np.eye(40)
    expected = near.mean(0) + y.T @ y @ np.linalg.solve(covariance, data - near.mean(0))
    assert np.allclose(found.weights @ near, expected)
    posterior = y.T @ y - y.T @ y @ np.linalg.solve(covariance, y.T @ y)
    assert np.allclose(near.T @ found.root @ found.root.T @ near, posterior)
    others = [_evidence(means[i : i + NEAR], data, noise) for i in (0, first, 30)]
    pieces = [_pieces(means, data, noise)[i].evidence for i in (0, first, 30)]
    assert np.allclose(np.diff(pieces), np.diff(others))


def _evidence(near, data, noise):
    y = (near - near.mean(0)) / NEAR**0.5
    covariance = y.T @ y + noise * np.eye(data.size)
    away = data - near.mean(0)
    return -away @ np.linalg.solve(covariance, away) - np.linalg.slogdet(covariance)[1]


def test_an_imperfect_scanner_is_refused():
    """A coil whose sensitivity falls to a side: the result is that of profile, and the reason is said."""
    fine = matrix()
    falling = fine.assign(system_matrix=fine["system_matrix"] * np.linspace(0.8, 1.2, 16))
    coarse = calib.downsample(falling, 4, snr=33.7, seed=0)
    with pytest.warns(DataWarning) as said:
        found = calib.recover(coarse, "profile-prior")
    assert any("profile instead of profile-prior, because ideal scanners leave" in str(w.message) for w in said)
    with pytest.warns(DataWarning):
        other = calib.recover(coarse, "profile")
    assert np.array_equal(found["system_matrix"], other["system_matrix"])
    assert "reason_of_fallback" in found.attrs["recovery"]


def test_matrices_without_what_it_needs():
    coarse = calib.downsample(matrix(), 4, snr=33.7, seed=0)
    with pytest.raises(InputError, match="angles in rad for profile-prior"):
        recover_by_profile_prior(coarse.drop_vars("angle"))
    with pytest.warns(DataWarning, match="does not state its harmonics"):
        recover_by_profile_prior(coarse.drop_vars("harmonic"))


def test_gains_and_units_do_not_matter():
    coarse = calib.downsample(matrix(), 4, snr=33.7, seed=0)
    gains = 1e-20 * np.exp(1j * np.array([0.3, 2.0, -1.5]))[:, None, None]
    other = coarse.assign(
        system_matrix=coarse["system_matrix"].astype(complex) * gains, noise_std=1e-20 * coarse["noise_std"]
    )
    a, b = recover_by_profile_prior(coarse), recover_by_profile_prior(other)
    rows = a.rows.reshape(8, 3, 16, 16) * gains
    assert np.allclose(b.rows.reshape(rows.shape), rows, rtol=0, atol=1e-5 * np.abs(rows).max())


def test_exact_block_means():
    fine = matrix()
    found = calib.recover(calib.downsample(fine, 4, snr=None), "profile-prior")
    assert calib.nrmse(found, fine) < 1e-3
