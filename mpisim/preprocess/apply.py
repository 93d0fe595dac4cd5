"""A list of steps, applied to one file or to several alike, and saved with the result.

The attribute `preprocessing` of the result holds the records of the steps under `steps`, in their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import xarray as xr

from mpisim.data.schema import validate
from mpisim.errors import require
from mpisim.preprocess.averaging import AverageFrames
from mpisim.preprocess.covariance import WhitenByCovariance
from mpisim.preprocess.periods import CorrectLeakage, GroupPeriods
from mpisim.preprocess.receive import DivideInduction, DivideTransfer
from mpisim.preprocess.selection import SelectFrequencies
from mpisim.preprocess.step import Step, recorded, stated, with_state
from mpisim.preprocess.subtraction import SubtractBackground
from mpisim.preprocess.weights import WeightChannels, WeightRows, Whiten

__all__ = ["STEPS", "apply", "apply_all", "steps_of"]

STEPS: dict[str, type[Step]] = {
    kind.__name__: kind
    for kind in (
        CorrectLeakage,
        AverageFrames,
        GroupPeriods,
        SubtractBackground,
        DivideTransfer,
        DivideInduction,
        SelectFrequencies,
        WeightChannels,
        Whiten,
        WhitenByCovariance,
        WeightRows,
    )
}
"""Every step by name."""


def apply(steps: Iterable[Step], data: xr.Dataset) -> xr.Dataset:
    """Apply steps to one dataset; steps with open numbers are decided on it. See `apply_all`."""
    return apply_all(steps, [data])[0]


def apply_all(steps: Iterable[Step], files: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    """Apply steps to several datasets alike.

    Parameters
    ----------
    steps
        In their order. A step with open numbers is decided on the first file of the kind that it asks for (whitening: a
        measurement; selection and norms: a system matrix), or on the first file where there is none, after the steps
        before it. A step that does not concern a file (the mean over frames of a matrix) leaves it as it is.
    files
        System matrices and measurements.

    Returns
    -------
    list of xarray.Dataset
        The results, with the decided steps in their attribute `preprocessing`; `steps_of` reads them again.

    Raises
    ------
    InputError
        If one is no step, a dataset lacks what a step needs, or rows do not fit.
    """
    found = [validate(data) for data in files]
    for step in steps:
        require(isinstance(step, Step), "steps", "a list of steps of mpisim.preprocess", type(step).__name__)
        kinds = [data.attrs["kind"] for data in found]
        first = kinds.index(step.decided_on) if step.decided_on in kinds else 0
        decided = step.decided(found[first])
        found = [_with_record(decided.applied(d), decided) if decided.concerns(d) else d for d in found]
    return [validate(data) for data in found]


def steps_of(data: xr.Dataset) -> list[Step]:
    """Return the steps that were applied to a dataset, decided, so that they can be applied to another one."""
    return [recorded(record, STEPS) for record in stated(data).get("steps", [])]


def _with_record(data: xr.Dataset, step: Step) -> xr.Dataset:
    return with_state(data, steps=[*stated(data).get("steps", []), step.record()])
