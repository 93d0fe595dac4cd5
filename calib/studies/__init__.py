"""Studies that set our numbers beside the paper's, by name; `mpisim study NAME` runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from calib.studies.table3 import table3

__all__ = ["STUDIES", "table3"]

STUDIES: dict[str, Callable[[Path, bool, Path | None], Mapping[str, Any]]] = {"table3": table3}
