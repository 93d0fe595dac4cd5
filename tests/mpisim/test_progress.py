"""Long work off a terminal prints a line now and then, and short work none."""

import pytest

import mpisim.progress
from mpisim.progress import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves; `wait(seconds)` moves it."""
    now = [1000.0]
    monkeypatch.setattr("mpisim.progress.time.monotonic", lambda: now[0])
    monkeypatch.setattr(mpisim.progress._Lines, "printed", 0.0)
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


def test_nothing_in_the_first_half_minute(capsys, clock):
    assert [n * n for n in progress(range(3), unit="row")] == [0, 1, 4]
    for _ in progress(range(29), unit="row"):
        clock(1)
    assert capsys.readouterr().err == ""


def test_what_is_done_and_the_time_to_expect(capsys, clock):
    """A line in 30 s: 200 steps of 1 s, of which a resumed work had made 20 before."""
    with progress(total=200, initial=20, unit="step") as bar:
        for _ in range(180):
            clock(1)
            bar.set_postfix_str("nRMSE 3 %")
            bar.update()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "step 50 of 200 (nRMSE 3 %): 30 s so far, about 2 min to go"
    assert lines[2] == "step 110 of 200 (nRMSE 3 %): 90 s so far, about 90 s to go" and len(lines) == 6


def test_nested_work_prints_one_line_for_all_levels(capsys, clock):
    """Before the first row ends, the time to expect is that of the row."""
    for _ in progress(["a", "b"], unit="row"):
        for _ in progress(range(6), unit="batch", desc="cs"):
            clock(10)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "row 0 of 2, cs batch 3 of 6: 30 s so far, about 30 s to go for this row"
    assert lines[2] == "row 1 of 2, cs batch 3 of 6: 90 s so far, about 90 s to go"
    assert len(lines) == 4


def test_work_that_fails_is_no_level_of_the_next(capsys, clock):
    with pytest.raises(ZeroDivisionError):
        for _ in progress(range(2), unit="row"):
            1 / 0  # noqa: B018
    forgotten = progress(unit="step")
    forgotten.update()
    del forgotten
    for _ in progress(range(4), unit="image"):
        clock(10)
    assert capsys.readouterr().err == "image 3 of 4: 30 s so far, about 10 s to go\n"
