"""The model of a measurement, with as many points and times as a scanner needs.

What the means cost grows with the third power of the steepness. Where that is dear, the rough model of the first steps
has the points of the scanner itself, not those of a steeper one, and an ideal fit, whose size variance may be any where
the scanner is not ideal, does not settle points for sizes that are wider than those of tracers.
"""

from __future__ import annotations

import numpy as np

from calib.methods.physical.measurement import Measurement
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import ScannerState

__all__ = ["DEAR", "STEEPER", "finer_models", "models", "narrow"]

_QUADRATURE, _TOLERANCES = 5e-3, (1e-5, 1e-4)  # error of the quadrature over the noise, and its limits
_WIDEST = 1.0  # size variance for which points are settled: ideal fits of imperfect scanners end at any larger one
_ROUGH = 20.0  # times that error, for the first steps
STEEPER = 0.5
"""Of the logarithm of the steepness, by which fits may well become steeper than an ideal scanner's."""
DEAR = 2e7
"""Fields at all points, times and angles, from which the rough model is not to cost more than the other."""


def models(measurement: Measurement, like: ScannerState) -> tuple[Model, Model]:
    """Return the model with as many points and times as a state needs, and a rough one for the first steps.

    The rough one is for scanners steeper than the state: with too few points a fit would become steeper and steeper.
    """
    m, fine = measurement, float(np.clip(_QUADRATURE * measurement.sigma.min(), *_TOLERANCES))
    steeper = like.shared.copy()
    steeper[m.parameters.place("steepness")] += STEEPER

    def suited(state: ScannerState, tolerance: float) -> Model:
        return Model(m.parameters, m.sampling, m.fine, state, m.sample, tolerance)

    model, rough = suited(like, fine), suited(ScannerState(steeper, like.gains, like.local), _ROUGH * fine)
    return model, suited(like, _ROUGH * fine) if rough.evaluations > max(DEAR, model.evaluations) else rough


def narrow(measurement: Measurement, state: ScannerState) -> ScannerState:
    """Return the state with sizes no wider than `_WIDEST`, for which points are settled at first."""
    shared, place = state.shared.copy(), measurement.parameters.place("size_variance")
    shared[place] = min(shared[place], _WIDEST)
    return ScannerState(shared, state.gains, state.local)


def finer_models(measurement: Measurement, model: Model, state: ScannerState) -> tuple[Model, Model, bool]:
    """Return models for a state that is steeper than its model, and whether it is so steep that it means nothing."""
    place = measurement.parameters.place("steepness")
    most = np.log(model.steepness) + STEEPER
    shared = state.shared.copy()
    shared[place] = min(shared[place], most)
    return (*models(measurement, ScannerState(shared, state.gains, state.local)), bool(state.shared[place] > most))
