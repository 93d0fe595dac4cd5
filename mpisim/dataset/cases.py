"""Cases of a data set: gradients and particle diameters with the splits of the paper, or any setups.

The preset `transms` is the simulated data set of TranSMS (section IV.A.1), its misprints resolved: 100 matrices over
G = linspace(0.4, 1.0, 10) T/m and d = 14.10 + 2.145 k nm for training and test, 30 over G = 0.70, 0.865, 1.03 T/m and
d = 15.17 + 2.145 k nm for validation. Of the 100, the 19 with G = 1.0 T/m or d = 33.405 nm and 15 others, drawn with a
seed that is part of the preset, are for test, the remaining 66 for training.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mpisim.errors import one_of, positive, require
from mpisim.simulation.setup import Setup

__all__ = ["SPLITS", "Case", "SetupCase", "grid_cases", "transms_cases"]

SPLITS = ("train", "validation", "test", "outside")
"""Splits of a data set. `outside` holds scanners with physics that those of the other splits do not have."""
_SPLIT_SEED = 20220527  # of the preset's draw, never the user's: bundled weights must not meet their test data


@dataclass(frozen=True)
class Case:
    """One ideal scanner and particle of a data set: gradient in T/m, core diameter in m, and its split, if any.

    What else there is to say is the same for all cases, in `mpisim.dataset.spec.DatasetSpec`.
    """

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

    def noise_key(self, place: int) -> int:
        """Number from which the noise of the coarse files is drawn: the place in the data set."""
        return place


@dataclass(frozen=True)
class SetupCase:
    """Any scanner with its particle, voxels and sample in a data set.

    Parameters
    ----------
    name
        File name without suffix: letters, digits, `_`, `-`, `+` and `.`.
    setup
        What is simulated.
    split
        Its split, if any.
    attributes
        Attributes of its files, such as `scanner_level`.

    Raises
    ------
    InputError
        If the name is no file name, or the split is unknown.
    """

    name: str
    setup: Setup
    split: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        good = isinstance(self.name, str) and re.fullmatch(r"[\w+-][\w.+-]*", self.name) is not None
        require(good, "name of a case", "a file name of letters, digits, _, -, + and .", repr(self.name))
        one_of("split", self.split, ("", *SPLITS))

    def noise_key(self, place: int) -> int:
        """Number from which the noise of the coarse files is drawn: of split and name, wherever the case stands."""
        return zlib.crc32(f"{self.split}/{self.name}".encode())


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
