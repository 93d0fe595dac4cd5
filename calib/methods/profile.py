r"""All rows of a harmonic from one profile, and what to do if a scanner is not ideal.

The profiles are those of `calib.methods.profile_fit`. Their residual on the block means is shrunk by its noise (James
and Stein, 1961), interpolated by bicubic and added. Then the result is made consistent with the block means. Rows that
no profile describes (`calib.methods.misfit`) are recovered as single ridges or, if they are no ridges, by bicubic
interpolation with data consistency; a warning names them.

A profile must be measured at enough distances from the scanner's axis. If all rows are along the axes of the grid,
block means show it only at the distances of whole columns of blocks. At 8x on 32 x 32 voxels there are two, and the
profile errs up to 1.3 times as much as the interpolant. With three distances all rows are recovered as single ridges,
with fewer by bicubic interpolation with data consistency.

Every receive coil has profiles of its own: the coils of a matrix are recovered one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from calib.methods.bicubic import consistent_rows, interpolate_means
from calib.methods.consistency import nearest_consistent
from calib.methods.geometry import Geometry
from calib.methods.misfit import named_rows, shrunk, with_margin
from calib.methods.profile_fit import ProfileFits, fit_profiles
from calib.methods.record import Recovered
from mpisim.data.blocks import block_mean
from mpisim.data.noise import rms
from mpisim.data.sampling import Sampling
from mpisim.data.views import as_images, noise_per_row
from mpisim.errors import require, warn

__all__ = ["has_profiles", "instead_of_profiles", "recover_by_profiles"]

_FEWEST = 4  # distances from the axis at which block means along the axes of the grid must show a profile
_BLIND = 8  # factor from which a ridge explains the block means of nearly any row
_REST = 1e-3  # share of a row's energy beyond the noise from which its interpolation is reported


def has_profiles(coarse: xr.Dataset) -> bool:
    """Whether the rows of a matrix are those of angles and frequencies, of one receive coil or of several."""
    dims = tuple(d for d in coarse["system_matrix"].dims if d != "receive")
    return dims == ("angle", "frequency", "y", "x") and "angle" in coarse.coords


def recover_by_profiles(coarse: xr.Dataset) -> Recovered:
    """Recover a coarse matrix of block means with dimensions (angle, [receive,] frequency, y, x).

    The `metadata` of several coils hold a list with one value for each coil, and the number of rows of all of them.
    Raises `InputError` if the matrix has no angles.
    """
    dims = tuple(coarse["system_matrix"].dims)
    require("angle" in coarse.coords, "coarse", "of rows with the coordinate angle (rad) for profile", "one without it")
    must = "of rows (angle, frequency) or (angle, receive, frequency) for profile"
    require(has_profiles(coarse), "coarse", must, f"rows {dims[:-2]}")
    geometry = Geometry.of(coarse)
    instead, reason = instead_of_profiles(coarse)
    if instead:
        return _all_recovered(coarse, geometry, instead, reason)
    if "receive" not in dims:
        recovered, said = _by_profiles(coarse, geometry)
        if said:
            warn(said)
        return recovered
    coils = [_by_profiles(coarse.isel(receive=i), geometry) for i in range(coarse.sizes["receive"])]
    said = " ".join(f"Receive channel {i}: {words}" for i, (_, words) in enumerate(coils) if words)
    if said:
        warn(said)
    shape = (*coarse["system_matrix"].shape[:-2], *coils[0][0].rows.shape[-2:])
    by_coil = [r.rows.reshape(shape[0], *shape[2:]) for r, _ in coils]
    rows = np.stack(by_coil, axis=1).reshape(-1, *shape[-2:])
    return Recovered(rows, _together([r.metadata for r, _ in coils]))


def _together(coils: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return the metadata of all coils: counts of rows added up, other values as lists by coil."""
    if len(coils) == 1:
        return dict(coils[0])
    found: dict[str, object] = {name: [coil[name] for coil in coils] for name in ("lengths", "parities")}
    partly = [int(str(coil.get("rows_partly_interpolated", 0))) for coil in coils]
    if any(partly):
        found["rows_partly_interpolated"] = sum(partly)
    counts: dict[str, int] = {}
    for coil in coils:
        refitted = coil.get("rows_refitted", {})
        assert isinstance(refitted, dict)
        for name, count in refitted.items():
            counts[name] = counts.get(name, 0) + count
    return {**found, **({"rows_refitted": counts} if counts else {})}


def _by_profiles(coarse: xr.Dataset, geometry: Geometry) -> tuple[Recovered, str]:
    """Recover a matrix (angle, frequency, y, x), and return what a warning should say; empty for nothing."""
    values, factor = coarse["system_matrix"].values.astype(complex), Sampling.of(coarse).factor
    sigma = noise_per_row(coarse).reshape(values.shape[:2])
    fits = fit_profiles(values, sigma, coarse["angle"].values, factor, geometry)
    metadata: dict[str, object] = {"lengths": fits.lengths, "parities": fits.parities}
    means, rows = as_images(coarse), fits.rows.reshape(-1, *fits.rows.shape[-2:])
    share, shape = geometry.share(factor, *means.shape[-2:]), (rows.shape[-2], rows.shape[-1])
    rest = interpolate_means(shrunk(means - block_mean(rows, factor), sigma.ravel(), share), factor, shape)
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
    return Recovered(rows, metadata), " ".join(said)


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
        rows = consistent_rows(coarse)
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
        "x and y are exchanged": (
            np.pi / 2 - angles,
            geometry._replace(aspect=1 / geometry.aspect, x=geometry.y, y=geometry.x),
        ),
        "the scanner's axis lies at the centre of the grid": (angles, geometry._replace(x=0.0, y=0.0)),
    }
    for slip, (turned, where) in slips.items():
        if (where, tuple(turned)) == (geometry, tuple(angles)):
            continue
        if fit_profiles(values[:, one], sigma[:, one], turned, factor, where).agree.mean() > 0.9:
            return f" They do fit if {slip}."
    return ""
