r"""All rows of a harmonic from one profile, and what to do if a scanner is not ideal.

The profiles are those of `calib.methods.profile_fit`. Their residual on the block means is shrunk by its noise (James
and Stein, 1961), interpolated by bicubic and added. Then the result is made consistent with the block means. Rows that
no profile describes (`calib.methods.misfit`) are recovered as single ridges or, if they are no ridges, by bicubic
interpolation with data consistency; a warning names them.

A profile must be measured at enough distances from the scanner's axis. If all rows are along the axes of the grid,
block means show it only at the distances of whole columns of blocks. At 8x on 32 x 32 voxels there are two, and the
profile errs up to 1.3 times as much as the interpolant. With three distances all rows are recovered as single ridges,
with fewer by bicubic interpolation with data consistency.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from calib.methods.bicubic import bicubic_consistent, interpolate_bicubic
from calib.methods.consistency import nearest_consistent
from calib.methods.geometry import Geometry
from calib.methods.misfit import named_rows, shrunk, with_margin
from calib.methods.profile_fit import ProfileFits, fit_profiles
from calib.methods.record import Recovered
from mpisim.data.noise import rms
from mpisim.data.sampling import Sampling, block_mean
from mpisim.data.views import as_images, noise_per_row
from mpisim.errors import require, warn

__all__ = ["instead_of_profiles", "recover_by_profiles"]

_FEWEST = 4  # distances from the axis at which block means along the axes of the grid must show a profile
_BLIND = 8  # factor from which a ridge explains the block means of nearly any row
_REST = 1e-3  # share of a row's energy beyond the noise from which its interpolation is reported


def recover_by_profiles(coarse: xr.Dataset) -> Recovered:
    """Recover a coarse matrix of block means with dimensions (angle, frequency, y, x).

    Raises `InputError` if the matrix has no angles.
    """
    dims = tuple(coarse["system_matrix"].dims)
    good = dims == ("angle", "frequency", "y", "x")
    require(good, "coarse", "of rows (angle, frequency) for profile", f"rows {dims[:-2]}")
    require("angle" in coarse.coords, "coarse", "of rows with the coordinate angle (rad) for profile", "one without it")
    values, factor = coarse["system_matrix"].values.astype(complex), Sampling.of(coarse).factor
    sigma = noise_per_row(coarse).reshape(values.shape[:2])
    geometry = Geometry.of(coarse)
    instead, reason = instead_of_profiles(coarse)
    if instead:
        return _all_recovered(coarse, geometry, instead, reason)
    fits = fit_profiles(values, sigma, coarse["angle"].values, factor, geometry)
    metadata: dict[str, object] = {"lengths": fits.lengths, "parities": fits.parities}
    means, rows = as_images(coarse), fits.rows.reshape(-1, *fits.rows.shape[-2:])
    rest = interpolate_bicubic(shrunk(means - block_mean(rows, factor), sigma.ravel()), factor)
    rows = nearest_consistent(rows + rest, means, with_margin(sigma.ravel(), means[0].size), factor)
    by = _recover_others(rows, coarse, fits, geometry)
    (partly,), (others,) = np.nonzero((by == "") & (fits.left.ravel() > _REST)), np.nonzero(by != "")
    said = []
    if partly.size:
        metadata["rows_partly_interpolated"] = len(partly)
        most = 100 * float(fits.left.ravel()[partly].max()) ** 0.5
        said.append(
            f"{len(partly)} of {len(means)} rows fit one profile for all angles only in part; what remains, up to "
            f"{most:.2g} % of a row, was interpolated ({named_rows(coarse, partly)})."
        )
    if others.size:
        counts = {name: int(np.sum(by == name)) for name in ("ridge", "bicubic-dc")}
        metadata["rows_refitted"] = {name: count for name, count in counts.items() if count}
        counted = " and ".join(f"{count} by {name}" for name, count in counts.items() if count)
        said.append(
            f"{len(others)} of {len(means)} rows do not fit one profile for all angles and were recovered otherwise, "
            f"{counted} ({named_rows(coarse, others)}).{_cause(coarse, others, factor, geometry)}"
        )
    if said:
        warn(" ".join(said))
    return Recovered(rows, metadata)


def instead_of_profiles(coarse: xr.Dataset) -> tuple[str, str]:
    """Return the method that all rows of a matrix with angles need instead, and why; empty where it is none."""
    height, width = coarse["system_matrix"].shape[-2:]
    geometry = Geometry.of(coarse, warned=False)
    shown = geometry.columns(coarse["angle"].values, height, width, Sampling.of(coarse).factor)
    if shown is None or shown >= _FEWEST:
        return "", ""
    distances = f"{shown} distance{'s' * (shown != 1)} from the scanner's axis"
    return (
        "ridge" if shown == _FEWEST - 1 else "bicubic-dc",
        f"all angles are along axes of the grid, where block means show a profile at {distances} only",
    )


def _all_recovered(coarse: xr.Dataset, geometry: Geometry, instead: str, reason: str) -> Recovered:
    """Recover all rows by another method and say so."""
    from calib.methods.ridge import ridge_rows, warn_of_no_ridges  # which loads torch

    warn(f"All rows were recovered by {instead} instead of profile, because {reason}.")
    if instead == "ridge":
        rows, ridges = ridge_rows(as_images(coarse), noise_per_row(coarse), Sampling.of(coarse).factor, geometry)
        warn_of_no_ridges(coarse, ridges)
    else:
        rows = bicubic_consistent(coarse).rows
        ridges = np.zeros(len(rows), bool)
    counts = {"ridge": int(np.sum(ridges)), "bicubic-dc": int(np.sum(~ridges))}
    return Recovered(rows, {"rows_refitted": {name: count for name, count in counts.items() if count}})


def _recover_others(rows: np.ndarray, coarse: xr.Dataset, fits: ProfileFits, geometry: Geometry) -> np.ndarray:
    """Recover the rows that no profile describes in another way, in place; return the method, empty for other rows.

    A row that its profile describes roughly becomes a ridge, but keeps its profile where it is no ridge, and at 8x,
    where the block means of one row say too little of its direction.
    """
    from calib.methods.ridge import ridge_rows  # which loads torch

    means, sigma, factor = as_images(coarse), noise_per_row(coarse), Sampling.of(coarse).factor
    agree, tolerable, by = fits.agree.ravel(), fits.tolerable.ravel(), np.full(len(rows), "", "U10")
    (others,) = np.nonzero(~(tolerable if factor >= _BLIND else agree))
    if others.size:
        found, ridges = ridge_rows(means[others], sigma[others], factor, geometry, float(rms(means)))
        ridges &= means[others].any(axis=(1, 2))
        replaced = ridges | ~tolerable[others]
        rows[others[replaced]] = found[replaced]
        by[others[replaced]] = np.where(ridges, "ridge", "bicubic-dc")[replaced]
    return by


def _cause(coarse: xr.Dataset, others: np.ndarray, factor: int, geometry: Geometry) -> str:
    """Return what would make most rows fit, in a sentence, if it is one of the usual slips; empty if not."""
    if 2 * len(others) < len(as_images(coarse)):
        return ""
    values = coarse["system_matrix"].values.astype(complex)
    sigma, angles = noise_per_row(coarse).reshape(values.shape[:2]), coarse["angle"].values
    strongest = int(np.argmax(np.sum(np.abs(values) ** 2, axis=(0, 2, 3))))
    one = slice(strongest, strongest + 1)
    slips = {
        "the angles are read as degrees": (np.deg2rad(angles), geometry),
        "y is reversed": (-angles, geometry._replace(y=-geometry.y)),
        "x and y are exchanged": (np.pi / 2 - angles, Geometry(1 / geometry.aspect, geometry.y, geometry.x)),
        "the scanner's axis lies at the centre of the grid": (angles, geometry._replace(x=0.0, y=0.0)),
    }
    for slip, (turned, where) in slips.items():
        if (where, tuple(turned)) == (geometry, tuple(angles)):
            continue
        if fit_profiles(values[:, one], sigma[:, one], turned, factor, where).agree.mean() > 0.9:
            return f" They do fit if {slip}."
    return ""
