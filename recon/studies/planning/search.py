r"""Which calibration is the quickest that reaches an error, or the best within a time: laws of errors and few trials.

The first guess is the table of the studies. Then, in a few rounds, trials are made where they count: one for the best
candidate of every factor whose time is near that of the best of all, and one with every scanner for the latter. After
each round the law of errors (`law`) is fitted to all trials, and the best candidate chosen again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mpisim.simulation.setup import Setup
from recon.studies.planning.candidates import Candidate
from recon.studies.planning.first_errors import FirstError
from recon.studies.planning.law import ErrorLaw, Widths, fit_law
from recon.studies.planning.noise import Noise
from recon.studies.planning.trials import UNRECOVERED, Found, Trial, Trials

__all__ = ["Goal", "Search", "missing_angles", "next_larger", "one_step_coarser"]

_ROUNDS = 5
_NEAR_TIME = 2.5  # times the time of the best candidate, up to which another factor is tried
_NEAR_ERROR = 2.0
_LINE_ERROR = 0.035 / 0.21e-3  # of rows at other angles, in 1/m of the line's offset
_NO_LINE_ERROR = 1e-3
_NEAR_AVERAGES = 2  # a trial at half or twice the averages tells enough


@dataclass(frozen=True)
class Goal:
    """What is asked: an nRMSE to reach, and a time in s to keep; None for one that is not asked."""

    error: float | None = None
    seconds: float | None = None


@dataclass
class Search:
    """The search for a plan.

    Parameters
    ----------
    trials
        Runs trials.
    scanners
        The scanners that stand for the user's.
    candidates
        Calibrations, the quickest first.
    noise
        Noise of a calibration.
    levels
        Relative noise by factor, averages, and step of the angles.
    seed
        Seed of the noise.
    spread
        First guess of the standard deviation of the logarithm of the error among scanners.
    """

    trials: Trials
    scanners: Sequence[Setup]
    candidates: Sequence[Candidate]
    noise: Noise
    levels: Mapping[tuple[int, int, int], float]
    seed: int
    spread: float = Widths().scanner

    def law(
        self, method: str, first: Mapping[int, FirstError], widths: Widths | None = None, spread: float | None = None
    ) -> ErrorLaw:
        """Return the law of a method after all trials so far."""
        points = [f.point for f in self.trials.of(method) if f.trial.candidate.factor in first]
        return fit_law(
            first, points, missing_angles(self.scanners[0]), widths, self.spread if spread is None else spread
        )

    def expected(self, law: ErrorLaw, candidate: Candidate) -> float:
        """Return the nRMSE that a law expects of a candidate."""
        return law.expected(candidate.factor, self.noise_of(candidate), candidate.share)

    def interval(self, law: ErrorLaw, candidate: Candidate) -> tuple[float, float]:
        """Return the interval of the nRMSE of nine of ten scanners."""
        return law.interval(candidate.factor, self.noise_of(candidate), candidate.share)

    def noise_of(self, candidate: Candidate) -> float:
        """Return the relative noise of a candidate."""
        return self.levels[candidate.measured]

    def run(self, candidates: Sequence[Candidate], method: str, scanners: Sequence[int], text: str) -> list[Found]:
        """Make trials of candidates with scanners, given by number."""
        return self.trials.run(self.made(candidates, method, scanners), text)

    def made(self, candidates: Sequence[Candidate], method: str, scanners: Sequence[int]) -> list[Trial]:
        """Return trials of candidates with scanners, given by number; nothing recovers a fine calibration."""
        return [
            Trial(n, self.scanners[n], c, UNRECOVERED if c.factor == 1 else method, self.noise, self.seed + n)
            for c in candidates
            for n in scanners
        ]

    def best(self, law: ErrorLaw, goal: Goal, of: Sequence[Candidate]) -> Candidate | None:
        """Return the quickest candidate that reaches the error in the time; without an error, the one that errs least.

        None where there is none.
        """
        refused = self._refused()
        known = [c for c in of if c.factor in law.first and (c.factor, c.share) not in refused]
        known = [c for c in known if goal.seconds is None or c.seconds <= goal.seconds]
        if goal.error is None:
            return min(known, key=lambda c: self.expected(law, c), default=None)
        return next((c for c in known if self.expected(law, c) <= goal.error), None)

    def _refused(self) -> set[tuple[int, float]]:
        """Return factors and shares of the angles that no trial could recover, though some were made."""
        tried = {(f.trial.candidate.factor, f.trial.candidate.share): False for f in self.trials.found}
        for f in self.trials.found:
            tried[f.trial.candidate.factor, f.trial.candidate.share] |= not f.refused
        return {kind for kind, good in tried.items() if not good}

    def search(self, method: str, first: Mapping[int, FirstError], goal: Goal) -> tuple[ErrorLaw, Candidate | None]:
        """Return the law of a method, and the best candidate, None where no candidate reaches the goal."""
        everyone, law = range(len(self.scanners)), self.law(method, first)
        for number in range(_ROUNDS):
            best, text = self.best(law, goal, self.candidates), f"round {number + 1}"
            done = len(self.trials.found)
            self.run(self._worth_a_trial(method, law, goal, best), method, [0], text)
            if best is not None and number > 0:
                self.run([self._tried_near(method, best, everyone)], method, everyone, text)
            law = self.law(method, first)
            if number > 0 and len(self.trials.found) == done and self.best(law, goal, self.candidates) == best:
                break
        return law, self.best(law, goal, self.candidates)

    def _worth_a_trial(self, method: str, law: ErrorLaw, goal: Goal, best: Candidate | None) -> list[Candidate]:
        """Return one candidate of every kind (factor and angles) that may be the best, and was not tried nearby."""
        found = []
        for kind in dict.fromkeys((c.factor, c.share) for c in self.candidates if c.factor in law.first):
            of_kind = [c for c in self.candidates if (c.factor, c.share) == kind]
            own = self.best(law, goal, of_kind)
            if own is None and best is None:  # what is the best that is possible?
                own = self.best(law, Goal(None, goal.seconds), of_kind)
            if own is None or not self._near(law, goal, own, best):
                continue
            if self._tried_near(method, own, [0]) is own:
                found.append(own)
        return found

    def _near(self, law: ErrorLaw, goal: Goal, own: Candidate, best: Candidate | None) -> bool:
        if best is None:
            return True
        if goal.error is None:
            return self.expected(law, own) <= _NEAR_ERROR * self.expected(law, best)
        return own.seconds <= _NEAR_TIME * best.seconds

    def _tried_near(self, method: str, candidate: Candidate, scanners: Sequence[int]) -> Candidate:
        """Return the candidate of the same kind and nearly as many averages that was tried with scanners, or itself."""

        def away(c: Candidate) -> float:
            return abs(math.log2(c.averages / candidate.averages))

        tried: dict[Candidate, set[int]] = {}
        for f in self.trials.found:
            if f.trial.method == method:
                tried.setdefault(f.trial.candidate, set()).add(f.trial.number)
        kind = [c for c in tried if (c.factor, c.share) == (candidate.factor, candidate.share)]
        near = [c for c in kind if away(c) <= math.log2(_NEAR_AVERAGES) and tried[c] >= set(scanners)]
        return min(near, key=away, default=candidate)


def missing_angles(setup: Setup) -> float:
    """Return a first guess of the error of rows at angles that were not measured.

    Where the line errs from angle to angle, nothing tells by how much it does at those. The numbers are those of a
    scanner of the level medium, 3.5 % at a standard deviation of .21 mm, and of one without such errors.
    """
    line = getattr(setup.scanner, "line", None)
    return max(_LINE_ERROR * line.offset_spread, _NO_LINE_ERROR) if line is not None else _NO_LINE_ERROR


def one_step_coarser(plan: Candidate, candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the calibration one step coarser: with half the averages, or else with the next larger sample.

    None where there is none.
    """
    if plan.averages == 1:
        return next_larger(plan, candidates)
    wanted = (plan.factor, plan.averages, plan.share)
    return next(c for c in candidates if (c.factor, 2 * c.averages, c.share) == wanted)


def next_larger(plan: Candidate, candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the calibration with the next larger sample, the same averages and angles; None where there is none."""
    kind = (plan.averages, plan.share)
    larger = [c for c in candidates if c.factor > plan.factor and (c.averages, c.share) == kind]
    return min(larger, key=lambda c: c.factor, default=None)
