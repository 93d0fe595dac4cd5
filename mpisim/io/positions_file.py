"""Positions of large samples as a table of comma-separated values, in mm."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd

from mpisim.errors import InputError, require
from mpisim.io.atomic import expect_file, write_text

__all__ = ["read_positions", "write_positions"]

_COLUMNS = ("x_mm", "y_mm", "size_x_mm", "size_y_mm")


def read_positions(path: str | os.PathLike[str]) -> np.ndarray:
    """Return rows of x, y, and where given the edges of the sample along x and y, in m, (position, 2 or 4).

    The file has the columns `x_mm` and `y_mm`, and may have `size_x_mm` and `size_y_mm`. Raises `InputError` if it
    cannot be read, or has other columns or values that are no numbers.
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"Input positions must be a table of comma-separated values; instead reading it gave: {reason}."
        ) from error
    names = tuple(str(name).strip() for name in table.columns)
    must = f"a table with the columns {', '.join(_COLUMNS[:2])} and, where samples differ, {', '.join(_COLUMNS[2:])}"
    require(names in (_COLUMNS[:2], _COLUMNS), "positions", must, f"the columns {', '.join(names)}")
    try:
        return 1e-3 * table.to_numpy(dtype=float)
    except ValueError as error:
        raise InputError(f"Input positions must be a table of numbers in mm; instead {error}.") from error


def write_positions(positions: np.ndarray, path: str | os.PathLike[str]) -> None:
    """Write rows of x, y and the edges of the sample, in m, (position, 4), as a file that `read_positions` reads."""
    expect_file(path, (".csv",))
    table = pd.DataFrame(1e3 * np.asarray(positions, dtype=float), columns=list(_COLUMNS))
    write_text(path, str(table.to_csv(index=False, float_format="%.9g", lineterminator="\n")))
