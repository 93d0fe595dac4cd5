"""The tables of scanners and their parts, from which a file's scanner is built again by the names of classes."""

from __future__ import annotations

from mpisim.plugins import Registry
from mpisim.scanner.ffl import OpenSidedFFL
from mpisim.scanner.sequences import PeriodicSequence

__all__ = ["SCANNERS", "SCANNER_PARTS"]

SCANNERS: Registry[type] = Registry("scanner", "mpisim.scanners", type, {"OpenSidedFFL": OpenSidedFFL})
"""Scanner classes by name: frozen dataclasses that keep the protocol `mpisim.scanner.protocol.Scanner`.

Another package adds its own by an entry point of the group `mpisim.scanners` or by `SCANNERS.register(name, class)`. A
file then holds the name of the class and the values of its fields, so that the scanner can be simulated again on other
voxels.
"""

SCANNER_PARTS: Registry[type] = Registry(
    "part of a scanner", "mpisim.scanner_parts", type, {"PeriodicSequence": PeriodicSequence}
)
"""Frozen dataclasses that fields of a scanner may hold, such as its sequence or a coil, by name.

Another package adds its own by an entry point of the group `mpisim.scanner_parts` or by `SCANNER_PARTS.register`.
"""
