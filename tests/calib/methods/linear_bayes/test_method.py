"""The method linear-bayes: against the dense formula, on its own family, and on what the prior does not know."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import calib
import mpisim
from calib.methods.bicubic import bicubic_consistent
from calib.methods.linear_bayes.making import family_of
from calib.methods.linear_bayes.method import recover_by_covariance
from calib.methods.linear_bayes.posterior import posterior_rows
from calib.methods.linear_bayes.prior_file import write_prior
from calib.methods.linear_bayes.windows import Prior
from mpisim.data.blocks import block_mean
from mpisim.data.coverage import coverage
from mpisim.data.sampling import BoxSampling
from mpisim.data.views import as_images
from mpisim.dataset.realistic import fixed_setup
from mpisim.errors import DataWarning, InputError

from .conftest import ANGLES, line_matrix, point_matrix


@pytest.fixture(scope="module")
def prior(line_family, tmp_path_factory):
    file = tmp_path_factory.mktemp("prior") / "lines.npz"
    write_prior(line_family, file, 1e-5)
    return file


@pytest.fixture(scope="module")
def point_prior(points, tmp_path_factory):
    file = tmp_path_factory.mktemp("prior") / "points.npz"
    write_prior(family_of(points), file, 1e-5)
    return file


@pytest.mark.parametrize("centred", (True, False))
def test_posterior_is_that_of_the_dense_formula(points, centred):
    """Mean and variance of complex rows without neighbours, all frequencies jointly; every member in the prior."""
    family = family_of(points)
    prior = Prior(family, BoxSampling(2), np.zeros(1, int), np.arange(4))
    rows = np.stack([family.fine_rows(0, c) for c in family.coefficients[:, 0]]).astype(float)
    means = block_mean(rows.reshape(-1, 12, 12), 2).reshape(*rows.shape[:3], 6, 6)
    size = np.sqrt(np.sum(means**2, axis=(2, 3, 4)) / 36)[:, :, None, None, None]
    rows, means = (v.reshape(len(rows), -1) for v in (rows / size, means / size))
    noise = np.array([0.01, 0.02, 0.05, 0.1])
    values = means[5] + np.repeat(np.sqrt(noise), 72) * np.random.default_rng(1).standard_normal(288)
    centre = rows.mean(0) if centred else np.zeros(rows.shape[1])
    centre_means = means.mean(0) if centred else np.zeros(means.shape[1])
    x, b = (rows - centre) / len(rows) ** 0.5, (means - centre_means) / len(rows) ** 0.5
    gain = x.T @ b @ np.linalg.inv(b.T @ b + np.diag(np.repeat(noise, 72)))
    expected = centre + gain @ (values - centre_means)
    variance = np.sum(x**2, axis=0) - np.sum(gain * (x.T @ b), axis=1)
    found = posterior_rows(prior, values.reshape(1, 4, 2, 6, 6), noise, centred=centred)
    assert np.abs(found.rows.ravel() - expected).max() < 5e-3 * np.abs(expected).max()
    assert np.abs(found.variance.ravel() - variance).max() < 0.02 * variance.max()


def test_a_scanner_between_those_of_the_family(prior):
    fine = line_matrix(25.3e-9)
    for factor, most in ((2, 0.01), (4, 0.03)):
        coarse = calib.downsample(fine, factor, snr=33.7, seed=3)
        found = calib.recover(coarse, "linear-bayes", prior=prior)
        assert calib.nrmse(found, fine) < min(most, 0.3 * calib.nrmse(calib.recover(coarse, "bicubic-dc"), fine))
        recovery = found.attrs["recovery"]
        assert recovery["members"] == 13 and 0.5 < recovery["chi2"] < 1.5 and "rows_refitted" not in recovery
        assert "system_matrix_std" in found


def test_gains_are_no_part_of_the_prior(prior):
    """A matrix with other complex gains gives the rows with these gains, and deviations with their sizes."""
    coarse = calib.downsample(line_matrix(25.3e-9), 2, snr=40.0, seed=3)
    gains = np.array([2.0 * np.exp(0.7j), 0.5 * np.exp(-2.1j)])[:, None, None]
    other = coarse.assign(
        system_matrix=coarse["system_matrix"] * gains, noise_std=("frequency", 1e-3 * np.abs(gains[:, 0, 0]))
    )
    one = coarse.assign(noise_std=("frequency", np.full(2, 1e-3)))
    unit = float(np.abs(coarse["system_matrix"]).max())
    one, other = (m.assign(noise_std=m["noise_std"] * unit) for m in (one, other))
    a, b = recover_by_covariance(one, prior), recover_by_covariance(other, prior)
    shaped = (len(ANGLES), 2, 8, 8)
    assert np.allclose(b.rows.reshape(shaped), a.rows.reshape(shaped) * gains, rtol=0, atol=2e-4 * np.abs(b.rows).max())
    assert np.allclose(b.std.reshape(shaped), a.std.reshape(shaped) * np.abs(gains), rtol=0.02)


@pytest.mark.parametrize("scale", (1e-30, 1e30))
def test_the_unit_does_not_matter(prior, scale):
    coarse = calib.downsample(line_matrix(25.3e-9), 2, snr=33.7, seed=3)
    coarse = coarse.assign(system_matrix=coarse["system_matrix"].astype(complex))
    scaled = coarse.assign(system_matrix=coarse["system_matrix"] * scale, noise_std=coarse["noise_std"] * scale)
    a, b = recover_by_covariance(coarse, prior), recover_by_covariance(scaled, prior)
    assert np.allclose(b.rows / scale, a.rows, rtol=0, atol=1e-5 * np.abs(a.rows).max())
    assert np.allclose(b.std / scale, a.std, rtol=1e-3, atol=0)


def test_some_angles_and_harmonics_of_the_prior(prior):
    fine = line_matrix(25.3e-9)
    part = fine.isel(angle=[0, 2, 3, 5], frequency=[1])
    found = calib.recover(calib.downsample(part, 2, snr=33.7, seed=0), "linear-bayes", prior=prior)
    assert calib.nrmse(found, part) < 0.03


def test_blocks_over_the_edge(prior):
    """A factor that does not divide the grid."""
    fine = line_matrix(25.3e-9)
    coarse = calib.downsample(fine, 3, snr=33.7, seed=0, edge="fill")
    found = calib.recover(coarse, "linear-bayes", prior=prior)
    assert calib.nrmse(found, fine) < 0.3 * calib.nrmse(calib.recover(coarse, "bicubic-dc"), fine)


def test_all_blocks_at_positions_are_a_matrix_of_blocks(prior):
    """The window means of angles, not of bases, give the same posterior."""
    fine = line_matrix(26.5e-9)
    box, positions = calib.downsample(fine, 2, seed=2), calib.downsample(fine, 2, seed=2, keep=16)
    of_box, found = (calib.recover(c, "linear-bayes", prior=prior) for c in (box, positions))
    scale = np.abs(of_box["system_matrix"].values).max()
    np.testing.assert_allclose(
        found["system_matrix_std"].values, of_box["system_matrix_std"].values, rtol=1e-3, atol=1e-6 * scale
    )
    np.testing.assert_allclose(found["system_matrix"].values, of_box["system_matrix"].values, atol=2e-3 * scale)


def test_samples_between_faces_of_voxels(prior):
    fine = line_matrix(26.5e-9)
    at = np.array([(x, y, 9e-3) for x in (-0.0115, 0.0003, 0.0113) for y in (-0.0112, -0.0004, 0.0115)])
    found = calib.recover(calib.downsample(fine, 2, seed=2, positions=at), "linear-bayes", prior=prior)
    assert calib.nrmse(found, fine) < 0.01
    assert "reason_of_fallback" not in found.attrs["recovery"]


def test_rows_of_a_field_free_point(point_prior):
    """Complex rows without angles, where nothing about lines is presumed; errors are within their deviations."""
    shares, errors = [], []
    for seed, (width, tilt) in enumerate(((0.6, 0.3), (0.7, -0.6), (0.83, 0.8))):
        fine = point_matrix(width, tilt)
        coarse = calib.downsample(fine, 4, snr=33.7, seed=seed)
        found = calib.recover(coarse, "linear-bayes", prior=point_prior)
        errors.append(calib.nrmse(found, fine) / calib.nrmse(calib.recover(coarse, "bicubic-dc"), fine))
        shares.append(coverage(as_images(found), as_images(fine), found["system_matrix_std"].values))
    assert max(errors) < 0.2
    assert 0.5 < np.mean([s.within_68 for s in shares]) < 0.85
    assert np.mean([s.within_95 for s in shares]) > 0.85


def test_receive_coils_one_by_one(prior):
    fine = line_matrix(25.3e-9)
    coarse = calib.downsample(fine, 2, snr=33.7, seed=0)
    coils = xr.concat([coarse["system_matrix"], 3j * coarse["system_matrix"]], "receive")
    both = coarse.assign(system_matrix=coils.transpose("angle", "receive", ...)).drop_vars("noise_std")
    sigma = float(coarse["noise_std"].max())
    both = both.assign(noise_std=("receive", [sigma, 3 * sigma]))
    alone = recover_by_covariance(coarse, prior).rows.reshape(6, 2, 8, 8)
    found = recover_by_covariance(both, prior)
    rows = found.rows.reshape(6, 2, 2, 8, 8)
    assert np.allclose(rows[:, 0], alone, atol=1e-5 * np.abs(alone).max())
    assert np.allclose(rows[:, 1], 3j * alone, atol=1e-3 * np.abs(alone).max())
    assert found.std.shape == found.rows.shape and len(found.metadata["chi2"]) == 2


@pytest.mark.parametrize(
    ("fine", "words"),
    (
        (lambda: line_matrix(25e-9, grid=mpisim.Grid((12, 12), (0.032, 0.032))), "8 x 8 voxels and the matrix 12 x 12"),
        (lambda: line_matrix(25e-9, grid=mpisim.Grid((8, 8), (0.024, 0.032))), "field of view"),
        (lambda: line_matrix(25e-9, grid=mpisim.Grid((8, 8), (0.032, 0.032), (0.002, 0, 0))), "centre"),
        (lambda: line_matrix(25e-9, angles=(0.0, 0.2)), "angles"),
        (lambda: line_matrix(25e-9).assign_coords(harmonic=("frequency", [3, 4])), "harmonics"),
        (lambda: line_matrix(25e-9).drop_vars("angle"), "angles"),
    ),
)
def test_what_the_prior_does_not_know(prior, fine, words):
    coarse = calib.downsample(fine(), 2, snr=33.7, seed=0)
    with pytest.warns(DataWarning, match=f"by bicubic-dc instead of linear-bayes, because .*{words}"):
        found = calib.recover(coarse, "linear-bayes", prior=prior)
    simpler = calib.recover(coarse, "bicubic-dc")
    for name in ("system_matrix", "system_matrix_std"):
        assert np.array_equal(found[name], simpler[name])


def test_rows_that_are_no_members(prior):
    """Flipped and wrong rows are named and interpolated; a matrix of such rows is not taken for one of the family."""
    fine = line_matrix(25.3e-9)
    coarse = calib.downsample(fine, 2, snr=33.7, seed=0)
    values = coarse["system_matrix"].values.copy()
    values[2, 0] = np.random.default_rng(0).permutation(values[2, 0].ravel()).reshape(4, 4)
    with pytest.warns(DataWarning, match="1 of 12 rows are not like those of the prior.*angle 60 degrees, harmonic 2"):
        found = recover_by_covariance(coarse.copy(data={**coarse, "system_matrix": values}), prior)
    assert found.metadata["rows_refitted"] == {"bicubic-dc": 1}
    mixed = np.random.default_rng(1).permuted(values.reshape(-1, 16), axis=1).reshape(values.shape)
    with pytest.warns(DataWarning, match="12 of 12 rows"):
        found = recover_by_covariance(coarse.copy(data={**coarse, "system_matrix": mixed}), prior)
    simpler = bicubic_consistent(coarse.copy(data={**coarse, "system_matrix": mixed}))
    assert np.array_equal(found.rows, simpler.rows) and np.array_equal(found.std, simpler.std)


def test_a_dead_harmonic_and_a_dead_row(prior):
    """Zeros stay zeros to within the noise; a row that is dead at one angle is named."""
    fine = line_matrix(25.3e-9)
    coarse = calib.downsample(fine, 2, snr=33.7, seed=0)
    sigma = float(coarse["noise_std"].max())
    values = coarse["system_matrix"].values.copy()
    values[:, 1] = 0
    found = recover_by_covariance(coarse.assign(system_matrix=coarse["system_matrix"].copy(data=values)), prior)
    rows = found.rows.reshape(6, 2, 8, 8)
    assert np.abs(rows[:, 1]).max() < sigma and found.std.reshape(rows.shape)[:, 1].min(0).max() > 0
    alone = fine["system_matrix"].values[:, 0]
    assert np.linalg.norm(rows[:, 0] - alone) < 0.02 * np.linalg.norm(alone)
    values = coarse["system_matrix"].values.copy()
    values[3, 0] = 0
    with pytest.warns(DataWarning, match="1 of 12 rows are not like those of the prior.*angle 90 degrees, harmonic 2"):
        found = recover_by_covariance(coarse.assign(system_matrix=coarse["system_matrix"].copy(data=values)), prior)
    assert not found.rows.reshape(6, 2, 64)[3, 0].any()


def test_a_prior_for_a_method_that_takes_none(prior):
    with pytest.raises(InputError, match="prior must be left out for the method bicubic"):
        calib.recover(calib.downsample(line_matrix(25e-9), 2), "bicubic", prior=prior)


def test_the_bundled_prior_recovers_an_imperfect_scanner():
    """A scanner of no split, at ten of the sixty angles."""
    setup = fixed_setup("mild")
    scanner = replace(setup.scanner, angles=tuple(np.arange(10) * np.pi / 10))
    fine = replace(setup, scanner=scanner).simulate()
    coarse = calib.downsample(fine, 4, snr=33.7, seed=0)
    found = calib.recover(coarse, "linear-bayes")
    assert calib.nrmse(found, fine) < 0.01
    shares = coverage(as_images(found), as_images(fine), found["system_matrix_std"].values.reshape(-1, 32, 32))
    assert 0.7 < shares.std_over_rmse < 1.4
