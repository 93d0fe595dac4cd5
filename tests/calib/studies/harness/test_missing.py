"""Studies without weights: short forms train, others are refused with the command and the hours."""

import pytest

from calib.studies.catalogue import STUDIES
from calib.studies.harness.missing import hours, missing_note, shown
from calib.studies.harness.study import StudyOptions
from mpisim.errors import InputError
from tests.small import SMALL, Report

ROWS = [
    {"method": "rdsr", "factor": 2, "status": "missing"},
    {"method": "transms", "factor": 2, "status": "trained"},
    {"method": "bicubic", "factor": 2, "status": "no training"},
]


def test_rows_without_weights_are_left_out(tmp_path):
    options = StudyOptions(tmp_path)
    assert [row["method"] for row in shown(options, ROWS)] == ["transms", "bicubic"]
    note = missing_note(options, ROWS)
    assert note[0].startswith("left out, without weights: rdsr 2x") and "about 42 minutes" in note[0]
    assert missing_note(options, ROWS[1:]) == []
    with pytest.raises(
        InputError, match=r"Input weights must be .* rdsr 2x .*--train.* trains them in about 42 minutes"
    ):
        shown(options, ROWS[:1])


def test_hours_follow_steps_and_share(tmp_path):
    cases = [("transms", 4)] * 10
    assert hours(StudyOptions(tmp_path, train=True), cases) == "about 7 hours of one core"
    assert hours(StudyOptions(tmp_path, train=True, budget_fraction=0.1), cases) == "about 42 minutes of one core"
    assert hours(StudyOptions(tmp_path, train=True, steps=4000), cases) == "about 4 hours of one core"


def test_a_short_form_trains_what_is_missing(tmp_path, cache):
    report = Report()
    options = {"methods": ("transms",), "cache": cache, "protocol": SMALL, "report": report}
    result = STUDIES["fig4"](tmp_path, quick=True, **options)
    assert [row["step"] for row in result["table"]] == [1, 2, 3, 4]
    assert any("short form trains networks for 4 steps" in line for line in report)
    assert "trained for 4 steps only" in result["text"]
    again = STUDIES["fig4"](tmp_path, quick=True, **options)
    assert again["table"] == result["table"]
    with pytest.raises(InputError, match="Input weights must be bundled or in the cache for transms 4x"):
        STUDIES["fig4"](tmp_path / "full", factors=(4,), **options)
    assert not list((tmp_path / "full").glob("fig4*"))
