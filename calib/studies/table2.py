"""TranSMS Table II: nRMSE of the network's ablations over the 34 test matrices, noisy, at 2x to 8x.

All are trained for the same number of steps; TranSMS that ships, which had more, is not in this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calib.studies.harness.protocol import FACTORS
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.study import StudyOptions
from calib.studies.table3 import report
from mpisim.progress import progress

__all__ = ["PUBLISHED", "table2"]

PUBLISHED = {  # nRMSE in %, noisy, at 2x, 4x, 8x
    "rdsr": (0.84, 1.18, 4.32),
    "ctsr": (0.45, 0.70, 4.06),
    "cnn-vit": (0.67, 0.81, 3.91),
    "rd-vit": (0.57, 0.76, 4.14),
    "cnn-ct": (0.51, 0.68, 4.31),
    "transms": (0.41, 0.58, 3.71),
}


def table2(options: StudyOptions) -> Mapping[str, Any]:
    """Run the study and write `table2.nc`, `table2.csv` and `table2.png`."""
    recovery = Recovery(options)
    cases = [(method, factor) for method in options.chosen(tuple(PUBLISHED)) for factor in options.factors or ()]
    lines = [
        recovery.line(
            method, factor, "noisy", PUBLISHED[method][FACTORS.index(factor)], recovery.of_budget(method, factor)
        )
        for method, factor in progress(cases, unit="row")
    ]
    return report(recovery, "table2", lines, [])
