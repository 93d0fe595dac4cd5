"""TranSMS Table II: nRMSE of the network's ablations over the 34 test matrices, noisy, at 2x to 8x.

All are trained for the same number of steps. The bundled TranSMS, which was trained for longer, is not in this table.
The short form trains what is missing for a few steps.
"""

from __future__ import annotations

from calib.studies.harness.missing import or_trained
from calib.studies.harness.protocol import FACTORS
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.study import StudyOptions
from calib.studies.harness.tables import error_row, report
from mpisim.cli.command import Result
from mpisim.progress import progress

__all__ = ["PUBLISHED", "table2"]

PUBLISHED = {
    "rdsr": (0.84, 1.18, 4.32),
    "ctsr": (0.45, 0.70, 4.06),
    "cnn-vit": (0.67, 0.81, 3.91),
    "rd-vit": (0.57, 0.76, 4.14),
    "cnn-ct": (0.51, 0.68, 4.31),
    "transms": (0.41, 0.58, 3.71),
}
"""Mean nRMSE in %, noisy, at 2x, 4x and 8x."""


def table2(options: StudyOptions) -> Result:
    """Run the study and write `table2.nc`, `table2.csv` and `table2.png`."""
    cases = options.cases(tuple(PUBLISHED))
    recovery = or_trained(Recovery(options), cases)
    rows = []
    for method, factor in progress(cases, unit="row"):
        published = PUBLISHED[method][FACTORS.index(factor)]
        rows.append(error_row(recovery, method, factor, "noisy", published, recovery.of_budget(method, factor)))
    return report(recovery, "table2", rows)
