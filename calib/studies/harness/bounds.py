r"""The least error that an unbiased recovery of a known scanner can have: a bound from the Jacobian of its model.

With the Jacobian J of the measured values by all parameters at the true scanner, noise of the variance :math:`\sigma^2`
of complex values and Gaussian priors of the precision P, no estimate has a smaller mean square error of the fine rows
:math:`a(x)`, to first order, than

.. math:: \mathrm{tr}\, \frac{\partial a}{\partial x} \Bigl(\tfrac{2}{\sigma^2}\,\mathrm{Re}\,J^H J + P\Bigr)^{-1}
          \frac{\partial a}{\partial x}^T .

For an ideal scanner x are the numbers of its tracer and the complex gains, which have wide priors or none (Cramer and
Rao). For an imperfect one x are all parameters of `calib.methods.physical`, with priors of the sizes of this scanner's
own imperfections (van Trees). It is a bound of that model: what the model lacks is not in it, and a method that knows
less of the scanner cannot reach it. A fit that knows a scanner well stands for the true parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from calib.methods.physical.deviation import variances
from calib.methods.physical.levenberg import fit_scanner
from calib.methods.physical.maps import fitted_state
from calib.methods.physical.measurement import Measurement
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import ScannerState
from calib.methods.physical.priors import Priors
from mpisim.data.coverage import expected_nrmse
from mpisim.data.sampling import Sampling

__all__ = ["bound_of", "known_scanner"]

_TOLERANCE = 0.01  # of the quadrature of fine rows: their derivatives need no more


def known_scanner(recovery: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `bound_of` needs of the attribute `recovery` of a matrix recovered by `physical`."""
    errors = recovery["angle_errors"]
    return {
        "parameters": [{key: p[key] for key in ("value", "prior")} for p in recovery["parameters"]],
        "gains": [{key: g[key] for key in ("coil", "harmonic", "amplitude", "phase")} for g in recovery["gains"]],
        "angle_errors": {name: {key: e[key] for key in ("value", "prior")} for name, e in errors.items()},
    }


def bound_of(coarse: xr.Dataset, known: Mapping[str, Any], ideal: bool = False) -> float:
    """Return the least nRMSE of the fine rows of a scanner that was measured as a coarse matrix was.

    Parameters
    ----------
    coarse
        A coarse matrix with its noise; its values set the unit only.
    known
        The scanner, from `known_scanner` of a fit that is better than, or as good as, one of `coarse`.
    ideal
        Whether the scanner is ideal: only its tracer and its gains are then unknown.
    """
    measurement = Measurement.of(coarse)
    found, parameters = fitted_state(known), measurement.parameters
    shared, local = found.shared, found.local
    groups: tuple[str, ...] | None = parameters.groups
    priors = Priors(
        Priors.of(parameters).mean,
        np.array([p["prior"] for p in known["parameters"]]),
        np.array([e["prior"] for e in known["angle_errors"].values()]).T,
    )
    if ideal:
        kept = np.isin(np.arange(len(shared)), parameters.group("tracer"))
        shared, local, groups, priors = np.where(kept, shared, 0.0), 0 * local, None, Priors.of(parameters)
    state = ScannerState(shared, found.gains / measurement.unit, local)
    model = Model(parameters, measurement.sampling, measurement.fine, state, measurement.sample)
    at = fit_scanner(model, model.means(state), measurement.sigma, state, groups, most=0, priors=priors, hold=False)
    shape = (measurement.fine.array_shape[0], measurement.fine.array_shape[1])
    every = Sampling.named("box", 1, shape)
    fine = Model(parameters, every, measurement.fine, state, measurement.sample, _TOLERANCE)
    return float(expected_nrmse(fine.means(state), np.sqrt(variances(fine, at).average)))
