"""Sparse arrays of MATLAB: compressed columns, written out in full."""

from __future__ import annotations

import numpy as np

from mpisim.io.stored import plain_numbers

__all__ = ["dense"]


def dense(data: np.ndarray, rows: np.ndarray, starts: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return an array of compressed columns in full: values, their rows, and where every column starts.

    Raises `ValueError` if rows or starts are out of range.
    """
    data, rows, starts = np.ravel(data), np.ravel(rows), np.ravel(starts).astype(np.int64)
    good = starts.size == shape[1] + 1 and starts[0] == 0 and np.all(starts[1:] >= starts[:-1])
    if not good or starts[-1] > min(data.size, rows.size):
        raise ValueError("columns of a sparse array that do not fit its values")
    used = int(starts[-1])
    places = rows[:used].astype(np.int64)
    if np.any((places < 0) | (places >= shape[0])):
        raise ValueError("rows of a sparse array beyond its shape")
    values = plain_numbers(data[:used])
    full = np.zeros(shape, values.dtype)
    np.add.at(full, (places, np.repeat(np.arange(shape[1]), np.diff(starts))), values)
    return full
