"""The table of scanner classes, from which a file's scanner is built again by the name of its class."""

from __future__ import annotations

from mpisim.plugins import Registry
from mpisim.scanner.ffl import OpenSidedFFL

__all__ = ["SCANNERS"]

SCANNERS: Registry[type] = Registry("scanner", "mpisim.scanners", type, {"OpenSidedFFL": OpenSidedFFL})
"""Scanner classes by name: frozen dataclasses that keep the protocol `mpisim.scanner.protocol.Scanner`.

Another package adds its own by an entry point of the group `mpisim.scanners` or by `SCANNERS.register(name, class)`. A
file then holds the name of the class and the values of its fields, so that the scanner can be simulated again on other
voxels.
"""
