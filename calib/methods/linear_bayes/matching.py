"""Whether a prior knows the rows of a matrix, and which of its angles and frequencies these are."""

from __future__ import annotations

import numpy as np
import xarray as xr

from calib.methods.linear_bayes.family import Family, as_array, frequencies_of
from mpisim.data.grid import Grid
from mpisim.data.sampling import Sampling
from mpisim.data.views import row_dims

__all__ = ["angles_in", "frequencies_in", "unlike_prior"]

_ANGLE = 1e-4  # rad up to which angles are the same


def unlike_prior(coarse: xr.Dataset, family: Family) -> str:
    """Return in words what a matrix has that a prior does not know; empty where it can be recovered."""
    values = coarse["system_matrix"]
    if "z" in values.dims:
        return "the prior is of matrices in a plane, and this one is a volume"
    grid, fine = family.grid, Sampling.of(coarse).fine_grid(Grid.of(coarse))
    if grid.shape[:2] != fine.shape[:2]:
        shapes = (" x ".join(map(str, g.shape[:2])) for g in (grid, fine))
        return "the prior has {} voxels and the matrix {}".format(*shapes)
    for name, unit in (("fov", fine.fov), ("center", fine.center)):
        known = getattr(grid, name)
        if not np.allclose(known[:2], unit[:2], rtol=1e-4, atol=1e-3 * min(grid.voxel[:2])):
            words = "field of view" if name == "fov" else "centre"
            known, here = ([round(1e3 * float(v), 3) for v in part[:2]] for part in (known, unit))
            return f"the prior has the {words} {known} mm and the matrix {here} mm"
    one = coarse.isel(receive=0) if "receive" in values.dims else coarse
    if angles_in(one, family) is None:
        return "the prior does not have all angles of the matrix"
    if frequencies_in(one, family) is None:
        return "the prior does not have all harmonics of the matrix"
    return ""


def angles_in(coarse: xr.Dataset, family: Family) -> np.ndarray | None:
    """Return the numbers of the family's angles that a matrix has; None where it has others."""
    with_angles = row_dims(coarse) == ("angle", "frequency") and "angle" in coarse.coords
    if not family.angles.size:
        return None if with_angles else np.zeros(1, int)
    if not with_angles:
        return None
    away = np.abs(family.angles[None] - coarse["angle"].values.astype(float)[:, None])
    found = away.argmin(1)
    good = away.min(1).max() < _ANGLE and np.unique(found).size == found.size
    return found if good else None


def frequencies_in(coarse: xr.Dataset, family: Family) -> np.ndarray | None:
    """Return the numbers of the family's frequencies that a matrix has; None where it has others."""
    wanted = frequencies_of(coarse, as_array(coarse).shape[1])
    away = np.abs(family.frequencies[None] - wanted[:, None])
    found = away.argmin(1)
    good = np.all(away.min(1) <= 1e-6 * np.abs(wanted)) and np.unique(found).size == found.size
    return found if good else None
