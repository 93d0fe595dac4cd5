"""Choices of the user, and the table of studies."""

import pytest

from calib.studies.catalogue import STUDIES
from calib.studies.harness.study import StudyOptions, studies
from mpisim.errors import InputError
from tests.small import SMALL


def test_every_study_is_listed_under_its_name():
    listed = studies()
    tables, figures = (
        ["table2", "table3", "table4", "table7"],
        ["fig4", "fig5", "fig6", "fig7", "fig8", "fig11", "fig13"],
    )
    assert list(listed)[:11] == [*tables, *figures]
    assert all(name == study.name and callable(study.load()) for name, study in listed.items())


def test_cases_are_the_chosen_methods_with_the_factors_in_order():
    options = StudyOptions(".", methods=("b", "a"), factors=(4, 2))
    assert options.cases(("a", "b", "c")) == [("a", 4), ("a", 2), ("b", 4), ("b", 2)]
    assert StudyOptions(".").chosen(("a", "b", "c"), ("c", "b")) == ("b", "c")
    with pytest.raises(InputError, match="Input methods must be one of a; instead received 'b'"):
        options.cases(("a",))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("table3", dict(methods=("none",)), "Input methods must be one of bicubic.*; instead received 'none'"),
        ("table2", dict(methods=("bicubic",)), "Input methods must be one of rdsr"),
        ("fig5", dict(methods=("vdsr",)), "Input methods must be one of transms"),
        ("fig8", dict(methods=("cs",)), "Input methods must be one of bicubic"),
        ("table3", dict(factors=(3,)), "Input factors must be one of 2, 4, 8; instead received 3"),
        ("fig8", dict(factors=(4,)), "Input factors must be one of 2; instead received 4"),
        ("table3", dict(steps=0), "Input steps must be a whole number of at least 1"),
        ("table3", dict(budget_fraction=0), "Input budget_fraction must be a positive number"),
        ("table3", dict(budget_fraction=0.5, steps=4), "Input budget_fraction must be 1 where steps are given"),
        ("table3", dict(data="no/such/folder"), "Input data must be an existing folder"),
    ],
)
def test_bad_input_is_refused(tmp_path, name, options, message):
    with pytest.raises(InputError, match=message):
        STUDIES[name](tmp_path / "out", quick=True, protocol=SMALL, **options)


def test_an_output_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("content")
    for folders in (dict(out=tmp_path / "file"), dict(out=tmp_path / "out", cache=tmp_path / "file")):
        with pytest.raises(InputError, match="Input output folder must be a folder that can be made"):
            STUDIES["table3"](quick=True, protocol=SMALL, **folders)
    assert (tmp_path / "file").read_text() == "content"
