"""The noise level of a dataset: unknown is not none; what is given, estimated and said."""

import numpy as np
import pytest

from mpisim.data.downsampling import downsample
from mpisim.data.noise import complex_gaussian
from mpisim.data.noise_level import GivenNoise, level_of, measured_values, values_of_equal_noise, with_noise
from mpisim.data.schema import build
from mpisim.data.views import noise_known, noise_per_row
from mpisim.errors import DataWarning, InputError
from tests.mpisim.data.matrices import sample_matrix

SAMPLING = {"scheme": "box", "factor": 2}


@pytest.fixture
def smooth():
    """A coarse matrix of rank 1 with noise of 0.5 (unit V), which it does not state."""
    row = np.exp(-(np.linspace(-2, 2, 16) ** 2))
    values = 20 * np.linspace(1, 2, 60)[:, None] * row + complex_gaussian((60, 16), 0.5, 0)
    coords = {"y": 1e-3 * np.arange(4), "x": 1e-3 * np.arange(4)}
    dims = ("frequency", "y", "x")
    attributes = {"stage": "coarse", "origin": "measured", "sampling": SAMPLING}
    return build("system_matrix", values.reshape(60, 4, 4), dims, coords, **attributes)


def test_unknown_noise_is_not_none():
    unknown = sample_matrix(origin="measured")
    exact = sample_matrix(origin="measured", noise_std=0.0)
    assert not noise_known(unknown) and noise_known(exact) and not noise_per_row(exact).any()
    with pytest.raises(InputError, match="must be one that states its noise"):
        noise_per_row(unknown)


def test_simulated_matrices_of_earlier_versions_are_exact_and_coarse_ones_are_not():
    assert not noise_per_row(sample_matrix(origin="simulated")).any()
    assert not noise_known(sample_matrix("coarse", origin="simulated", sampling=SAMPLING))


@pytest.mark.parametrize(("given", "sigma"), [({"noiseless": True}, 0), ({"noise_std": 2}, 2), ({"snr": 20}, 0.1)])
def test_a_level_is_given_in_three_ways(smooth, given, sigma):
    level = np.sqrt(np.mean(np.abs(measured_values(smooth)) ** 2))
    found = with_noise(smooth, **given)["noise_std"]
    assert float(found) == pytest.approx(sigma * (level if "snr" in given else 1)) and found.attrs["units"] == "V"
    y = build("measurement", np.full(3, 2j), ("frequency",), {}, origin="measured")
    assert float(with_noise(y, **given)["noise_std"]) == pytest.approx(sigma * (2 if "snr" in given else 1))


def test_nothing_given_changes_nothing(smooth):
    assert with_noise(smooth) is smooth


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"snr": 30, "noiseless": True}, "Input noise level must be given once, as snr, noise_std or noiseless; "),
        ({"snr": 30, "noise_std": 0.0}, "Input noise level must be given once"),
        ({"noise_std": -1}, "Input noise_std must be a number of zero or more"),
        ({"snr": np.nan}, "Input snr must be a finite number of decibels"),
    ],
)
def test_bad_levels(given, message):
    with pytest.raises(InputError, match=message):
        GivenNoise(**given)
    with pytest.raises(InputError, match="a system matrix or a measurement"):
        with_noise(build("image", np.ones((1, 1)), ("y", "x"), {"y": [0.0], "x": [0.0]}), snr=3)


@pytest.mark.parametrize("slip", [1e6, 1e-12])
def test_a_deviation_in_another_unit_is_refused(smooth, slip):
    with pytest.raises(
        InputError, match=r"^Input noise_std must be 0, or from .* for values of an RMS of .*, in their"
    ):
        with_noise(smooth, noise_std=0.5 * slip)


def test_a_known_level_holds(smooth):
    assert level_of(with_noise(smooth, noise_std=0.5), GivenNoise()) is None


def test_an_unknown_level_is_estimated_and_said(smooth):
    with pytest.warns(
        DataWarning, match=r"^The noise of coarse is not stated; 0\.\d+ V \(\d+\.\d dB below the RMS\) was"
    ):
        level = level_of(smooth, GivenNoise())
    assert level.estimated and level.noise_std == pytest.approx(0.5, rel=0.1)
    rms = np.sqrt(np.mean(np.abs(measured_values(smooth)) ** 2))
    assert level.snr == pytest.approx(20 * np.log10(rms / level.noise_std))
    assert level.described() == {
        "noise_std": level.noise_std,
        "snr": level.snr,
        "estimated": True,
        "bound": False,
        "by_row": False,
    }


def test_an_upper_bound_is_said(smooth):
    with pytest.warns(
        DataWarning,
        match=r"only tell that it is at most 0\.\d+ V \(\d+\.\d dB below the RMS\), which is used; give snr, noise_std",
    ):
        level = level_of(smooth.isel(frequency=slice(2)), GivenNoise())
    assert level.described()["bound"] and 0.4 < level.noise_std < 1


def test_noise_that_differs_is_told_row_by_row(smooth):
    sigma = np.where(np.arange(60) % 2, 3.0, 0.5)
    noise = complex_gaussian((60, 4, 4), 1.0, 1) * sigma[:, None, None]
    values = noise + 20 * np.linspace(1, 2, 60)[:, None, None] * np.exp(-(np.linspace(-2, 2, 16) ** 2)).reshape(4, 4)
    loud = smooth.assign(system_matrix=(smooth["system_matrix"].dims, values))
    with pytest.warns(DataWarning, match=r"estimated from its rows and is used, row by row since it differs\.$"):
        level = level_of(loud, GivenNoise())
    found = noise_per_row(level.applied(loud))
    assert np.quantile(found / sigma, [0.1, 0.9]) == pytest.approx([0.75, 1.25], abs=0.15)
    assert level.noise_std == pytest.approx(np.sqrt(np.mean(sigma**2)), rel=0.1) and level.described()["by_row"]
    block = level.part(20, 10).applied(loud.isel(frequency=slice(20, 30)))
    assert np.array_equal(noise_per_row(block), found[20:30])


def test_exact_values_count_as_exact(smooth):
    exact = np.round(smooth["system_matrix"].values.real * 0 + 1) * np.exp(1j * np.arange(60))[:, None, None]
    with pytest.warns(DataWarning, match="none was found beyond rounding, and its values count as exact"):
        level = level_of(smooth.assign(system_matrix=(smooth["system_matrix"].dims, exact)), GivenNoise())
    assert level.noise_std == 0 and level.snr is None


def test_a_matrix_of_zeros_is_said(smooth):
    with pytest.warns(DataWarning, match=r"^All values of coarse are zero: no signal was read\.$"):
        level = level_of(smooth.assign(system_matrix=0 * smooth["system_matrix"]), GivenNoise())
    assert level.noise_std == 0


def test_a_given_level_replaces_that_of_the_file(smooth):
    known = with_noise(smooth, noise_std=0.5)
    with pytest.warns(DataWarning, match=r"^The noise level that was given, 0\.2 V, replaces 0\.5 V of coarse\.$"):
        level = level_of(known, GivenNoise(noise_std=0.2))
    assert level.noise_std == 0.2 and not level.estimated
    assert level_of(known, GivenNoise(noise_std=0.5)).noise_std == 0.5  # without a word: it is the same


def test_unmeasured_voxels_of_random_sampling_do_not_count(smooth):
    mask = np.zeros((4, 4), np.int8)
    mask[::2, 1:] = 1
    values = smooth["system_matrix"].values * mask
    data = smooth.assign(system_matrix=(smooth["system_matrix"].dims, values), sampled=(("y", "x"), mask))
    assert np.array_equal(measured_values(data), values[:, mask == 1])
    sigma = float(with_noise(data, snr=20)["noise_std"])
    assert sigma == pytest.approx(0.1 * np.sqrt(np.mean(np.abs(values[:, mask == 1]) ** 2)))


def test_the_level_of_samples_over_the_edge_is_that_of_whole_blocks():
    """200 rows of rank 3 on 13 x 11 voxels, measured in blocks of 4: the estimate is within 5 % of what was added."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:11, :13]
    basis = np.stack([np.cos(0.2 * x), np.sin(0.3 * y), 0.1 * x * np.cos(0.1 * y)])
    values = np.einsum("rb,byx->ryx", rng.standard_normal((200, 3)) * np.exp(1j * rng.uniform(0, 6, (200, 1))), basis)
    coords = {"y": 1e-3 * np.arange(11), "x": 1e-3 * np.arange(13)}
    fine = build("system_matrix", values, ("frequency", "y", "x"), coords, stage="fine", origin="simulated")
    coarse = downsample(fine, 4, snr=30, seed=1, edge="fill")
    noise = values_of_equal_noise(coarse) - values_of_equal_noise(downsample(fine, 4, snr=None, edge="fill"))
    sigma = float(coarse["noise_std"])
    assert np.all(np.abs(np.sqrt(np.mean(np.abs(noise) ** 2, axis=0)) / sigma - 1) < 0.25)
    with pytest.warns(DataWarning, match="is not stated"):
        level = level_of(coarse.drop_vars("noise_std"), GivenNoise())
    assert level.noise_std == pytest.approx(sigma, rel=0.05) and level.by_row is None
