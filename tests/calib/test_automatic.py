"""The method `auto`: what it takes, what it says of it, and which warnings it passes on."""

import warnings

import numpy as np
import pytest

import calib
import mpisim
from calib.automatic import EXPLAINED, recover_automatically
from calib.recovery import recover_usually
from mpisim.data.schema import STD
from mpisim.errors import DataWarning, InputError, warn


@pytest.fixture(scope="module")
def fine():
    return mpisim.simulate(
        mpisim.open_sided_ffl(0.8, angles=8, harmonics=range(2, 6)), mpisim.Particle(24e-9), mpisim.Grid((16, 16))
    )


@pytest.fixture(scope="module")
def coarse(fine):
    return calib.downsample(fine, 2, snr=33.7, seed=3)


def result(fine, method, std=None, **metadata):
    """What `recover` returns for a method whose result is the fine matrix."""
    found = fine.assign_attrs(origin="recovered", recovery={"method": method, **metadata})
    values = found["system_matrix"]
    size = float(np.sqrt(np.mean(np.abs(values.values) ** 2) / 2))  # `std` is the expected nRMSE
    spread = None if std is None else (values.dims, np.full(values.shape, std * size), values.attrs)
    return found if spread is None else found.assign({STD: spread})


PARTLY = {"lengths": [0.3], "rows_partly_interpolated": 1}


def chosen(coarse, fine, physical, bayes, usual=None, profile=PARTLY, **given):
    """Recover with methods that return these; one that is an exception is raised."""
    table = {
        "physical": physical,
        "profile": profile,
        "linear-bayes": bayes,
        None: usual or {"method": "ridge", "reason": "it presumes least"},
        "bicubic-dc": {},
    }
    asked = []

    def by(matrix, method, options):
        assert matrix is coarse
        asked.append((method, dict(options)))
        found = table[method]
        if isinstance(found, Exception):
            raise found
        warn(f"{method} says something.")
        there = fine if method != "bicubic-dc" else fine * 1.1
        return result(there, **{"method": method, **found})

    with warnings.catch_warnings(record=True) as said, pytest.MonkeyPatch.context() as patch:
        patch.setattr("calib.automatic.coil_priors", lambda prior: None)
        patch.setattr("calib.automatic.fit_of", lambda earlier: earlier)
        warnings.simplefilter("always")
        found = recover_automatically(coarse, by, **(given or {"prior": "folder"}))
    return found.metadata, asked, [str(w.message) for w in said]


GOOD = {"chi2": 1.0, "chi2_excess": 0.5, "std": 1e-3}
POOR = {"chi2": 1.8, "chi2_excess": 3 * EXPLAINED, "std": 1e-2}


def test_a_fit_that_leaves_noise_is_taken(coarse, fine):
    metadata, asked, said = chosen(coarse, fine, GOOD, GOOD)
    assert metadata["method"] == "physical" and asked == [("physical", {})]
    assert said == ["physical says something."]
    assert metadata["reason"] == "a fitted scanner explains the measurement (chi2 1)"


@pytest.mark.parametrize(("std", "method"), [(5e-3, "linear-bayes"), (2e-2, "physical"), (None, "physical")])
def test_of_two_that_leave_more_the_one_of_smaller_expected_error_is_taken(coarse, fine, std, method):
    metadata, asked, said = chosen(coarse, fine, POOR, {"chi2": 1.1, "std": std})
    words = f"The method is {method}, because a fitted scanner leaves more than noise (chi2 1.8), "
    assert metadata["method"] == method and said[0].startswith(words) and said[1:] == [f"{method} says something."]
    assert asked == [("physical", {}), ("profile", {}), ("linear-bayes", {"prior": "folder"}), ("bicubic-dc", {})]
    assert [t["method"] for t in metadata["tried"]] == ["physical", "linear-bayes"]
    assert metadata["tried"][0]["expected_nrmse"] > 0 and metadata["tried"][0]["chi2"] == 1.8


@pytest.mark.parametrize("physical", [POOR, InputError("Input coarse must be another.")])
def test_profiles_that_leave_only_noise_of_all_rows_are_taken(coarse, fine, physical):
    metadata, asked, said = chosen(coarse, fine, physical, GOOD, profile={"lengths": [0.3]})
    assert metadata["method"] == "profile" and [name for name, _ in asked] == ["physical", "profile"]
    assert "while profiles leave only noise of all rows" in said[0]
    few = coarse.isel(angle=slice(6))
    assert chosen(few, fine, POOR, GOOD, profile={"lengths": [0.3]})[0]["method"] == "linear-bayes"


@pytest.mark.slow
def test_a_tracer_with_a_history_has_profiles_but_no_scanner():
    tracer = mpisim.BrownRotation(mpisim.Particle(25e-9), coating=10e-9)
    fine = mpisim.simulate(mpisim.open_sided_ffl(0.7, angles=8, harmonics=range(2, 6)), tracer, mpisim.Grid((16, 16)))
    with pytest.warns(DataWarning, match="The method is profile, because .* profiles leave only noise of all rows"):
        recovered = calib.recover(calib.downsample(fine, 2, snr=45, seed=0))
    assert calib.nrmse(recovered, fine) < 0.01


@pytest.mark.parametrize(("std", "method"), [(0.04, "physical"), (0.06, "ridge")])
def test_a_fit_that_leaves_more_is_compared_with_interpolation(coarse, fine, std, method):
    """The interpolant is a tenth away; a fit that expects to err by more than half of that is no better."""
    metadata, _, said = chosen(coarse, fine, {**POOR, "std": std}, InputError("Input coarse must be another."))
    assert metadata["method"] == method and said[0].startswith(f"The method is {method}, because a fitted scanner ")
    assert ("interpolated rows differ by less than twice the error that it expects" in said[0]) == (method == "ridge")


@pytest.mark.parametrize(
    "physical",
    [InputError("Input coarse must have angles; instead received none."), {"instead": "profile", "reason": "no fit"}],
)
@pytest.mark.parametrize(
    ("bayes", "method"),
    [
        ({"chi2": 1.2, "std": 1e-2}, "linear-bayes"),
        ({"chi2": [1.2, 1.1], "std": 1e-2}, "linear-bayes"),  # two coils
        ({"chi2": 5.0, "std": 0.04}, "linear-bayes"),  # the interpolant is a tenth away
        ({"chi2": 5.0, "std": 0.08}, "ridge"),
        ({"chi2": 5.0}, "ridge"),
        ({"reason_of_fallback": "other voxels"}, "ridge"),
        ({"chi2": 1.2, "std": 1e-2, "rows_refitted": {"bicubic-dc": 20}}, "ridge"),
        (InputError("Input coarse must be another; instead received this."), "ridge"),
    ],
)
def test_without_a_fit_a_prior_counts_if_it_explains_the_measurement(coarse, fine, physical, bayes, method):
    metadata, _, said = chosen(coarse, fine, physical, bayes)
    assert metadata["method"] == method
    assert said[0] == f"The method is {method}, because {metadata['reason']}."
    assert said[1:] == [f"{'None' if method == 'ridge' else method} says something."]
    assert metadata["tried"][0]["refused"]


def test_a_fit_that_has_not_converged_is_compared(coarse, fine):
    metadata, _, said = chosen(coarse, fine, {**GOOD, "converged": False, "std": 2e-2}, {"chi2": 1.0, "std": 1e-2})
    assert metadata["method"] == "linear-bayes" and "has not converged (chi2 1)" in said[0]


@pytest.mark.parametrize("failure", [np.linalg.LinAlgError("not definite"), ValueError("only finite values")])
def test_a_method_that_fails_does_not_count(coarse, fine, failure):
    metadata, _, _ = chosen(coarse, fine, failure, failure)
    assert metadata["method"] == "ridge"
    assert metadata["tried"][0]["refused"] == f"it failed ({type(failure).__name__}: {failure})"


@pytest.mark.parametrize(
    "must, told",
    [
        ("two or more for the method physical; ridge needs none; instead received 1.", "two or more"),
        ("0.5 rad apart for the method physical. Ridge needs none.", "0.5 rad apart"),
        ("within 1.5e-3; instead received 0.2.", "within 1.5e-3"),
        ("at most 0.5.", "at most 0.5"),
    ],
)
def test_what_a_matrix_lacks_is_said(coarse, fine, must, told):
    metadata, _, said = chosen(coarse, fine, InputError(f"Input angles of coarse must be {must}"), {"chi2": 5.0})
    words = f"no scanner can be fitted (angles of coarse must be {told}), and it presumes least"
    assert metadata["reason"] == words and said[0] == f"The method is ridge, because {words}."


def test_angles_and_an_earlier_fit_are_for_the_fit(coarse, fine):
    given = {"angles": 12, "prior_scanner": "earlier.nc", "prior": "folder"}
    metadata, asked, said = chosen(coarse, fine, POOR, {"chi2": 1.0, "std": 1e-9}, **given)
    assert metadata["method"] == "physical" and [method for method, _ in asked] == ["physical"]
    assert asked[0][1]["prior_scanner"] == "earlier.nc" and np.allclose(
        asked[0][1]["angles"], np.pi * np.arange(12) / 12
    )
    assert "yet no other has rows at angles that were not measured" in said[0]
    asked = chosen(coarse, fine, POOR, {"chi2": 1.0, "std": 1e-9}, prior_scanner="earlier.nc")[1]
    given = [("physical", {"prior_scanner": "earlier.nc"}), ("profile", {}), ("linear-bayes", {"prior": None})]
    assert asked == [*given, ("bicubic-dc", {})]


@pytest.mark.parametrize(
    "physical", [InputError("Input coarse must be another; instead received this."), {"instead": "cs", "reason": "no"}]
)
def test_without_a_fit_there_are_no_rows_at_other_angles(coarse, fine, physical):
    words = "^Input angles must be left out, since no scanner .* and no other method has rows at angles that were not"
    with pytest.raises(InputError, match=words + ".*; instead received 12 angles"):
        chosen(coarse, fine, physical, {"chi2": 1.0, "std": 1e-9}, angles=12)
    with pytest.raises(InputError, match="angles must be in rad"):
        chosen(coarse, fine, physical, GOOD, angles=[10.0, 20.0])


def test_where_nothing_can_be_done_the_last_sentence_is_raised(coarse, fine):
    refused = InputError("Input coarse must be another; instead received this.")
    with pytest.raises(InputError, match="must be another"):
        recover_automatically(coarse, lambda *_: (_ for _ in ()).throw(refused))


def test_an_ideal_scanner_is_fitted(coarse, fine):
    found = calib.recover(coarse, "auto")
    recovery = found.attrs["recovery"]
    assert recovery["method"] == "physical" and [t["method"] for t in recovery["tried"]] == ["physical"]
    assert calib.nrmse(found, fine) < 2e-3 < calib.nrmse(calib.recover(coarse, "bicubic-dc"), fine)
    assert found.equals(calib.recover(coarse, "physical"))


def test_angles_and_an_earlier_fit(coarse, fine, tmp_path):
    """As `physical` alone, from file to file too; the warning of an option that does not fit is that of `auto`."""
    earlier = calib.recover(coarse, "physical")
    few = coarse.isel(angle=slice(None, None, 2))
    found = calib.recover(few, angles=8, prior_scanner=earlier)
    assert found.equals(calib.recover(few, "physical", angles=8, prior_scanner=earlier))
    assert found.attrs["recovery"]["changes"] and calib.nrmse(found, fine) < 2e-3
    mpisim.write(few, tmp_path / "few.nc")
    told = calib.recover_file(tmp_path / "few.nc", tmp_path / "fine.nc", values_at_once=512, angles=8)
    assert told["method"] == "physical" and told["rows"] == 16
    assert calib.nrmse(mpisim.read(tmp_path / "fine.nc"), fine) < 2e-3
    with pytest.raises(InputError, match="angles must be left out, since no scanner can be fitted without angles"):
        calib.recover(few.drop_vars("angle"), "auto", angles=8)


def test_without_angles_it_is_the_usual_choice(coarse):
    unknown = coarse.drop_vars("angle")
    with pytest.warns(DataWarning, match=r"The method is \S+, because no scanner can be fitted without angles") as said:
        found = calib.recover(unknown, "auto")
    assert len(said) == 1
    with pytest.warns(DataWarning):
        usual = recover_usually(unknown)
    assert found["system_matrix"].equals(usual["system_matrix"])
    assert found.attrs["recovery"]["method"] == usual.attrs["recovery"]["method"]
    assert "angle" in found.attrs["recovery"]["tried"][0]["refused"]


def test_it_is_the_default(coarse, tmp_path):
    """In memory and from file to file; a file in blocks has no method that needs all rows."""
    found, wanted = calib.recover(coarse), calib.recover(coarse, "auto")
    assert found.equals(wanted) and found.attrs["recovery"]["method"] == "physical"
    mpisim.write(coarse, tmp_path / "coarse.nc")
    told = calib.recover_file(tmp_path / "coarse.nc", tmp_path / "fine.nc")
    assert told["method"] == "physical" and told["reason"] == found.attrs["recovery"]["reason"]
    assert told["expected_nrmse"] == found.attrs["recovery"]["expected_nrmse"] < 2e-3
    with pytest.warns(DataWarning, match="The method is ridge"):
        told = calib.recover_file(tmp_path / "coarse.nc", tmp_path / "fine.nc", values_at_once=512)
    assert told["method"] == "ridge" and told["expected_nrmse"] is None
