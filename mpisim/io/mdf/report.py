"""What the validator finds in an MDF file."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Breach", "Report"]


@dataclass(frozen=True)
class Breach:
    """One breach of the specification.

    Parameters
    ----------
    field
        Path of the field or group.
    must
        What it must be.
    received
        What it is.
    """

    field: str
    must: str
    received: str

    def __str__(self) -> str:
        return f"{self.field} must be {self.must}; it is {self.received}."


@dataclass
class Report:
    """What the validator found.

    Parameters
    ----------
    breaches
        All breaches; none in a valid file.
    custom
        Paths of custom fields, which begin with an underscore as they must.
    unreadable
        Why `mpisim.read` cannot read the file, in a sentence; empty if it can, breaches or not.
    notes
        What is valid and yet hinders other programs.
    """

    breaches: list[Breach] = field(default_factory=list)
    custom: list[str] = field(default_factory=list)
    unreadable: str = ""
    notes: list[str] = field(default_factory=list)

    def add(self, path: str, must: str, received: object) -> None:
        """Add a breach."""
        self.breaches.append(Breach(path, must, str(received)))
