"""TranSMS Fig. 4: the validation error of TranSMS as it trains, with and without data consistency.

The curves are the logs of the trainings that Table II uses: the nRMSE of the averaged weights on the validation split,
noisy. An epoch is as many rows as the training matrices have. The paper prints curves without numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calib.studies.recovery import Recovery, curves_of, missing_note
from mpisim.studies.figures import curves
from mpisim.studies.results import text_table, write_results
from mpisim.studies.study import StudyOptions

__all__ = ["fig4"]

_NAMES = {"transms": "with data consistency", "transms-nodc": "without"}


def fig4(options: StudyOptions) -> Mapping[str, Any]:
    """Run the study and write `fig4.nc`, `fig4.csv` and, of what is trained, `fig4.png`."""
    recovery = Recovery(options)
    table: list[dict[str, Any]] = []
    lines = []
    for method in options.chosen(tuple(_NAMES)):
        for factor in options.factors or ():
            known = recovery.of_budget(method, factor)
            lines.append({"method": method, "factor": factor, **recovery.training_of(known, known is None)})
            if known is not None:
                table += recovery.curve(known)
    drawn: dict[str, dict[str, tuple[list[float], list[float]]]] = {}
    for factor, method in sorted({(row["factor"], row["method"]) for row in table}):
        drawn.setdefault(f"{factor}x", {})[_NAMES[method]] = _points(table, method, factor)
    title = "TranSMS on the validation split" + (" (a short form)" if options.quick else "")
    figure = curves(drawn, ("epochs", "nRMSE in %"), title) if drawn else None
    files = write_results(options, "fig4", curves_of(table), table, figure)
    shown = ("method", "factor", "step", "epoch", "minutes", "nrmse_percent")
    cells = [[f"{v:.3g}" if isinstance(v, float) else v for v in map(row.get, shown)] for row in table]
    text = text_table((*shown[:-1], "nRMSE in %"), cells, missing_note(options, lines))
    return {"table": table, "trainings": lines, "files": files, "text": f"{title}\n{text}"}


def _points(table: list[dict[str, Any]], method: str, factor: int) -> tuple[list[float], list[float]]:
    chosen = [row for row in table if (row["method"], row["factor"]) == (method, factor)]
    return [row["epoch"] for row in chosen], [row["nrmse_percent"] for row in chosen]
