"""Arrays of other programs as datasets of the schema: measured system matrices and measurements.

The files hold no units, positions or frequencies: values have the unit that is given, or 1, and rows are only numbered.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.schema import build
from mpisim.data.units import stated_unit
from mpisim.errors import require, whole
from mpisim.io.contents import chosen
from mpisim.io.layout import Layout

__all__ = ["array_dataset"]


def array_dataset(
    path: str | os.PathLike[str],
    variable: str | None = None,
    grid: Grid | None = None,
    coarse: int | None = None,
    block_means: bool = False,
    units: str | None = None,
    **layout: object,
) -> xr.Dataset:
    """Return a measured system matrix (rows x voxels, x fastest) or, without a grid, a measurement.

    Parameters
    ----------
    path
        A MATLAB, NumPy (`.npy`, `.npz`) or HDF5 file.
    variable
        Name of the array, `SM.S` for the field of a structure; None takes the only array of numbers.
    grid
        The voxels; None reads a measurement, one number a row.
    coarse
        The sample filled blocks of coarse x coarse voxels of the grid that is to be recovered. The matrix becomes a
        coarse one. Its values are the signals of such samples, the sum over their voxels, and are divided by coarse^2
        to block means, so that images stay relative to the concentration of the sample.
    block_means
        The values are block means already and are not divided.
    units
        Unit of the values, such as `uV`; None leaves it unknown ("1").
    **layout
        `order`, `transposed`, `flip`, `stacked`, `frames`, see `Layout`.

    Returns
    -------
    xarray.Dataset
        `system_matrix` (frequency[, z], y, x) or `measurement` ([frame,] frequency), complex128. Its noise is not
        known.

    Raises
    ------
    InputError
        If the file is missing or damaged, the variable is not in it, or does not fit the grid.
    """
    how = Layout(**layout)  # type: ignore[arg-type]
    factor = 1 if coarse is None else whole("coarse", coarse)
    require(coarse is None or grid is not None, "coarse", "given together with a grid", "it without")
    require(not block_means or coarse is not None, "block_means", "given together with coarse", "it without")
    unit = "1" if units is None else stated_unit("units", units)
    array = chosen(path, variable)
    name = f"{array.name} of {Path(path).name}"
    given = {k: v for k, v in asdict(how).items() if v not in (None, False)}
    about: dict[str, Any] = {"origin": "measured", "units": unit, "source": Path(path).name, "variable": array.name}
    about |= {"layout": given} if given else {}
    values = array.read(str(path))
    if grid is None:
        rows = how.numbers(values, name).astype(np.complex128, copy=False)
        return build("measurement", rows, ("frame", "frequency")[-rows.ndim :], {}, **about)
    rows = how.rows_of_voxels(values, grid, array.first_fastest, name).astype(np.complex128, order="C")
    if not block_means:
        rows.view(np.float64)[...] /= factor**2  # real numbers: a complex division makes NaN of infinity
    return build(
        "system_matrix",
        rows,
        ("frequency", *grid.dims),
        grid.coords(),
        stage="fine" if coarse is None else "coarse",
        grid=asdict(grid if coarse is None else grid.refined(factor)),
        sampling=None if coarse is None else {"scheme": "box", "factor": factor, "snr": None, "seed": None},
        **about,
    )
