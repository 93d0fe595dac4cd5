"""Table II and Fig. 4, which share trainings of equal numbers of steps."""

import pytest

from calib.recovery import METHODS
from calib.studies.table2 import PUBLISHED
from tests.small import SMALL, entries, short


def test_fig4_takes_the_trainings_of_table2(tmp_path, cache):
    result = short("table2", tmp_path, cache, methods=("transms", "rdsr"))
    assert [row["method"] for row in result["table"]] == ["rdsr", "transms"]
    assert {row["status"] for row in result["table"]} == {"trained"}
    before = len(entries(cache))
    curve = [row for row in short("fig4", tmp_path, cache)["table"] if row["method"] == "transms"]
    assert len(entries(cache)) == before + 1  # without data consistency
    trained = next(row for row in result["table"] if row["method"] == "transms")
    assert curve[-1]["nrmse_percent"] == pytest.approx(trained["validation_percent"], abs=1e-9)
    assert (tmp_path / "fig4_quick.png").is_file()


def test_an_epoch_of_fig4_is_all_rows_of_the_training_matrices(tmp_path, cache):
    curve = [row for row in short("fig4", tmp_path, cache)["table"] if row["method"] == "transms"]
    rows = len(SMALL.of("train")) * 4 * 4  # angles and harmonics
    assert [row["step"] for row in curve] == [1, 2, 3, 4]
    assert [row["epoch"] for row in curve] == [step * 32 / rows for step in (1, 2, 3, 4)]


def test_published_figures_are_of_known_methods():
    assert set(PUBLISHED) <= set(METHODS)
