"""The search on a made-up scanner, whose errors are known exactly: it finds what looking at all candidates would."""

import numpy as np
import pytest

import mpisim
from recon.studies.planning.candidates import ScanTime, candidates_of
from recon.studies.planning.first_errors import first_errors
from recon.studies.planning.noise import StatedNoise
from recon.studies.planning.search import Goal, Search, next_larger, one_step_coarser
from recon.studies.planning.trials import Found

SETUP = mpisim.Setup(mpisim.open_sided_ffl(0.7, angles=12), mpisim.Particle(25e-9))
CANDIDATES = candidates_of(SETUP.grid, 12, ScanTime())
BASE = 0.02
LEVELS = {c.measured: BASE / c.averages**0.5 for c in CANDIDATES}
TRUE = {2: (5e-4, 0.06), 4: (6e-4, 0.11), 8: (9e-4, 0.28), 16: (5e-3, 1.4)}
OTHER_ANGLES = 4e-4


def true_error(c):
    floor, slope = TRUE[c.factor]
    power = floor**2 + slope**2 * (BASE**2 / c.averages) / c.share + (c.share < 1) * OTHER_ANGLES**2
    return float(np.sqrt(power))


class MadeUp:
    """Trials whose errors are known."""

    def __init__(self, spread=0.0, refused=()):
        self.made, self.spread, self.refused = {}, spread, refused

    def run(self, trials, text):
        for trial in trials:
            rng = np.random.default_rng(trial.number)
            error = true_error(trial.candidate) * np.exp(self.spread * rng.standard_normal())
            refused = "not possible" if trial.candidate.factor in self.refused else ""
            self.made.setdefault(trial, Found(trial, error, LEVELS[trial.candidate.measured], refused))
        return [self.made[trial] for trial in trials]

    @property
    def found(self):
        return list(self.made.values())

    def of(self, method):
        return [f for f in self.found if not f.refused]


def searched(goal, level="medium", spread=0.0, refused=()):
    search = Search(MadeUp(spread, refused), [SETUP] * 3, CANDIDATES, StatedNoise(), LEVELS, 0)
    law, chosen = search.search("physical", first_errors("physical", level, 12), goal)
    return search, law, chosen


@pytest.mark.parametrize("error", [0.03, 0.01, 0.005, 0.003, 0.0015, 0.001, 0.0007])
@pytest.mark.parametrize("level", ["ideal", "strong"])
def test_the_quickest_that_reaches_the_error_is_found_whatever_the_first_guess(error, level):
    search, law, chosen = searched(Goal(error=error), level)
    wanted = next(c for c in CANDIDATES if true_error(c) <= error)
    assert chosen.seconds <= 1.3 * wanted.seconds and true_error(chosen) <= 1.1 * error
    assert search.expected(law, chosen) == pytest.approx(true_error(chosen), rel=0.1)
    assert len(search.trials.found) < 20


@pytest.mark.parametrize("minutes", [0.1, 0.5, 2, 10, 60])
def test_the_least_error_within_a_time_is_found(minutes):
    _, _, chosen = searched(Goal(seconds=60 * minutes))
    least = min(true_error(c) for c in CANDIDATES if c.seconds <= 60 * minutes)
    assert chosen.seconds <= 60 * minutes and true_error(chosen) <= 1.15 * least


def test_an_error_below_the_floor_is_not_reached():
    search, law, chosen = searched(Goal(error=3e-4))
    assert chosen is None
    best = search.best(law, Goal(), CANDIDATES)
    assert search.expected(law, best) == pytest.approx(min(map(true_error, CANDIDATES)), rel=0.25)


def test_error_and_time_together_are_both_kept():
    _, _, chosen = searched(Goal(error=0.003, seconds=600))
    assert chosen.seconds <= 600 and true_error(chosen) <= 0.0033
    assert searched(Goal(error=0.0007, seconds=30))[2] is None


def test_all_scanners_are_tried_at_the_plan_or_at_half_or_twice_its_averages():
    search, _, chosen = searched(Goal(error=0.003), spread=0.1)
    near = [t for t in search.trials.made if (t.candidate.factor, t.candidate.share) == (chosen.factor, chosen.share)]
    near = [t for t in near if 0.5 <= t.candidate.averages / chosen.averages <= 2]
    assert {t.number for t in near} == {0, 1, 2}


def test_a_factor_that_cannot_be_recovered_is_not_planned():
    assert searched(Goal(error=0.003))[2].factor == 8
    _, _, chosen = searched(Goal(error=0.003), refused=(8, 16))
    assert chosen.factor == 4 and true_error(chosen) <= 0.0033
    assert searched(Goal(error=0.003), refused=(2, 4, 8, 16))[2] is None


def test_one_step_coarser():
    plan = next(c for c in CANDIDATES if (c.factor, c.averages, c.share) == (4, 8, 1.0))
    assert (one_step_coarser(plan, CANDIDATES).factor, one_step_coarser(plan, CANDIDATES).averages) == (4, 4)
    single = next(c for c in CANDIDATES if (c.factor, c.averages, c.share) == (4, 1, 0.5))
    coarser = one_step_coarser(single, CANDIDATES)
    assert (coarser.factor, coarser.averages, coarser.share) == (8, 1, 0.5) and coarser == next_larger(
        single, CANDIDATES
    )
    coarsest = next(c for c in CANDIDATES if (c.factor, c.averages, c.share) == (16, 1, 1.0))
    assert one_step_coarser(coarsest, CANDIDATES) is None
