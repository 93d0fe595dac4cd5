"""Images from a matrix that states its standard deviation: what weights gain, and when they are left aside."""

import functools
import json

import numpy as np
import pytest

import mpisim
import recon
from mpisim.data.noise import complex_gaussian
from mpisim.data.schema import STD
from mpisim.errors import DataWarning
from recon.selection.matrix_errors import COHERENCE
from tests.commands import run
from tests.recon.problems import small_matrix, small_measurement


@functools.cache
def uncertain(level=0.05, coherent=False):
    """A recovered matrix whose deviation differs by row, with independent errors, or errors of one sign in a row."""
    fine = small_matrix()
    variable = fine["system_matrix"]
    rows = np.exp(np.random.default_rng(1).normal(size=(12, 4, 1, 1)))
    rms = float(np.sqrt(np.mean(np.abs(variable.values) ** 2)))
    std = level * rms * np.broadcast_to(rows / np.sqrt(2 * np.mean(rows**2)), variable.shape)
    shape = (*variable.shape[:2], 1, 1) if coherent else variable.shape
    values = variable.values + std * complex_gaussian(shape, np.sqrt(2), 5)
    found = fine.assign({"system_matrix": variable.copy(data=values), STD: (variable.dims, std, {"units": "V"})})
    return found.assign_attrs(origin="recovered")


def quality(method, **options):
    y = small_measurement(snr=40.0)
    image = recon.reconstruct(uncertain(), y, method, std_coherence=0, **options)
    return recon.psnr(image["image"].values, y["phantom"].values), image


@pytest.mark.parametrize(("method", "least"), [("admm", 1.0), ("kaczmarz", 0.0), ("tikhonov", 0.0)])
def test_images_gain_where_the_errors_of_rows_differ(method, least):
    """pSNR in dB against the true phantom, and against the image of the exact matrix."""
    better, image = quality(method)
    plain, without = quality(method, use_std=False)
    assert better > plain + least
    best = recon.reconstruct(small_matrix(), small_measurement(snr=40.0), method)["image"].values
    assert recon.psnr(image["image"].values, best) > recon.psnr(without["image"].values, best) + 1
    assert image.attrs["matrix_errors"] > 1.5 and "matrix_errors" not in without.attrs


def test_the_radius_holds_noise_and_errors():
    """In the unit of both together their norm is about the root of the number of rows."""
    y = small_measurement(snr=40.0)
    eps = quality("admm")[1].attrs["eps"]
    assert np.sqrt(48) <= eps < 1.2 * np.sqrt(48)
    measured = recon.reconstruct(
        uncertain().assign_attrs(origin="measured"), y, std_coherence=0
    )  # the radius is not limited either
    assert measured.attrs["eps"] == eps


def test_coherent_errors_need_a_larger_ball():
    """A fit takes up most of such errors, so that the radius from its residual is too small; pSNR in dB."""
    y, matrix = small_measurement(snr=40.0), uncertain(0.02, coherent=True)
    found = {c: recon.reconstruct(matrix, y, std_coherence=c) for c in (0, COHERENCE)}
    quality = {c: recon.psnr(image["image"].values, y["phantom"].values) for c, image in found.items()}
    assert quality[COHERENCE] > quality[0] + 0.2
    assert found[COHERENCE].attrs["matrix_errors"] > 1.3 * found[0].attrs["matrix_errors"]
    default = recon.reconstruct(matrix, y)
    assert np.array_equal(default["image"], found[COHERENCE]["image"])
    with pytest.raises(mpisim.InputError, match="Input std_coherence must be from 0 to 1"):
        recon.reconstruct(matrix, y, std_coherence=10)


@pytest.mark.parametrize("method", ["admm", "kaczmarz"])
def test_a_deviation_of_zero_changes_nothing(method):
    matrix, y = uncertain(), small_measurement()
    zero = recon.reconstruct(matrix.assign({STD: 0 * matrix[STD]}), y, method)
    without = recon.reconstruct(matrix.drop_vars(STD), y, method)
    assert np.allclose(zero["image"], without["image"], rtol=1e-9, atol=1e-12)
    assert zero.attrs["matrix_errors"] == 1
    assert np.array_equal(recon.reconstruct(matrix, y, method, use_std=False)["image"], without["image"])


def test_units_frames_and_a_choice_of_rows():
    y = small_measurement()
    plain = recon.reconstruct(uncertain(), y, "kaczmarz")["image"].values
    micro = uncertain()
    scaled = {n: (micro[n].dims, 1e6 * micro[n].values, {"units": "uV"}) for n in ("system_matrix", STD)}
    assert np.allclose(recon.reconstruct(micro.assign(scaled), y, "kaczmarz")["image"], plain, rtol=1e-5, atol=1e-6)
    twice = y.assign(measurement=y["measurement"].expand_dims(frame=2))
    assert np.allclose(recon.reconstruct(uncertain(), twice, "kaczmarz")["image"][1], plain, rtol=1e-9)
    mask = np.arange(48) % 2 == 0
    few = recon.reconstruct(uncertain(), y, "kaczmarz", row_mask=mask)
    part = uncertain().isel(frequency=slice(0, 3, 2)), y.isel(frequency=slice(0, 3, 2))
    assert np.allclose(few["image"], recon.reconstruct(*part, "kaczmarz")["image"], rtol=1e-9)


def test_without_the_noise_it_cannot_be_used_and_this_is_said():
    y = small_measurement().drop_vars("noise_std")
    with pytest.warns(
        DataWarning, match=r"^The noise of the measurement is not known, so that .* noise_db gives the noise"
    ):
        image = recon.reconstruct(uncertain(), y, "kaczmarz")
    assert "matrix_errors" not in image.attrs
    assert recon.reconstruct(uncertain(), y, "kaczmarz", noise_db=30).attrs["matrix_errors"] > 1


def test_the_command_uses_it_unless_it_is_told_not_to(tmp_path, capsys):
    for name, data in (("a", uncertain()), ("y", small_measurement())):
        mpisim.write(data, tmp_path / f"{name}.nc")
    words = ["reconstruct", tmp_path / "a.nc", tmp_path / "y.nc", "--method", "kaczmarz", "--out", tmp_path / "i.nc"]
    assert json.loads(run(capsys, *words, "--json")[1])["matrix_errors"] > 1
    assert "matrix_errors" not in json.loads(run(capsys, *words, "--ignore-std", "--json")[1])


@pytest.mark.parametrize("method", ["tikhonov", "kaczmarz", "cg", "fista"])
def test_auto_takes_no_less_than_what_the_errors_ask_for(method):
    """More than the rule that it otherwise takes; with deviations of zero nothing changes, with smaller ones less."""
    y = small_measurement(snr=40.0)

    def taken(matrix, rule="auto"):
        return recon.reconstruct(matrix, y, method, regularisation=rule).attrs["regularisation"]

    errors = uncertain(0.2, coherent=True)
    zero = errors.assign({STD: 0 * errors[STD]})
    assert taken(errors) > 1.5 * taken(errors, "l-curve")
    assert taken(zero) == pytest.approx(taken(errors.drop_vars(STD)), rel=1e-6)
    assert taken(errors) > taken(errors.assign({STD: 0.1 * errors[STD]}))


def test_frames_share_the_least_lambda():
    y = small_measurement(snr=40.0)
    both = y.assign(measurement=y["measurement"].expand_dims(frame=2))
    one = recon.reconstruct(uncertain(0.2, coherent=True), y, "tikhonov", regularisation="auto")
    two = recon.reconstruct(uncertain(0.2, coherent=True), both, "tikhonov", regularisation="auto")
    assert two.attrs["regularisation"] == pytest.approx(2 * [one.attrs["regularisation"]], rel=1e-6)
