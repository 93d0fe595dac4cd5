"""Numbers that are not finite, named by their rows."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import xarray as xr

from mpisim.errors import require

__all__ = ["require_finite"]

_NAMED = 4  # rows that a message lists


def require_finite(variable: xr.DataArray, name: str, voxel_dims: Collection[str]) -> None:
    """Raise `InputError` unless every value is finite; it names the first rows with NaN or infinite values.

    Parameters
    ----------
    variable
        The values; a row is one index of all dimensions but those of the voxels.
    name
        What they are, for the message.
    voxel_dims
        Names of the dimensions of voxels.
    """
    bad = ~np.isfinite(variable.values)
    count = int(np.count_nonzero(bad))
    if count == 0:
        return
    lead = [str(d) for d in variable.dims if d not in voxel_dims]
    per_row = bad.reshape(*(variable.sizes[d] for d in lead), -1).any(axis=-1)
    rows = [_label(variable, lead, index) for index in np.argwhere(per_row)[:_NAMED]]
    more = int(np.count_nonzero(per_row)) - len(rows)
    where = f" in {'; '.join(rows)}{f' and {more} more rows' if more > 0 else ''}, counted from 0" if lead else ""
    values = "1 value that is" if count == 1 else f"{count} values that are"
    require(False, name, "finite everywhere", f"{values} NaN or infinite{where}")


def _label(variable: xr.DataArray, lead: list[str], index: np.ndarray) -> str:
    """Return the number of a row, counted from 0 in the order of the file, and its coordinates."""
    number = int(np.ravel_multi_index(tuple(index), tuple(variable.sizes[d] for d in lead)))
    known = []
    for dim, i in zip(lead, index, strict=True):
        for key in ("harmonic", dim):
            if key in variable.coords and variable[key].dims == (dim,):
                unit = variable[key].attrs.get("units", "1")
                known.append(f"{key} {variable[key].values[i]:.6g}{'' if unit == '1' else f' {unit}'}")
                break
            if key == dim and len(lead) > 1:
                known.append(f"{dim} {i}")
    return f"row {number}" + (f" ({', '.join(known)})" if known else "")
