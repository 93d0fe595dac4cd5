r"""An earlier fit of the same scanner as the prior of a new one.

What a scanner was a month ago, and how well that is known, says most of what it is today. The prior of a parameter has
the mean :math:`\hat x_0` of the earlier fit and the variance

.. math:: C_0 + d^2 ,

that of the earlier posterior and of a drift d, which is `DRIFT` times the scale of the table. The evidence of the new
data changes it group by group, up to the scale of the table and down to the earlier standard error (`priors`). An error
of an angle that the earlier fit did not see has the prior of the table. Correlations of the earlier posterior are left
out, which makes the prior wider than it could be.

Gains have a prior of their own: all of them may change together, since samples differ, those of a coil less, and single
ones least.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from calib.methods.physical.maps import fitted_state
from calib.methods.physical.measurement import Measurement
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import ScannerState
from calib.methods.physical.priors import GainPriors, Priors
from mpisim.errors import require

__all__ = ["DRIFT", "REVERSED", "Earlier"]

DRIFT = 0.1
"""Change that is expected since the earlier fit, over the prior scale of the table."""
_DRIFT_OF_TRACER = {"steepness": 0.02, "size_variance": 0.02, "reach": 0.01}
_TOGETHER, _OF_COIL, _SINGLE = 1.0, 0.1, 0.02  # changes of gains: logarithms of amplitudes, and rad
REVERSED = 0.5
"""Minus the correlation with a model from which the rows of an angle count as reversed, and the share of its energy
that an ideal scanner leaves of a row that does."""
_SAME_ANGLE = 1e-6  # rad
_SAME_LENGTH = 1e-3  # of R


@dataclass(frozen=True, eq=False)
class Earlier:
    """An earlier fit in the units of a new measurement.

    Parameters
    ----------
    state
        Its parameters, at the angles of the new measurement, with gains that suit it.
    ideal
        The ideal scanner in it, from which a fit of an ideal scanner starts.
    priors
        Priors of the new fit.
    shared_std, gain_std
        Standard errors of the shared parameters, (n,), and of logarithm and phase of the gains, (2, coil, harmonic).
    local_std
        Those of the errors of each angle, (angle, 4); infinite at angles that were not measured.
    scale
        Factor on all gains that suits the new measurement; rows of angles whose sign is opposite count with the other.
    left
        Share of the energy of the new measurement that the state leaves.
    """

    state: ScannerState
    ideal: ScannerState
    priors: Priors
    shared_std: np.ndarray
    gain_std: np.ndarray
    local_std: np.ndarray
    scale: complex
    left: float

    @classmethod
    def of(cls, recovery: Mapping[str, Any], measurement: Measurement) -> Earlier:
        """Return that of the attribute `recovery` of a matrix recovered by `physical`.

        Raises
        ------
        InputError
            If the attribute holds no fitted scanner, or one with other coils, without some of the harmonics, or about
            another centre or of another field of view.
        """
        found = fitted_state(recovery)
        parameters = measurement.parameters
        _check(recovery, measurement, found)
        which = [sorted({int(g["harmonic"]) for g in recovery["gains"]}).index(k) for k in parameters.harmonics]
        gains = found.gains[:, which] / measurement.unit
        shape = found.gains.shape
        gain_std = np.array([[g[name] for g in recovery["gains"]] for name in ("relative_std", "phase_std")]).reshape(
            2, *shape
        )[..., which]
        table = Priors.of(parameters)
        std = np.array([np.nan if p["std"] is None else p["std"] for p in recovery["parameters"]], dtype=float)
        known = np.isfinite(std)
        drift = np.array([_DRIFT_OF_TRACER.get(p.name, DRIFT * p.scale) for p in parameters.shared])
        shared = np.where(known, np.hypot(std, drift), table.shared)
        mean = np.where(known, found.shared, table.mean)
        local_mean, local_std = _at_angles(recovery, found, np.array(parameters.angles))
        local = np.where(np.isfinite(local_std), np.hypot(local_std, DRIFT * table.local), table.local)
        state = ScannerState(np.where(known, found.shared, 0.0), gains, local_mean)
        scale, left = _scaled(state, measurement)
        state = ScannerState(state.shared, scale * gains, local_mean)
        least = np.where(known, std, 0.0), np.where(np.isfinite(local_std), local_std, 0.0)
        priors = Priors(mean, shared, local, local_mean, _of_gains(state.gains, gain_std), least)
        ideal = parameters.ideal(*found.shared[[parameters.place(p) for p in _DRIFT_OF_TRACER]])
        ideal.gains[:] = state.gains
        spread = np.where(known, std, np.inf)
        return cls(state, ideal, replace(priors, base=priors), spread, gain_std, local_std, scale, left)


def _check(recovery: Mapping[str, Any], measurement: Measurement, found: ScannerState) -> None:
    parameters, name = measurement.parameters, "prior_scanner"
    names = [p["name"] for p in recovery["parameters"]]
    require(names == [p.name for p in parameters.shared], name, "a fit with the parameters and coils of coarse", names)
    missing = sorted(set(parameters.harmonics) - {int(g["harmonic"]) for g in recovery["gains"]})
    require(not missing, name, f"a fit of the harmonics {list(parameters.harmonics)}", f"one without {missing}")
    scale = max(measurement.fine.fov[:2]) / 2
    length = float(recovery["length_unit"])
    same = abs(length / scale - 1) < _SAME_LENGTH
    must = f"a fit over the same field of view, of {2e3 * scale:.4g} mm along the longer edge"
    require(same, name, must, f"one of {2e3 * length:.4g} mm")
    center = np.array(recovery.get("center", measurement.fine.center[:2]), dtype=float)
    same = bool(np.all(np.abs(center - measurement.fine.center[:2]) < _SAME_LENGTH * scale))
    words = "a fit about the same centre, ({:.4g}, {:.4g}) mm".format(*(1e3 * c for c in measurement.fine.center[:2]))
    require(same, name, words, "one about ({:.4g}, {:.4g}) mm".format(*(1e3 * center)))


def _at_angles(recovery: Mapping[str, Any], found: ScannerState, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return errors and their standard errors at other angles, (angle, 4); 0 and infinite where none was measured."""
    std = np.stack([np.asarray(e["std"], dtype=float) for e in recovery["angle_errors"].values()], axis=1)
    apart = np.abs(angles[:, None] - np.asarray(recovery["angles"], dtype=float))
    place, there = apart.argmin(1), apart.min(1) < _SAME_ANGLE
    return np.where(there[:, None], found.local[place], 0.0), np.where(there[:, None], std[place], np.inf)


def _scaled(state: ScannerState, measurement: Measurement) -> tuple[complex, float]:
    """Return the factor on all gains that suits a measurement best, and the share of its energy that is left."""
    model = Model(
        measurement.parameters, measurement.sampling, measurement.fine, state, measurement.sample, tolerance=1e-3
    )
    means, values = (np.where(measurement.counts, v, 0.0) for v in (model.means(state), measurement.values))
    of_angles = np.sum(means.conj() * values, axis=(1, 2, 3))
    norm, energy = (np.sum(np.abs(v) ** 2, axis=(1, 2, 3)) for v in (means, values))
    tiny = np.finfo(float).tiny
    product = complex(_with_common_sign(of_angles / np.sqrt(np.maximum(norm * energy, tiny))) @ of_angles)
    scale = product / max(float(norm.sum()), tiny)
    left = 1 - abs(product) ** 2 / max(float(norm.sum() * energy.sum()), tiny)
    return scale if scale else 1.0, float(left)


def _with_common_sign(alike: np.ndarray) -> np.ndarray:
    """Return -1 for angles whose complex correlation with a model is opposite to that of most angles, else 1."""
    phase = np.angle(np.sum(alike**2)) / 2  # of a line, on which both signs lie
    along = (alike * np.exp(-1j * phase)).real
    along = -along if np.sum(along < -REVERSED) > np.sum(along > REVERSED) else along
    return np.where(along < -REVERSED, -1.0, 1.0)


def _of_gains(mean: np.ndarray, std: np.ndarray) -> GainPriors:
    n_coils, n_harmonics = mean.shape
    same_coil = np.kron(np.eye(n_coils), np.ones((n_harmonics, n_harmonics)))
    spread = np.sqrt(np.mean(std**2, axis=0)).ravel()
    covariance = np.diag(_SINGLE**2 + spread**2) + _OF_COIL**2 * same_coil + _TOGETHER**2
    return GainPriors(mean, np.linalg.inv(covariance))
