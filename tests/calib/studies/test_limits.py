"""The study of limits: its short form on small scanners, and the time of a scanner."""

import pytest
import xarray as xr

import mpisim
from calib.recovery import recover
from calib.studies import limits
from calib.studies.catalogue import STUDIES
from calib.studies.harness.variants import _WITHOUT_DEVIATION
from mpisim.data.downsampling import downsample
from mpisim.data.schema import STD
from tests.small import csv_rows

SETUP = mpisim.Setup(
    mpisim.open_sided_ffl(0.6, angles=3, harmonics=(2, 3)), mpisim.Particle(22e-9), mpisim.Grid((8, 8))
)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """The study on one mild scanner, the ideal one in it, and one outside, at 2x and 4x."""
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("out")
    for split, level in (("test", "mild"), ("outside", "outside")):
        (data / split).mkdir()
        mpisim.write(SETUP.simulate().assign_attrs(scanner_level=level), data / split / f"0000_{level}.nc")
    return STUDIES["limits"](out, data=data, methods=("bicubic-dc", "physical"), factors=(2, 4)), out


def test_every_method_and_the_bound(result):
    (found, out), names = result, ("bicubic-dc", "physical", "bound")
    rows = csv_rows(out / "limits.csv")
    assert {r["level"] for r in rows} == {"ideal", "mild", "outside"} and found["scanners"] == 3
    assert {r["method"] for r in rows} == set(names)
    error = {(r["level"], r["method"], r["factor"], r["averages"]): float(r["nrmse_percent"]) for r in rows}
    for factor in ("2", "4"):
        assert error["ideal", "physical", factor, "1"] < 0.3 * error["ideal", "bicubic-dc", factor, "1"]
        assert error["ideal", "bound", factor, "16"] == pytest.approx(
            error["ideal", "bound", factor, "1"] / 4, rel=0.05
        )
    fit = next(r for r in rows if (r["level"], r["method"], r["factor"]) == ("ideal", "physical", "2"))
    assert 0.2 < float(fit["over_bound"]) < 5 and 0 < float(fit["within_68"]) < 1


def test_figures_are_those_of_a_recovery_by_hand(result):
    stored = xr.open_dataset(result[1] / "limits.nc").load()
    fine = SETUP.simulate()
    by_hand = mpisim.nrmse(recover(downsample(fine, 4, seed=0), "bicubic-dc"), fine)
    place = (stored["method"] == "bicubic-dc") & (stored["factor"] == 4) & (stored["level"] == "outside")
    assert float(stored["nrmse"][place][0]) == pytest.approx(by_hand, rel=1e-5)


def test_three_figures_are_drawn(result):
    for name in ("limits", "limits_coverage", "limits_time"):
        assert (result[1] / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_time_of_a_position_is_that_of_the_paper():
    assert limits.scanner_time(32**3) / 3600 == pytest.approx(12, rel=0.01)
    assert limits.scanner_time(4, 16) == pytest.approx(4 * (limits.MOVE + 16 * limits.RECORD))


@pytest.mark.parametrize("method", _WITHOUT_DEVIATION)
def test_methods_without_deviation_state_none(method):
    assert STD not in recover(downsample(SETUP.simulate(), 4), method)
