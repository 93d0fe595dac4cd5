"""Angles in rad, and how angles in degrees are recognised."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["look_like_degrees"]

_RANGES = (90.0, 180.0, 360.0)


def look_like_degrees(angles: Sequence[float] | np.ndarray) -> bool:
    """Return whether angles can only be degrees where radians are expected.

    Angles in rad may exceed a full turn (a scanner may turn several times). Angles that exceed 2 pi count as degrees if
    all are multiples of 0.25, or if they divide 90, 180 or 360 into equal parts. A few small angles in degrees, such as
    0, 3, 6, are not recognised.
    """
    values = np.asarray(angles, dtype=float)
    if values.size == 0 or float(np.abs(values).max()) <= 2 * np.pi + 1e-6:
        return False
    if np.allclose(4 * values, np.round(4 * values), rtol=0, atol=1e-6):
        return True
    steps = np.diff(values)
    if steps.size < 2 or not np.allclose(steps, steps[0], rtol=1e-4, atol=0):
        return False
    spans = abs(float(steps.mean())) * np.array([steps.size, steps.size + 1])
    return bool(np.isclose(spans[:, None], _RANGES, rtol=1e-4).any())
