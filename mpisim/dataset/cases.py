"""Cases of a data set: which gradients and particle diameters, and the splits of the paper.

The preset `transms` is the simulated data set of TranSMS (section IV.A.1), its misprints resolved: 100 matrices over
G = linspace(0.4, 1.0, 10) T/m and d = 14.10 + 2.145 k nm for training and test, 30 over G = 0.70, 0.865, 1.03 T/m and
d = 15.17 + 2.145 k nm for validation. Of the 100, the 19 with G = 1.0 T/m or d = 33.405 nm and 15 others, drawn with a
seed that is part of the preset, are for test, the remaining 66 for training.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from mpisim.errors import positive, require

__all__ = ["Case", "grid_cases", "transms_cases"]

SPLITS = ("train", "validation", "test")
_SPLIT_SEED = 20220527  # of the preset's draw, never the user's: bundled weights must not meet their test data


@dataclass(frozen=True)
class Case:
    """One scanner and particle of a data set: gradient in T/m, core diameter in m, and its split, if any."""

    sf_gradient: float
    particle_diameter: float
    split: str = ""

    def __post_init__(self) -> None:
        positive("sf_gradient", self.sf_gradient)
        positive("particle_diameter", self.particle_diameter)

    @property
    def name(self) -> str:
        """File name without suffix: gradient in T/m and diameter in nm."""
        return f"g{self.sf_gradient:.4f}_d{self.particle_diameter * 1e9:.3f}"


def grid_cases(gradients: Iterable[float], diameters: Iterable[float], split: str = "") -> list[Case]:
    """Return every pair of a gradient (T/m) and a core diameter (m)."""
    diameters = list(diameters)
    cases = [Case(float(g), float(d), split) for g in gradients for d in diameters]
    require(len({c.name for c in cases}) == len(cases), "grid of scanners", "made of distinct pairs", "repeated values")
    return cases


def transms_cases() -> list[Case]:
    """Return the 130 cases of the preset `transms` with their splits."""
    gradients = np.linspace(0.4, 1.0, 10)
    diameters = (14.10 + 2.145 * np.arange(10)) * 1e-9
    cases = grid_cases(gradients, diameters)
    reserved = {
        i for i, c in enumerate(cases) if c.sf_gradient == gradients[-1] or c.particle_diameter == diameters[-1]
    }
    others = [i for i in range(len(cases)) if i not in reserved]
    drawn = np.random.default_rng(_SPLIT_SEED).choice(others, 15, replace=False)
    test = reserved | set(drawn.tolist())
    cases = [replace(c, split="test" if i in test else "train") for i, c in enumerate(cases)]
    return cases + grid_cases((0.70, 0.865, 1.03), (15.17 + 2.145 * np.arange(10)) * 1e-9, "validation")
