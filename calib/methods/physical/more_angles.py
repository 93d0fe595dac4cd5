r"""Rows at angles that were not measured, from the fitted scanner.

The fit holds fields, coils and tracer for all angles. What an angle has for itself is measured at the others only:
there its errors are those to be expected (`other_angles`), and their variances enter the standard deviation, which says
so. A random offset of the line of .3 mm from angle to angle makes such rows err by several per cent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from calib.methods.physical.climb import own_variances
from calib.methods.physical.fit import Fit, Posterior
from calib.methods.physical.fitting import Fitted
from calib.methods.physical.other_angles import expected_errors
from calib.methods.physical.parameters import ScannerState
from mpisim.data.angles import look_like_degrees
from mpisim.errors import numbers_of, require, whole
from mpisim.scanner.ffl import equidistant_angles

__all__ = ["at_more_angles", "coarse_at", "measured_angles", "wanted_angles"]

_SAME_ANGLE = 1e-6  # rad


def wanted_angles(angles: int | Iterable[float]) -> np.ndarray:
    """Return angles in rad: as many equidistant ones in [0, pi) as a number says, or those given.

    Raises `InputError` where they are not finite numbers, look like degrees, or are repeated.
    """
    if isinstance(angles, int | np.integer):
        return np.array(equidistant_angles(whole("angles", angles)))
    found = np.array(numbers_of("angles", angles))
    require(found.size > 0, "angles", "at least one", "none")
    require(not look_like_degrees(found), "angles", "in rad", f"angles up to {found.max():g}, which look like degrees")
    require(bool(np.all(np.diff(np.sort(found)) > _SAME_ANGLE)), "angles", "distinct", found.tolist())
    return found


def measured_angles(coarse: xr.Dataset, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which angle of a coarse matrix is the nearest to each of others, and whether it is the same."""
    apart = np.abs(angles[:, None] - coarse["angle"].values.astype(float))
    return apart.argmin(1), apart.min(1) < _SAME_ANGLE


def coarse_at(coarse: xr.Dataset, angles: np.ndarray) -> xr.Dataset:
    """Return a coarse matrix whose rows are those of other angles; its values are not to be used."""
    place = np.abs(angles[:, None] - coarse["angle"].values).argmin(1)
    others = [name for name, c in coarse.coords.items() if "angle" in c.dims and name != "angle"]
    moved = coarse.drop_vars(others).isel(angle=place)
    return moved.assign_coords(angle=("angle", angles, coarse["angle"].attrs))


def at_more_angles(
    fitted: Fitted, coarse: xr.Dataset, measured: Sequence[np.ndarray], angles: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, their standard deviations and circularities at angles of which not all were measured.

    Parameters
    ----------
    fitted
        The fitted scanner.
    coarse
        The matrix that it was fitted to; its angles are the stated ones.
    measured
        The same at these, each (row, y, x): recovered rows and standard deviations in the unit of the matrix.
    angles
        Those that are wanted, counted as those of `coarse`.
    """
    measurement, stated = fitted.measurement, coarse["angle"].values.astype(float)
    place, there = measured_angles(coarse, angles)
    slope, first = np.polyfit(stated, measurement.parameters.angles, 1)
    true = np.where(there, np.array(measurement.parameters.angles)[place], slope * angles + first)
    parameters = replace(measurement.parameters, angles=tuple(true))

    def extended(fit: Fit) -> Fit:
        return _extended(fit, np.array(measurement.parameters.angles), true, place, there)

    forms = fitted.wider()
    forms = None if forms is None else forms.at(true, place, there, extended)
    wider = replace(
        fitted,
        measurement=replace(measurement, parameters=parameters),
        climbed=replace(fitted.climbed, fit=extended(fitted.climbed.fit)),
        signs=np.ones(len(angles)),
    )
    shape, unit = measured[0].shape[-2:], measurement.unit
    spread, circularity = wider.deviation(forms)
    values = (unit * wider.rows(), unit * spread, circularity)
    found = [measurement.as_rows(v, coarse).reshape(len(angles), -1, *shape) for v in values]
    for every, known in zip(found, measured, strict=True):
        every[there] = known.reshape(len(stated), -1, *shape)[place[there]]
    rows, spread, circularity = (every.reshape(-1, *shape) for every in found)
    return rows, spread, circularity


def _extended(fit: Fit, angles: np.ndarray, wanted: np.ndarray, place: np.ndarray, there: np.ndarray) -> Fit:
    """Return a fit at other angles: measured errors where there are such, else those to be expected."""
    state, posterior, n_gains = fit.state, fit.posterior, fit.state.gains.size
    expected, variances = expected_errors(angles, state.local, np.sqrt(own_variances(fit))).at(wanted)
    if not state.local.any():  # an ideal scanner
        expected, variances = np.zeros_like(expected), np.full_like(variances, 1e-18)
    local = np.where(there[:, None], state.local[place], expected)
    own = posterior.local[place].copy()
    own[~there] = np.stack([np.diag(v) for v in variances[~there, :3]]) if (~there).any() else own[~there]
    ratio = np.where(there[:, None, None], posterior.ratio[place], 0.0)
    every = np.concatenate([np.arange(n_gains), n_gains + place])
    phases = posterior.phases[np.ix_(every, every)].copy()
    for i in n_gains + np.flatnonzero(~there):
        phases[i], phases[:, i] = 0.0, 0.0
        phases[i, i] = variances[i - n_gains, 3]
    return replace(
        fit,
        state=ScannerState(state.shared, state.gains, local),
        posterior=Posterior(own, ratio, phases, posterior.chosen),
    )
