r"""What the study of limits says of the errors of a method: the first bounds of a plan, before anything is simulated.

`limits.csv` beside this module is an extract of the table of `mpisim study limits` (docs/theory/how_few): mean nRMSE in
% over the scanners of a level, 32 x 32 voxels, 60 angles, eight harmonics, and noise 33.7 dB below the RMS of the block
means at every factor. It is written by ``python -m recon.studies.planning.first_errors docs/how_few/limits.csv``.

An error :math:`e` at the relative noise :math:`n_0` is split into a floor :math:`a` and a part :math:`b n_0` of the
noise, :math:`e^2 = a^2 + b^2 n_0^2`. For the fit of the scanner :math:`b n_0` is the bound of the study, which knows no
other error. For the other methods the table cannot tell them apart, and both parts are taken to be equal.

How much single scanners differ follows from the worst of m scanners: of m normal numbers the largest is expected near
the quantile :math:`(m - 3/8)/(m + 1/4)` (G. Blom, Statistical Estimates and Transformed Beta-Variables, 1958). The
logarithm of the worst error over the mean is taken for that many standard deviations.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm

from mpisim.data.noise import PROTOCOL_SNR
from mpisim.io.atomic import write_text

__all__ = ["LEVELS", "METHODS", "FirstError", "extract", "first_errors", "spread_of"]

METHODS = ("physical", "linear-bayes", "transms", "profile", "ridge", "bicubic-dc")
"""Methods that a plan compares."""
LEVELS = ("ideal", "mild", "medium", "strong")
"""Levels of imperfection."""
TABLE = Path(__file__).with_name("limits.csv")
"""The extract."""
NOISE = 10 ** (-PROTOCOL_SNR / 20)
"""Noise over the RMS of the block means in the table."""
ANGLES = 60
"""Angles of the scanners in the table."""
_FIT, _CHOOSING, _BOUND = "physical", "auto", "bound"
_LEAST_FLOOR = 0.1  # of the error: where the mean is at the bound, a floor is still possible
_COLUMNS = ["level", "method", "factor", "nrmse_percent", "worst_percent", "scanners"]


class FirstError(NamedTuple):
    """Floor a, and slope b of the part that grows with the relative noise n: e^2 = a^2 + b^2 n^2."""

    floor: float
    slope: float


def extract(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the study's table that a plan needs: one average, the methods of a plan, and the bound."""
    wanted = table["method"].isin([*METHODS, _BOUND]) & table["level"].isin(LEVELS) & (table["averages"] == 1)
    return table.loc[wanted, _COLUMNS].reset_index(drop=True)


@lru_cache(maxsize=1)
def _means() -> dict[tuple[str, str, int], float]:
    """Mean nRMSE by level, method and factor."""
    table = pd.read_csv(TABLE)
    keys = zip(table["level"], table["method"], table["factor"], strict=True)
    return {(str(k[0]), str(k[1]), int(k[2])): e / 100 for k, e in zip(keys, table["nrmse_percent"], strict=True)}


def first_errors(method: str, level: str, angles: int = ANGLES) -> dict[int, FirstError]:
    """Return what the table tells of a method at a level, by factor; fewer angles have more noise.

    `auto` has the errors of `physical`, which it takes on every scanner of the table.
    """
    means, found = _means(), {}
    name = _FIT if method == _CHOOSING else method
    for (of_level, of_method, factor), error in means.items():
        if (of_level, of_method) != (level, name):
            continue
        noisy = min(means[level, _BOUND, factor], error) if name == _FIT else error / np.sqrt(2)
        floor = max(np.sqrt(error**2 - noisy**2), _LEAST_FLOOR * error)
        found[factor] = FirstError(float(floor), float(noisy / NOISE * np.sqrt(ANGLES / angles)))
    return dict(sorted(found.items()))


def spread_of(method: str, level: str) -> float:
    """Return the standard deviation of the logarithm of a method's error among scanners of a level, over all factors.

    It contains differences of gradients and tracers, which a plan knows: it is rather too large.
    """
    table = pd.read_csv(TABLE)
    rows = table[(table["method"] == (_FIT if method == _CHOOSING else method)) & (table["level"] == level)]
    largest = norm.ppf((rows["scanners"] - 0.375) / (rows["scanners"] + 0.25))
    return float(np.median(np.log(rows["worst_percent"] / rows["nrmse_percent"]) / largest))


def main(words: Sequence[str]) -> None:
    """Write the extract of the table in a file."""
    write_text(TABLE, extract(pd.read_csv(words[0])).to_csv(index=False, lineterminator="\n"))


if __name__ == "__main__":
    main(sys.argv[1:])
