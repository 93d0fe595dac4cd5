"""Studies: their files, their short form, and (slow) the simulator's agreement with the published table."""

import pytest
import xarray as xr

from calib.recover import METHODS
from calib.shipped import shipped_weights
from calib.studies import STUDIES, table3
from calib.studies.table3 import PUBLISHED, evaluate_methods, summarise
from calib.studies.table3 import test_matrices as matrices_of_the_test_split


def test_the_short_form_of_table3(tmp_path):
    result = table3(tmp_path, quick=True)
    assert result["matrices"] == 3
    stored = xr.open_dataset(tmp_path / "table3.nc")["nrmse"]
    assert stored.dims == ("method", "factor", "noise", "matrix")
    known = {(r["method"], r["factor"], r["noise"]): r["nrmse_percent"] for r in result["table"]}
    for name, method in METHODS.items():
        for factor in (2, 4, 8):
            expected = not method.learned or shipped_weights(name, factor).is_file()
            assert ((name, factor, "noisy") in known) == expected
    assert known["bicubic", 2, "noiseless"] < known["bicubic", 4, "noiseless"] < known["bicubic", 8, "noiseless"]
    assert known["transms", 4, "noisy"] < 3 < known["bicubic-dc", 4, "noisy"]
    assert (tmp_path / "table3.csv").read_text().count("\n") == 1 + len(result["table"])
    assert set(STUDIES) == {"table3"}


@pytest.mark.slow
def test_agreement_with_the_paper():
    """Mean over the 34 test matrices within 10 % of the published figure."""
    classical = ("bicubic", "bicubic-strided")
    table = summarise(evaluate_methods(list(matrices_of_the_test_split(None, None)), classical))
    assert len(table) == 12
    for row in table:
        if (row["method"], row["factor"], row["noise"]) == ("bicubic-strided", 8, "noisy"):
            continue  # published +13 points of noise cannot be reproduced, see the README
        assert row["nrmse_percent"] == pytest.approx(row["published_percent"], rel=0.1), row
    assert set(PUBLISHED) >= set(classical)
