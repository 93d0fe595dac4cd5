"""The check of a magnetisation model against its protocol, for authors of models and before a simulation."""

from __future__ import annotations

from typing import cast

import numpy as np

from mpisim.errors import InputError, finite, require
from mpisim.particles.fokker_planck import BrownRotation, NeelRotation
from mpisim.particles.protocol import Magnetisation

__all__ = ["check_magnetisation"]

_PERIOD = 4e-5  # s
_TIMES = 64
_SHIFT = 8
_KNOWN = (BrownRotation, NeelRotation)  # whose moments take seconds; the tests of this package hold their laws
_CLOSE = 1e-3  # of the largest moment: models with a history may integrate with steps of their own


def check_magnetisation(model: object) -> Magnetisation:
    """Return the model if the engines can use it.

    Its moments are computed for a drive of 10 mT and 25 kHz beside static fields of 0 to 30 mT, at four points. They
    must be those of a point alone, and shift in time as the field does, as periodic moments do.

    Parameters
    ----------
    model
        An object that should keep the protocol `mpisim.particles.protocol.Magnetisation`.

    Raises
    ------
    InputError
        With one sentence if `moments` is missing, or returns another shape, complex numbers, NaN, infinity, or moments
        that break the laws above by more than 1e-3 of the largest.
    """
    if type(model) in _KNOWN:
        return cast(Magnetisation, model)
    must = "a mpisim.Particle or another model with moments, such as a subclass of mpisim.Instantaneous"
    require(hasattr(model, "moments") and not isinstance(model, type), "particle", must, _short(model))
    checked = cast(Magnetisation, model)
    field = _example_field()
    moments = _moments(checked, field)
    shifted = np.roll(_moments(checked, np.roll(field, _SHIFT, axis=0)), -_SHIFT, axis=0)
    _require_close(moments, shifted, "moments that shift in time with the field")
    _require_close(moments[:, 0], _moments(checked, field[:, 0]), "moments of a point that no other point changes")
    return checked


def _example_field() -> np.ndarray:
    """A field in T, shape (time, point, 3): one and two drive directions, without and beside a static field."""
    phase = 2 * np.pi * np.arange(_TIMES)[:, None] / _TIMES
    line = 0.01 * np.sin(phase) * [0, 0, 1]
    circle = line + 0.01 * np.cos(phase) * [1, 0, 0]
    return np.stack([line, line + [0.003, 0, 0.03], circle, circle + [0.0, 0.005, -0.004]], axis=1)


def _short(value: object) -> str:
    """Return a value as it is written, or its class where that is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"an object of the class {type(value).__name__}"


def _moments(model: Magnetisation, field: np.ndarray) -> np.ndarray:
    try:
        moments = model.moments(field.copy(), _PERIOD)
    except Exception as error:  # whatever the code of another package raises
        raise InputError(
            "Input particle moments must be a method for a field of shape (time, ..., 3) and a period; "
            f"instead received {error!r}."
        ) from error
    good = isinstance(moments, np.ndarray) and moments.shape == field.shape
    must = f"a method that returns an array of the field's shape, {field.shape} here"
    require(good, "particle moments", must, f"{type(moments).__name__} of shape {np.shape(moments)}")
    require(moments.dtype.kind in "fiu", "particle moments", "a method that returns real numbers", moments.dtype)
    return finite("what the particle's moments returns", moments)


def _require_close(moments: np.ndarray, others: np.ndarray, must: str) -> None:
    difference, largest = np.abs(moments - others).max(), np.abs(moments).max()
    received = f"some that differ by {difference / largest if largest else 0:.1e} of the largest"
    require(bool(difference <= _CLOSE * largest), "particle moments", must, received)
