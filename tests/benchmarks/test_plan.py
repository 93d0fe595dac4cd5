import numpy as np
import pandas as pd

from benchmarks.plan import CASES, verdict


def test_the_verdict_counts_plans_that_hold_and_those_that_are_the_coarsest():
    columns = ("asked_percent", "found_percent", "coarser_percent", "low_percent", "high_percent")
    rows = [
        (1.0, 0.9, 1.2, 0.8, 1.0),  # holds, and is the coarsest
        (1.0, 1.2, 1.5, 0.8, 1.0),  # holds within the tolerance
        (1.0, 1.3, 1.9, 0.8, 1.4),  # does not hold
        (1.0, 0.5, 0.9, 0.4, 0.6),  # a coarser one would do
        (1.0, 0.5, np.nan, 0.4, 0.6),  # there is none that is coarser
    ]
    found = [line.split(": ")[1] for line in verdict(pd.DataFrame(rows, columns=columns))]
    assert found == ["4 of 5", "3", "3 of 4", "3 of 5", "4 of 5"]


def test_the_questions_differ():
    assert len({(c.gradient, c.diameter) for c in CASES}) == len(CASES) == 10
    assert {c.level for c in CASES} == {"mild", "medium", "strong"}
    assert min(c.error for c in CASES) <= 0.1 and max(c.error for c in CASES) >= 3
    assert len({c.grid for c in CASES}) >= 5
