"""What a fit of the scanner reports: parameters with errors, chi2 and what was left out, in values that JSON holds."""

from __future__ import annotations

import numpy as np

from calib.methods.physical.climb import own_variances
from calib.methods.physical.fit import Fit
from calib.methods.physical.fitting import Fitted
from calib.methods.physical.parameters import LOCAL, Parameters

__all__ = ["reported"]


def reported(fitted: Fitted) -> dict[str, object]:
    """Return the metadata of a fit.

    Returns
    -------
    dict
        `stage` (`ideal`, `full`, `profile` or `modulated`), `reason`, `chi2`, `chi2_excess` (standard deviations above
        its expectation), `chi2_by_angle`, `chi2_by_harmonic`, `chi2_by_row` (angle by angle), `chi2_ideal`, `steps`,
        `starts`, `converged`, `noise`, `length_unit` (R in m), `center` (that of the grid from the axis,
        in m), `angles` (those of the fit, in rad), `parameters` and
        `angle_errors` with standard deviations and the share of each that the data determine, `gains` with relative
        ones, `positions_left_out`, `angles_reversed` (their numbers).
    """
    climbed, measurement = fitted.climbed, fitted.measurement
    parameters, fit = measurement.parameters, climbed.fit
    left_out = np.argwhere(_image(fitted.out_positions, fitted))
    return {
        "stage": fitted.stage,
        "reason": climbed.reason,
        "chi2": _short(fitted.chi2),
        "chi2_excess": _short(fitted.excess),
        "chi2_by_angle": _means(fitted, (1, 2, 3)),
        "chi2_by_harmonic": _means(fitted, (0, 1, 3)),
        "chi2_by_row": _means(fitted, (3,)),
        "chi2_ideal": _short(climbed.ideal.chi2),
        "steps": climbed.steps,
        "starts": climbed.starts,
        "converged": bool(fit.converged),
        "noise": {
            "level": _short(measurement.unit * np.sqrt(np.mean(measurement.sigma[measurement.counts] ** 2))),
            "rescaled": _short(fitted.rescaled),
            "from_residual": fitted.rescaled != 1,
        },
        "length_unit": fitted.model.scale,
        "center": [float(c) for c in measurement.fine.center[:2]],
        "angles": _exacts(np.array(parameters.angles)),
        "parameters": _shared(parameters, fit),
        "angle_errors": _local(fit),
        "gains": _gains(parameters, fit, measurement.unit),
        "positions_left_out": left_out.tolist(),
        "angles_reversed": np.flatnonzero(fitted.signs < 0).tolist(),
    }


def _short(value: float | np.ndarray) -> float:
    return float(f"{float(value):.6g}")


def _shorts(values: np.ndarray) -> list[float]:
    return [_short(value) for value in np.ravel(values)]


def _exact(value: float | np.ndarray) -> float:
    """A value from which rows can be computed again to 1e-9."""
    return float(f"{float(value):.12g}")


def _exacts(values: np.ndarray) -> list[float]:
    return [_exact(value) for value in np.ravel(values)]


def _image(positions: np.ndarray, fitted: Fitted) -> np.ndarray:
    """Positions as they lie in the coarse file, (y, x)."""
    shape = fitted.measurement.shape
    mask = getattr(fitted.measurement.sampling, "mask", None)
    if mask is None:
        return positions.reshape(shape)
    image = np.zeros(shape, dtype=bool)
    image[mask] = positions
    return image


def _means(fitted: Fitted, axes: tuple[int, ...]) -> list[float]:
    """Mean of the squares of residuals over the noise along some axes; 0 where nothing counts."""
    sigma = fitted.measurement.sigma
    total = np.sum(np.abs(fitted.residual / sigma) ** 2, axis=axes)
    return _shorts(total / np.maximum(np.isfinite(sigma).sum(axis=axes), 1))


def _shared(parameters: Parameters, fit: Fit) -> list[dict[str, object]]:
    """Every shared parameter; those that were held have no standard deviation and the share 0."""
    deviations = np.full(len(fit.free), np.nan)
    deviations[fit.free] = np.sqrt(np.diag(fit.covariance)[: fit.free.sum()])
    found: list[dict[str, object]] = []
    for parameter, value, deviation, prior in zip(
        parameters.shared, fit.state.shared, deviations, fit.priors.shared, strict=True
    ):
        held = bool(np.isnan(deviation))
        found.append(
            {
                "name": parameter.name,
                "group": parameter.group,
                "meaning": parameter.meaning,
                "unit": parameter.unit,
                "value": _exact(value),
                "std": None if held else _short(deviation),
                "determined": 0.0 if held else _short(np.clip(1 - (deviation / prior) ** 2, 0, 1)),
                "prior": _short(prior),
            }
        )
    return found


def _local(fit: Fit) -> dict[str, object]:
    variances = own_variances(fit)
    scales = np.broadcast_to(fit.priors.local, variances.shape)
    return {
        p.name: {
            "value": _exacts(fit.state.local[:, j]),
            "std": _shorts(np.sqrt(variances[:, j])),
            "unit": p.unit,
            "meaning": p.meaning,
            "determined": _short(float(np.clip(1 - variances[:, j] / scales[:, j] ** 2, 0, 1).mean())),
            "prior": _short(np.sqrt(np.mean(scales[:, j] ** 2))),
        }
        for j, p in enumerate(LOCAL)
    }


def _gains(parameters: Parameters, fit: Fit, unit: float) -> list[dict[str, object]]:
    """Gains by coil and harmonic: amplitude in the unit of the matrix with its relative deviation, and phase."""
    n = fit.state.gains.size
    relative = np.sqrt(np.diag(fit.covariance)[-n:]).reshape(fit.state.gains.shape)
    phases = np.sqrt(np.diag(fit.posterior.phases)[:n]).reshape(fit.state.gains.shape)
    return [
        {
            "coil": c,
            "harmonic": parameters.harmonics[k],
            "amplitude": _exact(unit * abs(fit.state.gains[c, k])),
            "relative_std": _short(relative[c, k]),
            "phase": _exact(np.angle(fit.state.gains[c, k])),
            "phase_std": _short(phases[c, k]),
        }
        for c, k in np.ndindex(*fit.state.gains.shape)
    ]
