"""Table III on imperfect scanners: its short form, and data from files."""

import numpy as np
import pytest
import xarray as xr

import mpisim
from calib.recovery import recover
from calib.studies.catalogue import STUDIES
from calib.studies.harness.study import StudyOptions
from calib.studies.realistic import IDEAL, ideal_of, realistic_scanners
from mpisim.data.downsampling import downsample
from mpisim.dataset.realistic import LEVELS
from mpisim.errors import InputError
from tests.small import csv_rows

SCANNER = mpisim.ImperfectFFL.of(
    mpisim.open_sided_ffl(0.6, angles=3, harmonics=(2, 3)), line=mpisim.AngleErrors(offset_spread=3e-4)
)
SETUP = mpisim.Setup(
    SCANNER, mpisim.LogNormal(22e-9, 0.1), mpisim.Grid((8, 8)), mpisim.Sample(points=4, offset=(2e-4, 0, 0))
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data set of one scanner of each level."""
    out = tmp_path_factory.mktemp("data")
    for split, levels in (("test", LEVELS), ("outside", ("outside",))):
        for number, level in enumerate(levels):
            (out / split).mkdir(exist_ok=True)
            mpisim.write(SETUP.simulate().assign_attrs(scanner_level=level), out / split / f"{number:04d}_{level}.nc")
    return out


def test_files_of_each_level_beside_the_ideal(tmp_path, folder):
    result = STUDIES["realistic"](tmp_path, data=folder, methods=("bicubic-dc",), factors=(2, 4))
    rows = csv_rows(tmp_path / "realistic.csv")
    assert [r["level"] for r in rows[::2]] == [IDEAL, *LEVELS, "outside"]
    assert {r["scanners"] for r in rows} == {"1"} and result["scanners"] == 5
    stored = xr.open_dataset(tmp_path / "realistic.nc").load()
    assert stored["nrmse"].dims == ("method", "factor", "scanner") and not np.isnan(stored["nrmse"]).any()
    fine = SETUP.simulate()
    by_hand = mpisim.nrmse(recover(downsample(fine, 4, seed=1), "bicubic-dc"), fine)  # number 1 of its split
    place = list(stored["level"].values).index("medium")
    assert float(stored["nrmse"][0, 1, place]) == pytest.approx(by_hand, rel=1e-5)
    assert (tmp_path / "realistic.png").read_bytes().startswith(b"\x89PNG")


def test_the_ideal_scanner_is_that_of_the_same_gradient_and_median():
    ideal = ideal_of(SETUP.simulate())
    scanner = mpisim.open_sided_ffl(0.6, angles=3, harmonics=(2, 3))
    wanted = mpisim.simulate(scanner, mpisim.Particle(22e-9), SETUP.grid, mpisim.Sample(points=4))
    np.testing.assert_array_equal(ideal["system_matrix"], wanted["system_matrix"])


def test_other_data_are_refused(tmp_path, folder):
    (tmp_path / "test").mkdir()
    mpisim.write(SETUP.simulate(), tmp_path / "test" / "a.nc")
    with pytest.raises(InputError, match="Input data must be a folder of `mpisim dataset --preset realistic`"):
        STUDIES["realistic"](tmp_path / "out", data=tmp_path, methods=("bicubic",))


def test_short_form(tmp_path):
    result = STUDIES["realistic"](tmp_path, quick=True, methods=("bicubic",))
    assert result["scanners"] == 5 and "a short form" in result["text"]
    errors = {row["level"]: row["nrmse_percent"] for row in result["table"]}
    assert list(errors) == [IDEAL, *LEVELS, "outside"] and all(e > 0 for e in errors.values())
    assert (tmp_path / "realistic_quick.nc").is_file()


def test_the_number_of_scanners_of_a_level_is_limited(tmp_path, folder):
    for level in LEVELS:
        mpisim.write(SETUP.simulate().assign_attrs(scanner_level=level), folder / "test" / f"0009_{level}_again.nc")
    most, every = (list(realistic_scanners(StudyOptions(tmp_path, data=folder, scanners=n))) for n in (1, None))
    assert [s.level for s in most] == [*LEVELS, "outside"] and len(every) == len(most) + len(LEVELS)
    assert [s.number for s in most] == [0, 1, 2, 0]  # the number in the split, not in the level
    with pytest.raises(InputError, match="Input scanners must be"):
        StudyOptions(tmp_path, scanners=0)
