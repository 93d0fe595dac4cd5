"""What a step of preprocessing is: a frozen record that is decided on one file, and applied to several.

A step without open numbers is decided from the beginning. Another one, such as a selection of rows by their
signal-to-noise ratio, holds after `decided` which rows these are, so that the other file gets the same ones.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import xarray as xr

from mpisim.errors import InputError, require

__all__ = ["Step", "recorded", "stated", "with_state"]


@dataclass(frozen=True)
class Step(ABC):
    """One step; a subclass is a frozen dataclass whose fields are numbers, words, and tuples of them."""

    noise: ClassVar[str] = ""
    """What the step does to `noise_std`, in words."""
    decided_on: ClassVar[str] = ""
    """Kind of the file on which the step is decided where there are several; empty for a step without open numbers."""

    def concerns(self, data: xr.Dataset) -> bool:
        """Whether the step does anything to a dataset; a step of frames leaves a matrix as it is."""
        return True

    def decided(self, data: xr.Dataset) -> Self:
        """Return the step with the numbers that it takes from a dataset."""
        return self

    @abstractmethod
    def applied(self, data: xr.Dataset) -> xr.Dataset:
        """Return the dataset after the step."""

    def record(self) -> dict[str, Any]:
        """Return the fields that are not empty, the name of the step, and what it does to the noise."""
        values = {f.name: _plain(getattr(self, f.name)) for f in fields(self)}
        kept = {name: value for name, value in values.items() if value not in (None, [], {})}
        return {"step": type(self).__name__, **kept, "noise": self.noise}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return (
        {f.name: _plain(getattr(value, f.name)) for f in fields(value)} if hasattr(value, "__match_args__") else value
    )


def stated(data: xr.Dataset) -> dict[str, Any]:
    """Return what the attribute `preprocessing` says, by name; empty where there is none."""
    found = data.attrs.get("preprocessing")
    return dict(found) if isinstance(found, Mapping) else {}


def with_state(data: xr.Dataset, **values: Any) -> xr.Dataset:
    """Return a dataset whose attribute `preprocessing` says more."""
    return data.assign_attrs(preprocessing={**stated(data), **values})


def recorded(values: object, steps: Mapping[str, type[Step]]) -> Step:
    """Return a step from its record; raise `InputError` where the record is none of these steps."""
    name = values.get("step") if isinstance(values, Mapping) else None
    known = isinstance(values, Mapping) and name in steps
    require(known, "step", f"a record of one of {', '.join(steps)}", repr(name))
    assert isinstance(values, Mapping)
    kind = steps[str(name)]
    given = {k: _tupled(v) for k, v in values.items() if k not in ("step", "noise")}
    try:
        return kind(**given)
    except TypeError as error:
        raise InputError(f"Input record of {name} must be made of its fields; instead received {error}.") from None


def _tupled(value: Any) -> Any:
    return tuple(_tupled(v) for v in value) if isinstance(value, list | tuple) else value
