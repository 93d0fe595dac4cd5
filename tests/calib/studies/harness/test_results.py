"""Tables as CSV, text and datasets."""

import io

import numpy as np
import pandas as pd
import pytest

from calib.studies.harness.results import as_csv, deviation, table_dataset, text_table

TABLE = [
    {"method": "a, b", "steps": 1234567, "error": 0.123456789, "weights": None},
    {"method": "c", "steps": None, "error": float("nan"), "weights": "bundled"},
]


def test_deviations():
    assert deviation(2.0, 1.6) == pytest.approx(25) and deviation(2.0, 1.6, relative=False) == pytest.approx(0.4)
    assert deviation(None, 1.0) is deviation(1.0, None) is deviation(float("nan"), 1.0) is None


def test_a_text_table_is_aligned():
    lines = text_table(("name", "x"), [("a", 1.5), ("long name", None)], ["note"]).splitlines()
    assert lines == ["name         x", "a          1.5", "long name    -", "note"]


def test_columns_without_a_value_are_left_out_of_the_text():
    lines = text_table(("name", "paper", "x"), [("a", None, 1), ("b", None, 2)]).splitlines()
    assert lines == ["name  x", "a     1", "b     2"]


def test_csv_has_six_digits_whole_numbers_and_empty_cells():
    assert as_csv(TABLE) == 'method,steps,error,weights\n"a, b",1234567,0.123457,\nc,,,bundled\n'
    read = pd.read_csv(io.StringIO(as_csv(TABLE)))
    assert list(read["method"]) == ["a, b", "c"] and read["steps"][0] == 1234567


def test_columns_become_variables_and_coordinates():
    data = table_dataset(TABLE, "row", ("steps", "error"), {"name": "method"})
    assert data["steps"].values[0] == 1234567 and np.isnan(data["steps"].values[1])
    assert data["name"].values.tolist() == ["a, b", "c"] and dict(data.sizes) == {"row": 2}
    assert table_dataset([], "row", ("steps",), {"name": "method"})["steps"].shape == (0,)
