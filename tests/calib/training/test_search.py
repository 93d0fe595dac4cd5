"""The search: it reaches a minimum, continues after an interruption, and refuses the folder of another search."""

import math
import subprocess
import sys

import numpy as np
import pytest

from calib.training.search import Tunable, tune
from mpisim.errors import DivergenceError, InputError


def bowl(values, folder, data, options):
    """Least, 1, at a = 0.3 and b = 20."""
    return 1 + np.log10(values["a"] / 0.3) ** 2 + 0.1 * np.log10(values["b"] / 20) ** 2


BOWL = Tunable("a bowl", {"a": (1e-3, 1e1), "b": (1.0, 1e3)}, bowl)


def test_it_reaches_a_minimum_and_writes_it(tmp_path):
    result = tune(BOWL, tmp_path, tmp_path / "search", trials=40)
    lines = (tmp_path / "search" / "trials.csv").read_text().splitlines()
    first = float(lines[1].split(",")[-1])
    assert lines[0] == "trial,a,b,score" and len(lines) == 41
    assert result["score"] == pytest.approx(min(float(line.split(",")[-1]) for line in lines[1:]), rel=1e-6)
    assert result["score"] < 1.05 < first
    best = dict(line.split(" = ") for line in (tmp_path / "search" / "best.toml").read_text().splitlines())
    assert {k: float(v) for k, v in best.items()} == result["values"]


def test_an_interrupted_search_ends_with_the_same_result(tmp_path):
    whole = tune(BOWL, tmp_path, tmp_path / "whole", trials=8, seed=3)
    calls = []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return bowl(*arguments)

    with pytest.raises(KeyboardInterrupt):
        tune(Tunable("a bowl", BOWL.space, interrupted), tmp_path, tmp_path / "parts", trials=8, seed=3)
    assert tune(BOWL, tmp_path, tmp_path / "parts", trials=8, seed=3) == {**whole, "out": str(tmp_path / "parts")}
    texts = [(tmp_path / name / "trials.csv").read_text() for name in ("whole", "parts")]
    assert texts[0] == texts[1]
    with pytest.raises(InputError, match="output folder must be that of the same search"):
        tune(BOWL, tmp_path, tmp_path / "parts", trials=8, seed=4)
    with pytest.raises(InputError, match="output folder must be that of the same search"):
        tune(Tunable("another bowl", BOWL.space, bowl), tmp_path, tmp_path / "parts", trials=9, seed=3)
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "new.nc").touch()
    with pytest.raises(InputError, match="output folder must be that of the same search"):
        tune(BOWL, tmp_path, tmp_path / "parts", trials=9, seed=3)


def test_points_that_diverge_count_as_infinitely_bad(tmp_path):
    """A divergence, then a score of NaN, then the bowl: the search ends, even if it begins with the first two."""
    calls = []

    def score(*arguments):
        calls.append(1)
        if len(calls) == 1:
            raise DivergenceError("Input a must be small; instead received a large one.")
        return math.nan if len(calls) == 2 else bowl(*arguments)

    result = tune(Tunable("a bowl", BOWL.space, score), tmp_path, tmp_path / "search", trials=6)
    scores = [line.split(",")[-1] for line in (tmp_path / "search" / "trials.csv").read_text().splitlines()[1:]]
    assert scores[:2] == ["inf", "inf"] and result["trials"] == 6 and math.isfinite(result["score"])


def test_without_optuna(tmp_path):
    code = """if True:
        import sys
        sys.modules["optuna"] = None  # cannot be imported
        from calib.training.search import Tunable, tune
        tune(Tunable("a bowl", {}, None), sys.argv[1], sys.argv[1])
    """
    failed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "must be run with Optuna (`pip install 'mpisim[hpo]'`); instead received none" in failed.stderr
    assert not any(tmp_path.iterdir())


def test_a_damaged_search_gets_one_sentence(tmp_path):
    (tmp_path / "search.db").write_text("garbage")
    with pytest.raises(InputError, match=r"Input output folder must be that of an undamaged search, .* not a database"):
        tune(BOWL, tmp_path, tmp_path, trials=1)


def test_a_trial_that_another_process_finished_counts_once(tmp_path):
    calls = []

    def twice(*arguments):
        if not calls:
            calls.append(tune(BOWL, tmp_path, tmp_path / "search", trials=1))
        return bowl(*arguments)

    result = tune(Tunable("a bowl", BOWL.space, twice), tmp_path, tmp_path / "search", trials=1)
    assert result == calls[0] and result["trials"] == 1
