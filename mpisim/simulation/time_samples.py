r"""How many samples of a period a simulation needs.

The error of a row is what aliases into its harmonics. For one size of Langevin particles it falls as
:math:`e^{-N/q}` with the number of samples N and :math:`q = \beta \sum_i n_i A_i/\pi`, from the poles of the Langevin
function and the steepest change of the field (`mpisim.simulation.time_domain`). For several sizes it is about a
fifteenth of the mean of this over the sizes' shares of the moment, so that a steep size counts as much as its share.
A model may have a `steepening`, a factor on q: 2 with an easy axis, since the poles of tanh are half as far.
"""

from __future__ import annotations

import numpy as np

from mpisim.data.grid import Grid
from mpisim.errors import warn
from mpisim.particles.protocol import Magnetisation, relaxing_sizes_of
from mpisim.scanner.protocol import Scanner

__all__ = ["enough_samples", "warn_of_few_samples"]

_ONE_SIZE = (1e-4, 1e-8)
_SEVERAL = (2e-3, 1e-3)  # rows within 1e-4, as the quadrature over sizes
"""Largest mean without a warning, and that of the number of samples which the warning names."""
_MOST = 10**7


def enough_samples(scanner: Scanner, particle: Magnetisation, grid: Grid) -> int:
    """Return the samples a period of the scanner's sequence, or a larger number where these are too few."""
    steepness, shares = _steepness(scanner, particle, grid)
    limit, aim = _ONE_SIZE if steepness.size == 1 else _SEVERAL
    samples = scanner.sequence.samples_per_period
    if not np.isfinite(steepness).all() or _aliased(samples, steepness, shares) <= limit:
        return samples
    return _enough(aim, steepness, shares)


def warn_of_few_samples(scanner: Scanner, particle: Magnetisation, grid: Grid) -> None:
    """Warn where the drive is too steep for the samples of the scanner's sequence, and name a number that is enough."""
    samples, enough = scanner.sequence.samples_per_period, enough_samples(scanner, particle, grid)
    if samples < enough:
        warn(
            f"{samples} samples a period are too few for cores of {_named(particle)} in this drive field; take "
            f"samples_per_period={enough}."
        )


def _steepness(scanner: Scanner, particle: Magnetisation, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Samples in which the error of each size falls by a factor e, and the sizes' shares of the moment."""
    sequence = scanner.sequence
    amplitudes = np.linalg.norm(scanner.drive_fields(np.array([[grid.center]]), sequence.angles[0]), axis=-1)
    drive = float(amplitudes[:, 0, 0] @ [t.multiple for t in sequence.tones])
    sizes = relaxing_sizes_of(particle)
    if sizes is None:
        return np.array([getattr(particle, "beta", 0.0) * drive / np.pi]), np.ones(1)
    return getattr(particle, "steepening", 1.0) * sizes.betas * drive / np.pi, sizes.shares


def _aliased(samples: int, steepness: np.ndarray, shares: np.ndarray) -> float:
    """Mean of exp(-samples / steepness) over the sizes."""
    with np.errstate(divide="ignore"):
        return float(shares @ np.exp(-samples / steepness))


def _enough(aim: float, steepness: np.ndarray, shares: np.ndarray) -> int:
    """Least even number of samples whose aliased part is at most `aim`."""
    low, high = 0, 2
    while _aliased(high, steepness, shares) > aim and high < _MOST:
        low, high = high, 2 * high
    while high - low > 2:
        middle = (low + high) // 4 * 2
        low, high = (low, middle) if _aliased(middle, steepness, shares) <= aim else (middle, high)
    return high


def _named(particle: Magnetisation) -> str:
    """Core diameter in words, with the spread where there is one."""
    spread = getattr(getattr(particle, "particle", particle), "spread", 0.0)
    return f"{getattr(particle, 'diameter', np.nan) * 1e9:.1f} nm" + (f" (spread {spread:g})" if spread else "")
