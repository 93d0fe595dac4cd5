"""Tables that other packages may extend: methods of recovery, solvers, scanners, magnetisation, file formats.

A table holds records of one type by name. A package adds one without editing this project: by an entry point whose
group is the table's and whose name is the record's, or at run time by `register`. An entry point is loaded when its
record is first asked for; one that fails, or whose name is taken, is reported once and left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from mpisim.errors import InputError, require, with_article

__all__ = ["Registry", "gathered"]

R = TypeVar("R")


def gathered(
    points: Iterable[EntryPoint], kind: str, record: type[R], read: Callable[[Any], Mapping[str, R]]
) -> dict[str, R]:
    """Return the records of entry points that hold several of them, by name.

    Parameters
    ----------
    points
        The entry points; the first of a name wins.
    kind
        What a record is, in words.
    record
        Type of a record.
    read
        Returns the records of the object of an entry point, by name.
    """
    found: dict[str, R] = {}
    for point in points:
        with _reported(kind, point):
            for name, entry in read(point.load()).items():
                require(
                    isinstance(entry, record), f"{kind} {name}", with_article(record.__name__), type(entry).__name__
                )
                require(name not in found, f"name of the {kind}", "a new one", repr(name))
                found[name] = entry
    return found


@contextmanager
def _reported(kind: str, point: EntryPoint) -> Iterator[None]:
    """Report an entry point that fails, in one line, and go on without it."""
    try:
        yield
    except (Exception, SystemExit) as error:  # whatever another package raises
        reason = " ".join(str(error).split()) or type(error).__name__
        warnings.warn(f"the {kind} {point.name} of {point.value} cannot be used: {reason}", stacklevel=4)


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
        self._own = frozenset(known)
        self._points: dict[str, EntryPoint] | None = None

    def register(self, name: str, record: R) -> None:
        """Add a record under a new name.

        Raises `InputError` if the name is taken or the record is of another type.
        """
        good = isinstance(name, str) and name.strip() != "" and name not in self
        require(good, f"name of the {self.kind}", "a new one", repr(name))
        self._records[name] = self._checked(name, record)

    def unregister(self, name: str) -> None:
        """Take a record out again, such as after a test; unknown names are ignored."""
        self._records.pop(name, None)

    @contextmanager
    def guarded(self, name: str) -> Iterator[None]:
        """Run code of a record: what that of another package raises becomes an `InputError` of one sentence."""
        try:
            yield
        except (InputError, OSError, MemoryError):
            raise
        except Exception as error:
            if name in self._own:
                raise
            raise InputError(
                f"Input {self.kind} {name} must be one that works here; "
                f"instead received {type(error).__name__}: {error}."
            ) from error

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
            self._points = {}
            for point in dict.fromkeys(entry_points(group=self.group)):
                with _reported(self.kind, point):
                    taken = point.name in self._records or point.name in self._points
                    require(not taken, f"name of the {self.kind}", "a new one", repr(point.name))
                    self._points[point.name] = point
        return self._points

    def _load(self, name: str) -> None:
        point = self._waiting().pop(name)
        with _reported(self.kind, point):
            self._records[name] = self._checked(name, point.load())

    def _checked(self, name: str, record: R) -> R:
        if isinstance(self._record, type):
            wanted = with_article("class" if self._record is type else self._record.__name__)
            good = isinstance(record, self._record)
        else:
            wanted, good = with_article(self.kind), self._record(record)
        if not good:
            raise InputError(f"Input {self.kind} {name} must be {wanted}; instead received {type(record).__name__}.")
        return record
