r"""All rows of a harmonic from one profile, and what to do where a scanner is not ideal.

The profiles are those of `calib.methods.profile_fit`. What they leave of the block means beyond the noise is
interpolated by bicubic and added; of a residual r of m values,

.. math:: r\,\max\left(0,\ 1 - \frac{m\sigma^2}{\lVert r\rVert^2}\right)

is taken to be no noise (James and Stein, 1961, positive part). Then the result is made consistent with the block means.
Rows that no profile describes (`calib.methods.misfit`) are recovered as single ridges or, where they are none, by
bicubic interpolation with data consistency; a warning names them.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from calib.methods.bicubic import interpolate_bicubic
from calib.methods.consistency import nearest_consistent
from calib.methods.geometry import Geometry
from calib.methods.misfit import named_rows
from calib.methods.profile_fit import LENGTHS, fit_profiles, fitted_profiles
from calib.methods.record import Recovered
from mpisim.data.noise import norm, rms
from mpisim.data.sampling import Sampling, block_mean
from mpisim.data.views import as_images, noise_per_row
from mpisim.errors import require, warn

__all__ = ["LENGTHS", "fit_profiles", "recover_by_profiles"]

_MARGIN = 4.0  # standard deviations of the square of a row's noise norm that are still taken for noise

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
    fits = fitted_profiles(values, sigma, coarse["angle"].values, factor, geometry)
    metadata: dict[str, object] = {"lengths": fits.lengths, "parities": fits.parities}
    means, rows = as_images(coarse), fits.rows.reshape(-1, *fits.rows.shape[-2:])
    noise = sigma.ravel() * (1 + _MARGIN / means[0].size ** 0.5) ** 0.5
    interpolated = interpolate_bicubic(_shrunk(means - block_mean(rows, factor), noise), factor)
    rows = nearest_consistent(rows + interpolated, means, noise, factor)
    (partly,) = np.nonzero(fits.agree.ravel() & (fits.left.ravel() > _REST))
    (others,) = np.nonzero(~fits.agree.ravel())
    said = []
    if partly.size:
        metadata["rows_partly_interpolated"] = len(partly)
        most = 100 * float(fits.left.ravel()[partly].max()) ** 0.5
        said.append(
            f"{len(partly)} of {len(means)} rows hold more than one profile for all angles explains; this rest, up to "
            f"{most:.2g} % of a row, was interpolated ({named_rows(coarse, partly)})."
        )
    if others.size:
        rows[others], counts = _by_less(coarse, others, factor, geometry)
        metadata["rows_refitted"] = counts
        by = " and ".join(f"{count} by {name}" for name, count in counts.items())
        said.append(
            f"{len(others)} of {len(means)} rows do not fit one profile for all angles and were recovered otherwise, "
            f"{by} ({named_rows(coarse, others)}).{_cause(coarse, others, factor, geometry)}"
        )
    if said:
        warn(" ".join(said))
    return Recovered(rows, metadata)


def _by_less(
    coarse: xr.Dataset, others: np.ndarray, factor: int, geometry: Geometry
) -> tuple[np.ndarray, dict[str, int]]:
    """Recover some rows as ridges or by bicubic interpolation, and count both."""
    from calib.methods.ridge import ridge_rows  # which loads torch

    means, sigma = as_images(coarse), noise_per_row(coarse)
    rows, ridges = ridge_rows(means[others], sigma[others], factor, geometry, float(rms(means)))
    ridges &= means[others].any(axis=(1, 2))
    counts = {"ridge": int(ridges.sum()), "bicubic-dc": int((~ridges).sum())}
    return rows, {name: count for name, count in counts.items() if count}


def _cause(coarse: xr.Dataset, others: np.ndarray, factor: int, geometry: Geometry) -> str:
    """Return what would make most rows fit, in a sentence, if it is one of the usual slips; empty if not."""
    values = coarse["system_matrix"].values.astype(complex)
    sigma, angles = noise_per_row(coarse).reshape(values.shape[:2]), coarse["angle"].values
    if 2 * len(others) < values[..., 0, 0].size:
        return ""
    strongest = int(np.argmax(np.sum(np.abs(values) ** 2, axis=(0, 2, 3))))
    one = slice(strongest, strongest + 1)
    slips = {
        "with angles that are degrees": (np.deg2rad(angles), geometry),
        "with y reversed": (-angles, geometry._replace(y=-geometry.y)),
        "with x and y exchanged": (np.pi / 2 - angles, Geometry(1 / geometry.aspect, geometry.y, geometry.x)),
        "with the scanner's axis at the centre of the grid": (angles, geometry._replace(x=0.0, y=0.0)),
    }
    for slip, (turned, where) in slips.items():
        if (where, tuple(turned)) == (geometry, tuple(angles)):
            continue
        if fitted_profiles(values[:, one], sigma[:, one], turned, factor, where).agree.mean() > 0.9:
            return f" They fit {slip}."
    return ""


def _shrunk(residual: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return residuals (row, h, w) less what of them is noise: by the positive-part James-Stein estimator."""
    length = norm(residual, (1, 2))
    fraction = 1 - (sigma * residual[0].size ** 0.5 / np.where(length > 0, length, 1)) ** 2
    return residual * fraction.clip(min=0)[:, None, None]
