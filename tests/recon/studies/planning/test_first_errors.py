import numpy as np
import pandas as pd
import pytest
import xarray as xr

from recon.studies.planning.first_errors import LEVELS, METHODS, NOISE, TABLE, extract, first_errors, spread_of
from tests.docs.pages import ROOT


def test_the_extract_is_that_of_the_study():
    study = pd.read_csv(ROOT / "docs" / "how_few" / "limits.csv")
    pd.testing.assert_frame_equal(extract(study), pd.read_csv(TABLE))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("method", METHODS)
def test_floor_and_noise_together_are_the_error_of_the_table(method, level):
    table = pd.read_csv(TABLE).set_index(["level", "method", "factor"])["nrmse_percent"]
    for factor, found in first_errors(method, level).items():
        error = table[level, method, factor] / 100
        assert found.floor > 0 and found.slope > 0
        assert np.hypot(found.floor, found.slope * NOISE) == pytest.approx(error, rel=0.01)


def test_noise_counts_more_with_fewer_angles_and_the_floor_does_not_change():
    many, few = (first_errors("physical", "medium", angles)[4] for angles in (60, 15))
    assert few.slope == pytest.approx(2 * many.slope) and few.floor == many.floor


def test_the_choosing_method_has_the_errors_of_the_fit():
    assert first_errors("auto", "mild") == first_errors("physical", "mild")


@pytest.mark.parametrize("level", LEVELS)
def test_the_spread_among_scanners_is_that_of_the_single_scanners_of_the_study(level):
    with xr.open_dataset(ROOT / "docs" / "how_few" / "limits.nc") as data:
        rows = data[["nrmse"]].to_dataframe().reset_index()
    rows = rows[(rows["method"] == "physical") & (rows["averages"] == 1) & (rows["level"] == level)]
    single = np.log(rows["nrmse"]).groupby(rows["factor"]).std().median()
    assert spread_of("physical", level) == pytest.approx(single, rel=0.35)
