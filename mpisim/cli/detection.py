"""The detection limit of a system matrix in numbers, as `info` and `simulate` print it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

__all__ = ["KEYS", "DetectionTally"]

KEYS = {
    "detection_limit": "system matrix of a scanner with a receive chain, after its background was subtracted: smallest "
    "mass of iron in ug in one voxel that one measurement detects by three standard deviations: least, median and "
    "largest of all voxels",
}
"""Keys of `--json`."""

_MICROGRAMS = 1e9


class DetectionTally:
    """Detection limit of a system matrix that comes in blocks of complete rows."""

    def __init__(self) -> None:
        self.energy: np.ndarray | None = None
        self.known = True

    def add(self, block: xr.Dataset) -> None:
        """Take a block into account; where a block has no limit, the matrix has none."""
        from mpisim.errors import InputError
        from mpisim.simulation.detection import detection_limit

        scanner = block.attrs.get("scanner")
        if not (isinstance(scanner, Mapping) and isinstance(scanner.get("receive"), Mapping)):
            self.known = False
            return
        try:
            found = detection_limit(block).values ** -2.0  # the energies of rows add up
        except InputError:
            self.known = False
            return
        self.energy = found if self.energy is None else self.energy + found

    def described(self) -> dict[str, Any]:
        """Return the key; empty where there is nothing to say."""
        import numpy as np

        if not self.known or self.energy is None or not np.any(self.energy > 0):
            return {}
        with np.errstate(divide="ignore"):
            limits = _MICROGRAMS / np.sqrt(self.energy)
        numbers = {"least": limits.min(), "median": np.median(limits), "largest": limits.max()}
        return {"detection_limit": {k: float(v) if math.isfinite(v) else None for k, v in numbers.items()}}
