"""The table of methods: its options, and a method of another package."""

import inspect
from dataclasses import fields

import numpy as np
import pytest

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
