"""Sparse arrays of MATLAB: compressed columns, written out in full."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from mpisim.io.stored import plain_numbers

__all__ = ["dense"]


def dense(data: np.ndarray, rows: np.ndarray, starts: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return an array of compressed columns in full: values, their rows, and where every column starts.

    Raises `ValueError` if rows or starts are out of range.
    """
    starts = starts.astype(np.int64)
    used = int(starts[-1]) if starts.size else 0
    good = starts.size == shape[1] + 1 and starts[0] == 0 and np.all(np.diff(starts) >= 0)
    if not good or used > min(data.size, rows.size):
        raise ValueError("columns of a sparse array that do not fit its values")
    values = plain_numbers(data)[:used]
    matrix = scipy.sparse.csc_array((values, rows[:used].astype(np.int64), starts), shape=shape)
    matrix.check_format(full_check=True)
    return matrix.toarray()
