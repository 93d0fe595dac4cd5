"""Matrices that lack what a method needs: a sentence says what, and which method needs less or was taken instead."""

from dataclasses import replace

import numpy as np
import pytest

import calib
import mpisim
from calib.methods.physical import method
from mpisim.data.noise import complex_gaussian
from mpisim.errors import DataWarning, InputError

pytestmark = pytest.mark.filterwarnings("ignore::mpisim.errors.DataWarning")  # more of them, of the methods taken
PARTICLE = mpisim.Particle(24e-9)


def measured(shape=(16, 16), factor=2, angles=3, harmonics=(2, 3)):
    fine = mpisim.simulate(mpisim.open_sided_ffl(0.8, angles=angles, harmonics=harmonics), PARTICLE, mpisim.Grid(shape))
    return calib.downsample(fine, factor, snr=33.7, seed=1)


@pytest.fixture(scope="module")
def coarse():
    return measured()


def lacking(coarse, what):
    return {
        "angles": lambda: coarse.drop_vars("angle"),
        "different angles": lambda: coarse.assign_coords(angle=np.full(3, 0.4)),
        "a second angle": lambda: coarse.isel(angle=[1]),
        "harmonics": lambda: coarse.drop_vars(["harmonic", "frequency"]),
        "a drive frequency": lambda: coarse.isel(frequency=[0]).drop_vars("harmonic").assign_attrs(scanner={}),
        "values": lambda: measured((8, 8), 8),
        "signal": lambda: coarse.assign(system_matrix=0 * coarse["system_matrix"]),
    }[what]()


REFUSED = {
    ("physical", "angles"): "with the coordinate angle; bicubic-dc, or ridge",
    ("physical", "different angles"): "angles of coarse must be two different ones or more .*; bicubic-dc, or ridge",
    ("physical", "a second angle"): "angles of coarse must be two different ones or more .*; bicubic-dc, or ridge",
    ("physical", "harmonics"): "harmonics of coarse must be whole numbers.*; bicubic-dc, or ridge",
    ("physical", "a drive frequency"): "must number its harmonics .*; bicubic-dc, or ridge",
    ("physical", "values"): "4 values or more in a row, and more numbers than .* 7 unknowns; bicubic-dc, or ridge",
    ("physical", "signal"): "other than zero somewhere",
    ("profile-prior", "angles"): "with angles in rad for profile-prior; bicubic-dc, or ridge",
}


@pytest.mark.parametrize(("name", "what"), REFUSED)
def test_it_is_refused_with_the_name_of_a_method_that_needs_less(coarse, name, what):
    with pytest.raises(InputError, match=rf"^Input .*{REFUSED[name, what]}.*instead received"):
        calib.recover(lacking(coarse, what), name)


TAKEN = {
    ("profile-prior", "harmonics"): "recovered by profile instead of profile-prior, because the matrix does not state",
    ("profile-prior", "signal"): "recovered by profile instead of profile-prior, because all values are zero",
    ("linear-bayes", "angles"): "recovered by bicubic-dc instead of linear-bayes, because the prior has 32 x 32 voxels",
    ("auto", "angles"): "The method is ridge, because no scanner can be fitted without angles",
    ("auto", "different angles"): r"The method is \S+, because no scanner can be fitted \(angles of coarse must be two",
    ("auto", "a second angle"): r"The method is \S+, because no scanner can be fitted \(angles of coarse must be two",
    ("auto", "harmonics"): r"The method is \S+, because no scanner can be fitted \(harmonics of coarse must be whole",
    ("auto", "a drive frequency"): r"The method is \S+, because no scanner can be fitted \(coarse must number its",
    (
        "auto",
        "values",
    ): r"The method is \S+, because no .* no scanner can be fitted \(coarse must be of 4 values",
    ("auto", "signal"): r"The method is \S+, because no scanner can be fitted \(coarse must be other than zero",
}


@pytest.mark.parametrize(("name", "what"), TAKEN)
def test_another_method_is_taken_and_a_warning_says_why(coarse, name, what):
    matrix = lacking(coarse, what)
    with pytest.warns(DataWarning, match=TAKEN[name, what]):
        found = calib.recover(matrix, name)
    sizes = [float(np.linalg.norm(m["system_matrix"])) for m in (found, calib.recover(matrix, "bicubic"))]
    assert 0.5 * sizes[1] <= sizes[0] <= 4 * sizes[1]


def test_values_that_do_not_determine_a_scanner_are_not_fitted():
    """Four positions, all at one distance from the axis at angles along the axes of the grid: any steepness fits."""
    along = measured((16, 16), 8, angles=2, harmonics=(2, 3, 5))
    with pytest.warns(DataWarning, match="profile instead of physical, because the values do not determine its param"):
        calib.recover(along, "physical")
    with pytest.raises(InputError, match=r"^Input angles must be left out, since the values do not determine"):
        calib.recover(along, "physical", angles=4)


def test_block_means_that_do_not_determine_profiles_are_not_fitted():
    """One position at the axis: there odd profiles vanish, whatever their size."""
    with pytest.warns(DataWarning, match="instead of profile-prior, because the block means do not determine"):
        found = calib.recover(measured((8, 8), 8, angles=4), "profile-prior")
    assert np.abs(found["system_matrix"]).max() < 1e-3


def test_a_matrix_that_is_not_from_a_field_free_line_is_not_fitted(coarse):
    """White noise. `auto` takes what presumes least."""
    noise = complex_gaussian((3, 2, 4, 4), 1e-5, 3)
    matrix = coarse.isel(x=slice(4), y=slice(4)).assign(
        system_matrix=(coarse["system_matrix"].dims, noise, coarse["system_matrix"].attrs)
    )
    with pytest.warns(DataWarning, match="instead of physical, because no ideal scanner with a field-free line"):
        calib.recover(matrix, "physical")


@pytest.mark.parametrize(("excess", "taken"), [(20.0, False), (1.0, True)])
def test_a_fit_that_does_not_converge_is_never_a_silent_answer(coarse, monkeypatch, excess, taken):
    """If it leaves more than noise the next simpler method is taken, and otherwise a warning says so."""
    fit = method.fit_measurement

    def unconverged(*given):
        fitted = fit(*given)
        climbed = replace(fitted.climbed, fit=replace(fitted.climbed.fit, converged=False))
        return replace(fitted, climbed=climbed, excess=excess)

    monkeypatch.setattr(method, "fit_measurement", unconverged)
    words = (
        "has not converged completely" if taken else "profile instead of physical, because the fit .* did not converge"
    )
    with pytest.warns(DataWarning, match=words):
        found = calib.recover(coarse, "physical")
    assert found.attrs["recovery"].get("instead") == (None if taken else "profile")
