"""The radius of the noise ball from the data."""

import numpy as np
import pytest

import mpisim
import recon
from mpisim.errors import DataWarning
from recon.selection.discrepancy import discrepancy
from recon.solvers.residual import best_fit


def complex_normal(rng, *shape):
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)


@pytest.mark.parametrize("non_negative", [True, False])
def test_the_mean_radius_is_the_norm_of_white_noise(non_negative):
    """Over 20 draws the mean radius is that of the noise, sigma sqrt(M), to 5 %; the fit alone is well below it."""
    rng = np.random.default_rng(0)
    matrix = complex_normal(rng, 60, 40)
    factor = recon.factorise(matrix, (5, 8))
    truth = np.where(rng.random(40) < 0.5, rng.random(40), 0)
    draws = [matrix @ truth + 0.01 * complex_normal(rng, 60) for _ in range(20)]
    expected = 0.01 * np.sqrt(60)
    fits = [best_fit(factor, y, non_negative) for y in draws]
    radii = [discrepancy(fit, y) for fit, y in zip(fits, draws, strict=True)]
    assert np.mean(radii) == pytest.approx(expected, rel=0.05)
    assert np.mean([residual for residual, _ in fits]) < 0.92 * expected


def test_it_refuses_data_that_can_be_fitted_exactly():
    matrix = np.random.default_rng(1).standard_normal((6, 12))
    factor = recon.factorise(matrix, (3, 4))
    with pytest.raises(mpisim.InputError, match="Input eps must be a number where the matrix can fit any data"):
        discrepancy(best_fit(factor, matrix @ np.ones(12)), matrix @ np.ones(12))


def test_a_matrix_in_error_gets_a_ball_that_is_not_empty():
    """With 5 % of random error in the matrix, sqrt(M) is out of reach at 40 dB; `auto` is not, and is better."""
    fine = mpisim.simulate(mpisim.open_sided_ffl(1.0), mpisim.Particle(25e-9))
    y = recon.measure(fine, recon.phantoms.tubes(), snr=40, seed=0)
    rng = np.random.default_rng(2)
    values = fine["system_matrix"].values
    error = 0.05 * np.sqrt(np.mean(np.abs(values) ** 2)) * complex_normal(rng, *values.shape)
    wrong = fine.assign(system_matrix=fine["system_matrix"].copy(data=(values + error).astype(values.dtype)))
    with pytest.warns(DataWarning, match="no image lies in the noise ball"):
        strict = recon.reconstruct(wrong, y, iterations=1000)
    image = recon.reconstruct(wrong, y, eps="auto", iterations=1000)
    assert not strict.attrs["feasible"] and image.attrs["feasible"]
    assert image.attrs["eps"] > strict.attrs["eps"]
    truth = y["phantom"].values
    assert recon.nrmse(image["image"].values, truth) < 0.6 * recon.nrmse(strict["image"].values, truth)


def test_unknown_noise_needs_no_number():
    fine = mpisim.simulate(mpisim.open_sided_ffl(1.0), mpisim.Particle(25e-9))
    known = recon.measure(fine, recon.phantoms.tubes(), snr=30, seed=0)
    sigma = float(known["noise_std"])
    image = recon.reconstruct(fine, known.drop_vars("noise_std"), eps="auto")
    assert image.attrs["eps"] == pytest.approx(sigma * np.sqrt(480), rel=0.1)


@pytest.mark.filterwarnings("ignore:With eps = ")
@pytest.mark.parametrize("eps", ["auto", 1e-9])
def test_data_without_noise_are_reconstructed_or_refused(eps):
    """Where the exact fit takes many steps of the active-set solver."""
    scanner, particle = mpisim.open_sided_ffl(0.7, fov=0.02, angles=20), mpisim.Particle(25e-9)
    fine = mpisim.simulate(scanner, particle, mpisim.Grid((16, 16), (0.02, 0.02)))
    y = recon.measure(fine, recon.phantoms.shape(radius=3e-3), noiseless=True, same_grid=True)
    try:
        image = recon.reconstruct(fine, y, eps=eps, iterations=50)
    except mpisim.InputError as error:
        assert "Input eps must be a number" in str(error) and eps == "auto"
    else:
        assert np.isfinite(image["image"].values).all()


def test_a_fit_that_does_not_converge_is_reported():
    matrix = np.random.default_rng(1).random((12, 6))
    factor = recon.factorise(matrix, (2, 3))
    y = matrix @ np.ones(6) + np.arange(12)
    assert np.isfinite(discrepancy(best_fit(factor, y), y))
    with pytest.raises(mpisim.InputError, match="whose best fit does not converge; instead received auto"):
        discrepancy(best_fit(factor, matrix @ np.ones(6), steps=1), matrix @ np.ones(6))
