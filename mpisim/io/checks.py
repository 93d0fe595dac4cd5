"""The check that the tests of a plug-in call for its file format."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.schema import build, validate
from mpisim.errors import require, with_article
from mpisim.io.formats import FileFormat

__all__ = ["check_format"]


def check_format(entry: FileFormat, name: str = "under test") -> None:
    """Check that a file format gives back what it was given; call it in the tests of a plug-in.

    A small system matrix, a measurement and an image are written and read, if the format writes at all.

    Parameters
    ----------
    entry
        The record.
    name
        Its name, for messages.

    Raises
    ------
    InputError
        If what is read is no dataset of the schema or another than what was written.
    """
    require(isinstance(entry, FileFormat), f"file format {name}", "a mpisim.FileFormat", type(entry).__name__)
    for data in _examples() if entry.write is not None else ():
        kind = data.attrs["kind"]
        with TemporaryDirectory() as folder:
            file = Path(folder) / f"example{entry.suffixes[0]}"
            assert entry.write is not None
            entry.write(data, file)
            require(file.is_file(), f"file format {name}", "one that writes the file it is asked for", "no file")
            back = validate(entry.read(file), f"{kind} of the file format {name}")
        same = back.equals(data) and back.attrs == data.attrs
        require(same, f"file format {name}", f"one that gives {with_article(kind)} back as it was", "another dataset")


def _examples() -> list[xr.Dataset]:
    grid, rng = Grid((3, 2), (0.003, 0.002)), np.random.default_rng(0)
    values = rng.standard_normal((2, 4, 2, 3)) + 1j * rng.standard_normal((2, 4, 2, 3))
    rows = {"angle": np.array([0.0, 1.0]), "frequency": np.arange(1.0, 5.0) * 1e4}
    dims, coords = ("angle", "frequency"), {**rows, **grid.coords()}
    matrix = build("system_matrix", values, (*dims, *grid.dims), coords, noise_std=0.1, stage="fine", origin="measured")
    measurement = build("measurement", values[..., 0, 0], dims, rows, noise_std=0.2, origin="measured")
    image = build("image", values.real[0, 0], grid.dims, grid.coords(), units="1")
    return [matrix, measurement, image]
