"""The type of number that holds a system matrix."""

from __future__ import annotations

import numpy as np

__all__ = ["complex_type"]

_SMALLEST = 1e-24  # single precision holds rows 10^14 times weaker than such a peak, and their squares on the way
_LARGEST = 1e36


def complex_type(peak: float) -> type[np.complex64 | np.complex128]:
    """Return complex64, or complex128 where single precision does not hold the weak rows of a matrix.

    `peak` is the largest magnitude of the matrix in its unit.
    """
    return np.complex64 if _SMALLEST <= peak <= _LARGEST or peak == 0 else np.complex128
