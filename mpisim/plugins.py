"""Tables that other packages may extend: methods of recovery, solvers, scanners, file formats.

A table holds records of one type by name. A package adds one without editing this project: by an entry point whose
group is the table's and whose name is the record's, or at run time by `register`. An entry point is loaded when its
record is first asked for; one that fails is reported once and left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from mpisim.errors import InputError, require

__all__ = ["Registry"]

R = TypeVar("R")


class Registry(Mapping[str, R], Generic[R]):
    """Records by name.

    Parameters
    ----------
    kind
        What a record is, in words, for messages: `method of recovery`.
    group
        Entry-point group, such as `mpisim.recovery_methods`.
    record
        Type of a record.
    known
        The project's own records.
    """

    def __init__(self, kind: str, group: str, record: type | Callable[[object], bool], known: Mapping[str, R]) -> None:
        self.kind, self.group, self._record = kind, group, record
        self._records: dict[str, R] = dict(known)
        self._points: dict[str, EntryPoint] | None = None

    def register(self, name: str, record: R) -> None:
        """Add a record under a new name.

        Raises `InputError` if the name is taken or the record is of another type.
        """
        require(name not in self, f"name of the {self.kind}", "a new one", repr(name))
        self._records[name] = self._checked(name, record)

    def unregister(self, name: str) -> None:
        """Take a record out again, such as after a test; unknown names are ignored."""
        self._records.pop(name, None)

    def __getitem__(self, name: str) -> R:
        if name not in self._records and name in self._waiting():
            self._load(name)
        return self._records[name]

    def __iter__(self) -> Iterator[str]:
        for name in list(self._waiting()):
            self._load(name)
        return iter(list(self._records))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _waiting(self) -> dict[str, EntryPoint]:
        """Entry points that are not loaded yet."""
        if self._points is None:
            self._points = {p.name: p for p in entry_points(group=self.group) if p.name not in self._records}
        return self._points

    def _load(self, name: str) -> None:
        point = self._waiting().pop(name)
        try:
            self._records[name] = self._checked(name, point.load())
        except Exception as error:  # whatever another package raises
            warnings.warn(f"the {self.kind} {name} of {point.value} cannot be used: {error}", stacklevel=2)

    def _checked(self, name: str, record: R) -> R:
        if isinstance(self._record, type):
            wanted = self._record.__name__
            good = isinstance(record, self._record)
        else:
            wanted, good = f"a {self.kind}", self._record(record)
        if not good:
            raise InputError(f"Input {self.kind} {name} must be a {wanted}; instead received {type(record).__name__}.")
        return record
