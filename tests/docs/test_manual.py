"""Every block of code in the manual does what the manual says."""

import pytest

import calib
import mpisim
from tests.docs.pages import ROOT, agrees, blocks_of, run_page

PAGES = [p for p in sorted((ROOT / "docs").rglob("*.md")) if "generated" not in p.parts and blocks_of(p)]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT / "docs")))
def test_code_of_the_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tables = (calib.METHODS, mpisim.SCANNERS)
    known = [set(table) for table in tables]
    try:
        assert run_page(page) >= 0
    finally:
        for table, names in zip(tables, known, strict=True):
            for name in set(table) - names:
                table.unregister(name)


def test_the_manual_has_code():
    assert len(PAGES) > 8


@pytest.mark.parametrize(
    "shown, printed, same",
    [
        (["rms  1.00"], ["rms  1.004"], True),
        (["rms  1.00"], ["rms  1.2"], False),
        (["rms 1"], ["std 1"], False),
        (["a 1", "..."], ["a 1", "b", "c"], True),
        (["a 1"], ["a 1", "b"], False),
        (["...", "c 3"], ["a", "b", "c 3"], True),
        (["...", "c 3"], ["a", "c 4"], False),
    ],
)
def test_output_is_compared(shown, printed, same):
    assert agrees(shown, printed) is same
