"""The inflation of stated deviations: found again where it is known, a compromise where no number is right."""

import numpy as np
import pytest

from calib.evaluation import evaluate
from calib.inflation import fit_inflation
from mpisim.data.deviation import along_and_across
from mpisim.data.noise import complex_gaussian
from mpisim.data.schema import CIRCULARITY, STD, build
from mpisim.errors import InputError

SHAPE, DIMS = (4, 3, 12, 12), ("angle", "frequency", "y", "x")
COORDS = {d: 1e-3 * np.arange(n) for d, n in zip(DIMS, SHAPE, strict=True)} | {
    "harmonic": ("frequency", np.array([2, 3, 5]))
}


def pair(seed, too_small, factor=4, strength=1.0, tail=False):
    """A matrix whose stated deviations are too small by a factor, and its truth."""
    truth = strength * complex_gaussian(SHAPE, 10.0, [seed, 0])
    std = strength * np.exp(np.random.default_rng([seed, 1]).normal(size=SHAPE))
    error = std * complex_gaussian(SHAPE, np.sqrt(2), [seed, 2])
    if tail:
        error[..., ::6] *= 10
    common = {"stage": "fine", "recovery": {"sampling": {"scheme": "box", "factor": factor}}}
    found = build("system_matrix", truth + error, DIMS, COORDS, std=std / too_small, origin="recovered", **common)
    return found, build("system_matrix", truth, DIMS, COORDS, stage="fine", origin="simulated")


def test_a_known_inflation_is_found_for_each_factor():
    pairs = [pair(s, 1.5, 2, 1e-6 if s == 1 else 1.0) for s in range(4)] + [pair(9 + s, 0.4, 8) for s in range(4)]
    found = fit_inflation(iter(pairs))
    assert list(found) == [2, 8] and found[2].matrices == found[8].matrices == 4
    assert found[2].inflation == pytest.approx(1.5, rel=0.03) and found[8].inflation == pytest.approx(0.4, rel=0.03)
    for result in found.values():
        assert result.after.within_68 == pytest.approx(0.68, abs=0.005)
        assert result.after.within_95 == pytest.approx(0.95, abs=0.005)
        assert max(result.worst) < 0.04
    assert found[2].before.within_68 < 0.55 and found[8].before.within_68 > 0.9
    assert found[2].after.std_over_rmse == pytest.approx(found[2].inflation * found[2].before.std_over_rmse)


def test_before_is_what_evaluate_says():
    pairs = [pair(s, 1.3) for s in range(2)]
    before = fit_inflation(pairs)[4].before
    for name in ("within_68", "within_95", "std_over_rmse"):
        assert getattr(before, name) == pytest.approx(
            np.mean([getattr(evaluate(*p).coverage, name) for p in pairs]), abs=3e-3
        )


def test_heavy_tails_miss_both_levels_alike():
    result = fit_inflation([pair(s, 1.0, tail=True) for s in range(2)])[4]
    off = result.after.within_68 - 0.68, result.after.within_95 - 0.95
    assert off[0] == pytest.approx(-off[1], abs=2e-3) and off[0] > 0.02


def test_each_part_counts_by_its_own_deviation():
    """Errors along the phase of the rows are thirty times those across; what is stated is half of both."""
    pairs = []
    for seed in range(4):
        found, truth = pair(seed, 2.0)
        values, rng = truth["system_matrix"].values, np.random.default_rng([seed, 3])
        along, across = rng.standard_normal((2, *SHAPE))
        std, circularity = along_and_across(np.full(SHAPE, 9.0), np.full(SHAPE, 0.01), values)
        error = (3 * along + 0.1j * across) * values / np.abs(values)
        stated = {"system_matrix": values + error, STD: std / 2, CIRCULARITY: circularity}
        pairs.append((found.assign({n: (DIMS, v, {"units": "V"}) for n, v in stated.items()}), truth))
    result = fit_inflation(pairs)[4]
    assert result.inflation == pytest.approx(2, rel=0.03)
    assert result.after.within_68 == pytest.approx(0.68, abs=0.01)
    assert result.after.within_95 == pytest.approx(0.95, abs=0.01)


def test_what_cannot_be_compared_is_refused():
    found, truth = pair(0, 1.0)
    with pytest.raises(InputError, match="one or more matrices"):
        fit_inflation([])
    with pytest.raises(InputError, match=f"a matrix that states its {STD}"):
        fit_inflation([(found.drop_vars(STD), truth)])
    with pytest.raises(InputError, match="states its sampling factor"):
        fit_inflation([(found.assign_attrs(recovery={}), truth)])
    with pytest.raises(InputError, match="positive somewhere"):
        fit_inflation([(found.assign({STD: 0 * found[STD]}), truth)])
