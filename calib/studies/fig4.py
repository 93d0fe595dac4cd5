"""TranSMS Fig. 4: the validation error of TranSMS as it trains, with and without data consistency.

The curves are the logs of the trainings that Table II uses: the nRMSE of the averaged weights on the validation split,
noisy. An epoch is as many rows as the training matrices have. The paper prints curves without numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calib.studies.harness.figures import curves
from calib.studies.harness.recovery import Recovery, curves_of, missing_note
from calib.studies.harness.results import text_table, write_results
from calib.studies.harness.study import StudyOptions

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
    title = "TranSMS on the validation split" + (" (a short form)" if options.quick else "")
    files = write_results(options, "fig4", curves_of(table), table, _figure(table, title) if table else None)
    shown = ("method", "factor", "step", "epoch", "minutes", "nrmse_percent")
    cells = [[f"{v:.3g}" if isinstance(v, float) else v for v in map(row.get, shown)] for row in table]
    text = text_table((*shown[:-1], "nRMSE in %"), cells, missing_note(options, lines))
    return {"table": table, "trainings": lines, "files": files, "text": f"{title}\n{text}"}


def _figure(table: list[dict[str, Any]], title: str) -> Any:
    drawn: dict[str, dict[str, tuple[list[float], list[float]]]] = {}
    for factor in sorted({row["factor"] for row in table}):
        of = [row for row in table if row["factor"] == factor]
        panel = drawn.setdefault(f"{factor}x, {max(row['step'] for row in of)} steps", {})
        for row in of:
            x, y = panel.setdefault(_NAMES[row["method"]], ([], []))
            x.append(row["epoch"])
            y.append(row["nrmse_percent"])
    return curves(drawn, ("epochs", "nRMSE in %"), title)
