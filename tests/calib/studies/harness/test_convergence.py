"""Whether a training has converged."""

import pytest

from tests.small import NET, short


def test_convergence_is_judged_by_a_training_of_half_the_steps(tmp_path):
    half = short("weights", tmp_path, methods=(NET,), steps=4)["table"][0]
    whole = short("weights", tmp_path, methods=(NET,), steps=8)["table"][0]
    assert half["converged"] == "unknown"
    gained = 100 * (1 - whole["validation_percent"] / half["validation_percent"])
    assert whole["gain_percent"] == pytest.approx(gained)
    assert whole["converged"] == ("yes" if gained < 2 else "no")
    longer = short("weights", tmp_path, methods=(NET,), steps=32)["table"][0]  # two doublings of the longest
    ratio = longer["validation_percent"] / whole["validation_percent"]
    assert longer["gain_percent"] == pytest.approx(100 * (1 - ratio**0.5))
