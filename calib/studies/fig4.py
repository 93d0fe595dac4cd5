"""TranSMS Fig. 4: the validation error of TranSMS as it trains, with and without data consistency.

The curves are the logs of the trainings of Table II: the nRMSE of the averaged weights on the validation split, noisy.
An epoch has as many rows as the training matrices. The paper prints curves without numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from calib.studies.harness.figures import curves, grouped
from calib.studies.harness.learning_curves import curves_dataset, learning_curve
from calib.studies.harness.missing import missing_note, or_trained, quick_note, shown
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.results import Row, text_table, write_results
from calib.studies.harness.study import StudyOptions
from mpisim.cli.command import Result
from mpisim.progress import progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["fig4"]

_NAMES = {"transms": "with data consistency", "transms-nodc": "without"}
_COLUMNS = ("method", "factor", "step", "epoch", "minutes", "nrmse_percent")


def fig4(options: StudyOptions) -> Result:
    """Run the study and write `fig4.nc`, `fig4.csv` and `fig4.png`; the short form trains what is missing."""
    cases = options.cases(tuple(_NAMES))
    recovery = or_trained(Recovery(options), cases)
    options = recovery.options
    table: list[Row] = []
    trainings: list[Row] = []
    for method, factor in progress(cases, unit="training"):
        known = recovery.of_budget(method, factor)
        trainings.append({"method": method, "factor": factor, **recovery.training_columns(known, known is None)})
        table += [] if known is None else learning_curve(known, recovery.data)
    shown(options, trainings)
    title = "TranSMS on the validation split" + (" (a short form)" if options.quick else "")
    files = write_results(options, "fig4", curves_dataset(table), table, _figure(table, title))
    lines = [[f"{v:.3g}" if isinstance(v, float) else v for v in map(row.get, _COLUMNS)] for row in table]
    notes = [*quick_note(options), *missing_note(options, trainings)]
    text = text_table((*_COLUMNS[:-1], "nRMSE in %"), lines, notes)
    return {"table": table, "trainings": trainings, "files": files, "text": f"{title}\n{text}"}


def _figure(table: Sequence[Row], title: str) -> Figure:
    last = {row["factor"]: row["step"] for row in table}
    points = [
        {**row, "panel": f"{row['factor']}x, {last[row['factor']]} steps", "name": _NAMES[row["method"]]}
        for row in sorted(table, key=lambda row: row["factor"])
    ]
    return curves(grouped(points, "panel", "name", "epoch", "nrmse_percent"), ("epochs", "nRMSE in %"), title)
