"""The method physical on small matrices: recovery, other grids and coils, what does not count, and bad input."""

import numpy as np
import pytest

import calib
import mpisim
from calib.methods.physical.maps import fitted_maps
from mpisim.data.deviation import deviations_of
from mpisim.data.views import as_images
from mpisim.errors import DataWarning, InputError

ANGLES = tuple(np.pi * np.arange(9) / 9)
HARMONICS = (2, 3, 4)
TRACER = mpisim.LogNormal(24e-9, 0.1)


def scanner(**switches):
    ideal = mpisim.open_sided_ffl(0.8, fov=0.02, angles=ANGLES, harmonics=HARMONICS)
    return mpisim.ImperfectFFL.of(ideal, **switches)


def imperfect(coils=1):
    """Fields that the model has: a coil that falls to a side, a distorted line, gains and errors of each angle."""
    slopes = [mpisim.Polynomial(((1, 0, 0, c), (0, 1, 0, 0.04)), radius=0.01) for c in (0.1, -0.08)]
    every = tuple(mpisim.Coil((0.0, 0.0, 800.0), (slope,)) for slope in slopes[:coils])
    offsets = tuple(2e-4 * np.sin(3 * np.arange(9)))
    return scanner(
        coils=every,
        selection=(mpisim.SolidHarmonics(((4, 1, -0.05), (2, 2, 0.003)), radius=0.01, turning=True),),
        line=mpisim.AngleErrors(offset=offsets),
        gain=mpisim.ReceiveGain(((2, 0.9, 0.4), (3, -0.3, 1.1))),
    )


@pytest.fixture(scope="module")
def fine():
    return mpisim.simulate(imperfect(), TRACER, mpisim.Grid((10, 10), (0.02, 0.02)))


@pytest.fixture(scope="module")
def coarse(fine):
    return calib.downsample(fine, 2, snr=33.7, seed=1)


@pytest.fixture(scope="module")
def found(coarse):
    return calib.recover(coarse, "physical")


def changed(coarse, change):
    """A coarse matrix whose values a function changes in place."""
    values = coarse["system_matrix"].values.copy()
    change(values)
    variable = coarse["system_matrix"]
    return coarse.assign(system_matrix=(variable.dims, values, variable.attrs))


def test_imperfect_scanner_is_recovered(fine, coarse, found):
    told = found.attrs["recovery"]
    assert told["stage"] in ("full", "profile") and told["converged"]
    assert told["chi2"] == pytest.approx(1, abs=0.1) and told["chi2_ideal"] > 2
    error = calib.nrmse(found, fine)
    assert error < 0.1 * calib.nrmse(calib.recover(coarse, "bicubic-dc"), fine)
    assert error < 0.006
    assert told["expected_nrmse"] == pytest.approx(error, rel=0.6)


def test_standard_deviation_is_that_of_the_error(fine, found):
    error = found["system_matrix"].values - fine["system_matrix"].values
    unit = error / found["system_matrix_std"].values
    parts = np.concatenate([unit.real.ravel(), unit.imag.ravel()])
    assert 0.5 < np.mean(np.abs(parts) < 1) < 0.9
    assert np.mean(np.abs(parts) < 1.96) > 0.8


def test_deviations_of_both_parts_are_those_of_the_errors(fine, found):
    error = found["system_matrix"].values - fine["system_matrix"].values
    for own, stated in zip((error.real, error.imag), deviations_of(found), strict=True):
        assert 0.5 < np.mean(np.abs(own) < stated) < 0.9
        assert np.mean(np.abs(own) < 1.96 * stated) > 0.85
    scale = np.sqrt(np.mean(error.real**2) / np.mean(error.imag**2))
    real, imaginary = deviations_of(found)
    assert np.sqrt(np.mean(real**2) / np.mean(imaginary**2)) == pytest.approx(scale, rel=0.3)


def test_parameters_are_those_of_the_scanner(found):
    """Within three standard deviations or so; what the data do not determine says so."""
    told = {p["name"]: p for p in found.attrs["recovery"]["parameters"]}
    slope = told["coil_z_10"]
    assert abs(slope["value"] - 0.1) < 4 * slope["std"] and slope["determined"] > 0.5
    assert told["plane_tilt_x"]["determined"] < 0.9
    offsets = found.attrs["recovery"]["angle_errors"]["offset"]
    apart = np.array(offsets["value"]) - 2e-4 * np.sin(3 * np.arange(9)) / 0.01
    assert np.sqrt(np.mean((apart / offsets["std"]) ** 2)) < 2.5
    assert len(found.attrs["recovery"]["gains"]) == 3


def test_an_ideal_scanner_stays_ideal():
    fine = mpisim.simulate(scanner(), TRACER, mpisim.Grid((10, 10), (0.02, 0.02)))
    noisy, exact = (calib.recover(calib.downsample(fine, 2, snr=s, seed=1), "physical") for s in (33.7, None))
    assert noisy.attrs["recovery"]["stage"] == exact.attrs["recovery"]["stage"] == "ideal"
    assert calib.nrmse(noisy, fine) < 2e-3
    assert calib.nrmse(exact, fine) < 1e-4


@pytest.mark.slow
def test_recovery_is_deterministic(coarse, found):
    again = calib.recover(coarse, "physical")
    assert np.array_equal(again["system_matrix"].values, found["system_matrix"].values)


@pytest.mark.slow
def test_two_coils_are_fitted_together():
    fine = mpisim.simulate(imperfect(2), TRACER, mpisim.Grid((8, 8), (0.02, 0.02)))
    coarse = calib.downsample(fine, 2, snr=33.7, seed=1)
    found = calib.recover(coarse, "physical")
    assert calib.nrmse(found, fine) < 0.008
    assert found["system_matrix_std"].dims == fine["system_matrix"].dims == ("angle", "receive", "frequency", "y", "x")
    first, second = (found.isel(receive=i)["system_matrix"].values for i in (0, 1))
    assert np.linalg.norm(first - second) > 0.05 * np.linalg.norm(first)


@pytest.mark.slow
def test_oblong_grid_off_the_axis_with_blocks_over_the_edge():
    grid = mpisim.Grid((13, 9), (0.02, 0.016), (0.002, -0.001, 0.0))
    fine = mpisim.simulate(imperfect(), TRACER, grid)
    found = calib.recover(calib.downsample(fine, 2, snr=33.7, seed=1, edge="fill"), "physical")
    assert found["system_matrix"].shape == fine["system_matrix"].shape
    assert calib.nrmse(found, fine) < 0.01


def test_dropped_position_is_left_out(fine, coarse, found):
    def drop(values):
        values[:, :, 1, 3] = 1e-3 * values[:, :, 1, 4]

    with pytest.warns(DataWarning, match="1 of 25 positions .* were left out of the fit: .1, 3."):
        without = calib.recover(changed(coarse, drop), "physical")
    assert without.attrs["recovery"]["positions_left_out"] == [[1, 3]]
    assert calib.nrmse(without, fine) < 1.5 * calib.nrmse(found, fine)


def test_rows_that_are_not_the_scanners_are_recovered_otherwise(fine, coarse):
    def spoil(values):
        values[2, 1] = 0
        values[7, 2] *= -1

    with pytest.warns(DataWarning, match="2 of 27 rows are not those of the fitted scanner .*harmonic 3"):
        found = calib.recover(changed(coarse, spoil), "physical")
    assert sum(found.attrs["recovery"]["rows_refitted"].values()) == 2
    images, wanted = as_images(found), as_images(fine)
    others = np.setdiff1d(np.arange(27), [2 * 3 + 1, 7 * 3 + 2])
    assert np.linalg.norm((images - wanted)[others]) < 0.006 * np.linalg.norm(wanted[others])


def test_wrong_noise_level_is_replaced_by_the_residual(fine, coarse, found):
    with pytest.warns(DataWarning, match="noise of .* times the stated level"):
        other = calib.recover(coarse.assign(noise_std=coarse["noise_std"] / 4), "physical")
    assert other.attrs["recovery"]["noise"]["rescaled"] == pytest.approx(4, rel=0.15)
    assert calib.nrmse(other, fine) < 1.3 * calib.nrmse(found, fine)


@pytest.mark.filterwarnings("ignore:.*rows do not fit one profile")
def test_matrix_without_a_field_free_line_falls_back(coarse):
    rng = np.random.default_rng(0)

    def noise(values):
        values[:] = np.abs(values).max() * (rng.standard_normal(values.shape) + 1j * rng.standard_normal(values.shape))

    with pytest.warns(DataWarning, match="All rows were recovered by profile instead of physical, because no ideal"):
        told = calib.recover(changed(coarse, noise), "physical").attrs["recovery"]
    assert told["instead"] == "profile"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.isel(angle=[0]), "angles .* two different ones"),
        (lambda c: c.assign_coords(angle=np.full(9, 0.3)), "angles .* two different ones"),
        (lambda c: c.drop_vars("angle"), "with the coordinate angle"),
        (lambda c: c.assign_coords(harmonic=("frequency", [2, 3, 3])), "harmonics .* each once"),
        (lambda c: c.assign(system_matrix=0 * c["system_matrix"]), "other than zero"),
    ],
)
def test_bad_input_is_refused(coarse, change, words):
    with pytest.raises(InputError, match=f"{words}"):
        calib.recover(change(coarse), "physical")


def test_too_few_values_are_refused(fine):
    with pytest.raises(InputError, match=r"4 values or more in a row.*bicubic-dc.*received 1 values"):
        calib.recover(calib.downsample(fine, 10, snr=33.7), "physical")


def test_harmonics_follow_from_frequencies(coarse, found):
    unnumbered = coarse.drop_vars("harmonic")
    unnumbered.attrs = {k: v for k, v in coarse.attrs.items() if k != "scanner"}
    again = calib.recover(unnumbered, "physical")
    assert np.allclose(again["system_matrix"], found["system_matrix"], rtol=1e-6)


def test_maps_are_those_of_the_scanner(found):
    axis = np.array([-0.008, 0.0, 0.008])
    maps = fitted_maps(found.attrs["recovery"], axis, axis)
    assert maps["coil_z"].shape == (1, 3, 3) and maps["drive_z"].shape == (3, 3)
    wanted = 1 + 0.1 * axis / 0.01 + 0.04 * axis[:, None] / 0.01
    assert np.allclose(maps["coil_z"][0] / maps["coil_z"][0, 1, 1], wanted, atol=0.02)
    with pytest.raises(InputError, match="recovered by physical"):
        fitted_maps({"method": "ridge"}, axis, axis)


def test_angles_that_count_the_other_way_are_recognised(fine, coarse, found):
    with pytest.warns(DataWarning, match="angles describe no scanner; those of the fit count the other way"):
        other = calib.recover(coarse.assign_coords(angle=-coarse["angle"].values), "physical")
    assert calib.nrmse(other, fine.assign_coords(angle=-fine["angle"].values)) < 1.5 * calib.nrmse(found, fine)


def test_angles_of_the_opposite_sign_are_recovered_as_the_file_has_them(fine, coarse, found):
    turned = [2, 5, 7]

    def reverse(values):
        values[turned] *= -1

    said = r"3 of 9 angles have rows of the opposite sign.* 40, 100, 140 degrees, while rows at angles that were not "
    with pytest.warns(DataWarning, match=said + "measured have the sign of the other angles"):
        every = calib.recover(changed(coarse, reverse), "physical", angles=18)
    assert every.attrs["recovery"]["angles_reversed"] == turned
    right, new = fine["system_matrix"].values, every["system_matrix"].values[1:-1:2]
    beside = (right[:-1] + right[1:]) / 2
    alike = np.sum((beside.conj() * new).real, axis=(1, 2, 3))
    sizes = np.linalg.norm(beside.reshape(8, -1), axis=1) * np.linalg.norm(new.reshape(8, -1), axis=1)
    assert np.all(alike > 0.5 * sizes)
    wanted, again = changed(fine, reverse), every.isel(angle=slice(0, None, 2))
    assert calib.nrmse(again, wanted) == pytest.approx(calib.nrmse(found, fine), rel=0.05)
