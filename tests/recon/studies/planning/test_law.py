import numpy as np
import pytest

from recon.studies.planning.first_errors import FirstError
from recon.studies.planning.law import Point, Widths, fit_law

FIRST = {2: FirstError(1e-3, 0.03), 4: FirstError(1.5e-3, 0.07), 8: FirstError(2e-3, 0.2)}
NOISE = 0.02


def of(floor, slope, noise, share=1.0, missing=0.0):
    return float(np.sqrt(floor**2 + slope**2 * noise**2 / share + (share < 1) * missing**2))


def test_without_trials_it_is_the_table():
    law = fit_law(FIRST, [], missing=0.01)
    for factor, (floor, slope) in FIRST.items():
        assert law.expected(factor, NOISE) == pytest.approx(of(floor, slope, NOISE))
        assert law.expected(factor, NOISE, 0.5) == pytest.approx(of(floor, slope, NOISE, 0.5, 0.01))


def test_trials_tell_floor_and_slope_and_so_the_errors_at_other_averages():
    floor, slope = 4e-3, 0.3
    points = [Point(8, NOISE / n, 1.0, of(floor, slope, NOISE / n)) for n in (1, 1, 1, 8, 8, 8)]
    law = fit_law(FIRST, points)
    for n in (2, 4):
        assert law.expected(8, NOISE / n) == pytest.approx(of(floor, slope, NOISE / n), rel=0.06)


def test_a_trial_at_one_factor_tells_something_of_the_others_and_narrows_its_own_interval_most():
    before, after = fit_law(FIRST, []), fit_law(FIRST, [Point(8, NOISE, 1.0, 2 * of(*FIRST[8], NOISE))] * 3)
    assert after.expected(4, NOISE) > 1.2 * before.expected(4, NOISE)
    width = {f: np.log(after.interval(f, NOISE)[1] / before.interval(f, NOISE)[1]) for f in (4, 8)}
    spread = {f: np.divide(*reversed(after.interval(f, NOISE))) for f in (4, 8)}
    assert spread[8] < spread[4] < np.divide(*reversed(before.interval(4, NOISE))), width


def test_trials_with_half_of_the_angles_tell_the_error_of_the_others_alone():
    first = of(*FIRST[4], NOISE)
    points = [Point(4, NOISE, 1.0, first)] * 3 + [Point(4, NOISE, 0.5, 0.05)] * 3
    law = fit_law(FIRST, points, missing=1e-3)
    assert law.expected(4, NOISE, 0.5) == pytest.approx(0.05, rel=0.1)
    assert law.expected(4, NOISE) == pytest.approx(first, rel=0.03)
    assert law.expected(8, NOISE, 0.5) > 0.045


def test_one_fit_that_failed_hardly_moves_the_law():
    good = [Point(4, NOISE, 1.0, 1.1 * of(*FIRST[4], NOISE))] * 4
    bad = fit_law(FIRST, [*good, Point(4, NOISE, 1.0, 0.5)]).expected(4, NOISE)
    assert bad == pytest.approx(fit_law(FIRST, good).expected(4, NOISE), rel=0.25)


def test_the_interval_holds_nine_of_ten_new_scanners():
    rng, widths, inside = np.random.default_rng(3), Widths(), 0
    scanners = 300
    for _ in range(scanners):
        common, floor, slope = rng.standard_normal(3) * (widths.common, widths.floor, widths.slope)
        true = of(FIRST[8].floor * np.exp(common + floor), FIRST[8].slope * np.exp(common + slope), NOISE)
        *trials, new = true * np.exp(widths.scanner * rng.standard_normal(4))
        low, high = fit_law(FIRST, [Point(8, NOISE, 1.0, e) for e in trials]).interval(8, NOISE)
        inside += low <= new <= high
    assert inside / scanners == pytest.approx(0.9, abs=0.05)


def test_a_wider_spread_among_scanners_widens_the_interval_and_moves_nothing():
    points = [Point(8, NOISE, 1.0, 0.005)] * 3
    narrow, wide = (fit_law(FIRST, points, spread=s) for s in (0.1, 0.4))
    assert wide.expected(8, NOISE) == narrow.expected(8, NOISE)
    (low, high), (lower, higher) = (law.interval(8, NOISE) for law in (narrow, wide))
    assert lower < low < high < higher
