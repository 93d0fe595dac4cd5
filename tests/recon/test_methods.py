"""The table of methods: its options, and a method of another package."""

import inspect
from dataclasses import fields

import numpy as np
import pytest
import xarray as xr

import mpisim
import recon
from mpisim import InputError
from recon.methods import AdmmOptions
from tests.recon.problems import small_matrix, small_measurement
from tests.recon.solvers.test_solver import GOOD, returning


@pytest.fixture
def registered():
    recon.METHODS.register("least-squares", GOOD)
    recon.METHODS.register("transposed", returning(lambda s: recon.Solution(s.images.T)))
    yield
    recon.METHODS.unregister("least-squares")
    recon.METHODS.unregister("transposed")


def test_the_options_of_admm_are_those_of_its_function():
    parameters = inspect.signature(recon.admm).parameters
    assert all(parameters[f.name].default == f.default for f in fields(AdmmOptions))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("scale", [1e-30, 1e30])
@pytest.mark.parametrize("method", ["admm", "kaczmarz", "tikhonov"])
def test_images_do_not_depend_on_the_unit_of_the_matrix(method, scale, known):
    """With the noise known and unknown; data of another unit give an image that is larger by the factor."""
    fine, y = small_matrix(), small_measurement()
    fine = fine.assign(system_matrix=fine["system_matrix"].astype(complex))
    y = y if known else y.drop_vars("noise_std")
    with xr.set_options(keep_attrs=True):
        scaled = fine.assign(system_matrix=scale * fine["system_matrix"])
        large = y.assign({name: 3 * scale * y[name] for name in ("measurement", "noise_std") if name in y})
    options = {"eps": "auto", "precision": "float64"} if method == "admm" else {}
    image, other = (recon.reconstruct(*pair, method, **options) for pair in ((fine, y), (scaled, large)))
    assert recon.nrmse(other["image"].values, 3 * image["image"].values) < 1e-6


@pytest.mark.parametrize(
    ("method", "option", "sentence"),
    [
        ("fbp", {"regularisation": "gcv"}, "regularisation must be a positive number or auto for the method fbp"),
        ("fbp", {"regularisation": -1}, "regularisation must be a positive number or auto for the method fbp"),
        ("kaczmarz", {"iterations": 2.5}, "iterations must be a whole number of at least 1; instead received 2.5"),
        ("cg", {"iterations": 2.5}, "iterations must be a whole number of at least 1; instead received 2.5"),
        *(
            (method, {"regularisation": True}, "regularisation must be a")
            for method in ("kaczmarz", "cg", "fista", "tikhonov", "fbp")
        ),
    ],
)
def test_bad_options_get_one_sentence_with_their_name(method, option, sentence):
    with pytest.raises(InputError, match=rf"^Input {sentence}"):
        recon.reconstruct(small_matrix(), small_measurement(), method, **option)


def test_a_preset_stands_for_its_options():
    published = recon.reconstruct(small_matrix(), small_measurement(), preset="transms")
    typed = recon.reconstruct(small_matrix(), small_measurement(), a1=0.95, atv=0.05, mu=10.0, iterations=5000)
    assert np.array_equal(published["image"], typed["image"]) and published.attrs["preset"] == "transms"
    assert published.attrs["options"]["a1"] == 0.95 and published.attrs["options"]["atv"] == 0.05
    changed = recon.reconstruct(small_matrix(), small_measurement(), preset="transms", iterations=4000)
    assert changed.attrs["options"] == {**published.attrs["options"], "iterations": 4000}  # what is given as well wins


def test_an_unknown_preset_is_refused():
    with pytest.raises(InputError, match=r"^Input preset must be one of transms; instead received 'TranSMS' \(did you"):
        recon.reconstruct(small_matrix(), small_measurement(), preset="TranSMS")
    with pytest.raises(InputError, match=r"^Input preset must be left out for the method tikhonov"):
        recon.reconstruct(small_matrix(), small_measurement(), "tikhonov", preset="transms")
    with pytest.raises(
        InputError, match=r"^Input preset fast of the solver must be made of scale; instead received mu"
    ):
        recon.Solver("least squares", GOOD.options, GOOD.solve, presets={"fast": {"mu": 1.0}})


@pytest.mark.filterwarnings("error")
def test_a_registered_method_reconstructs(registered):
    two = small_measurement().expand_dims(frame=2).drop_vars("noise_std").assign(noise_std=1.0)
    images = recon.reconstruct(small_matrix(), two.drop_vars("phantom"), method="least-squares", scale=2.0)
    once = recon.reconstruct(small_matrix(), two.drop_vars("phantom"), method="least-squares")
    assert np.array_equal(images["image"], 2 * once["image"]) and images["image"].shape == (2, 16, 16)
    assert images.attrs["options"] == {"scale": 2.0, "non_negative": True} and images.attrs["scale"] == [2.0, 2.0]


def test_a_registered_method_is_checked(registered):
    with pytest.raises(InputError, match=r"^Input options must be among scale for the method least-squares"):
        recon.reconstruct(small_matrix(), small_measurement(), method="least-squares", mu=1.0)
    with pytest.raises(InputError, match="eps must be left out for the method least-squares, which has no noise ball"):
        recon.reconstruct(small_matrix(), small_measurement(), method="least-squares", eps=1.0)
    with pytest.raises(InputError, match=r"^Input images in the result of the method transposed must be of the shape"):
        recon.reconstruct(small_matrix(), small_measurement(), method="transposed")


def test_the_defaults_beat_those_of_the_paper_and_of_0_1_0_on_another_scanner():
    """Tubes at 30 dB against the truth, with a scanner that is in no data set of the preset."""
    fine = mpisim.simulate(mpisim.open_sided_ffl(0.62, angles=30), mpisim.Particle(22e-9))
    y = recon.measure(fine, recon.phantoms.tubes(3e-3, gap=9e-3), snr=30, seed=5)

    def against_truth(method, **options):
        return recon.psnr(recon.reconstruct(fine, y, method, **options)["image"].values, y["phantom"].values)

    assert against_truth("admm") > against_truth("admm", preset="transms") + 2
    assert against_truth("tikhonov") > against_truth("tikhonov", regularisation=1e-3) + 0.3
    assert against_truth("kaczmarz") > against_truth("kaczmarz", regularisation=1e-3)
