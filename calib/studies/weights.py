"""The weights that the other studies use: found or, with `--train`, trained. A night's work can be started with it.

Their learning curves are written beside them (`curves.csv`, `.nc`, `.png`): validation nRMSE against minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from calib.recovery import METHODS
from calib.studies.harness.figures import curves
from calib.studies.harness.recovery import Recovery, curves_of, missing_note
from calib.studies.harness.results import text_table, write_results
from calib.studies.harness.study import StudyOptions

__all__ = ["weights"]


def weights(options: StudyOptions) -> Mapping[str, Any]:
    """Find or train the weights of learned methods.

    Returns
    -------
    dict
        `table` with a row per method and factor: `file`, `digest` and how they were made, or the status `missing`;
        `missing`, what to tell about these.
    """
    learned = [name for name, method in METHODS.items() if method.learned]
    recovery = Recovery(options)
    table: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    for method in options.chosen(learned):
        for factor in options.factors or ():
            known = recovery.weights(method, factor)
            place = (None, None) if known is None else (str(known.weights), known.digest)
            row = {"method": method, "factor": factor, **recovery.training_of(known, known is None)}
            row |= dict(zip(("file", "digest"), place, strict=True))
            table.append(row)
            points += [] if known is None else recovery.curve(known)
    made = ("steps", "minutes", "parameters", "validation_percent")
    shown = ("method", "factor", "status", "weights", *made, "converged")
    cells = [[f"{v:.3g}" if isinstance(v, float) else v for v in map(row.get, shown)] for row in table]
    numbers = {key: ("row", [_number(row[key]) for row in table]) for key in ("factor", *made)}
    data = xr.Dataset(numbers, coords={"method": ("row", [row["method"] for row in table])})
    kept = [{k: v for k, v in row.items() if k != "file"} for row in table]  # the digest tells the file on any machine
    files = write_results(options, "weights", data, kept)
    if points:
        files += write_results(options, "curves", curves_of(points), points, _figure(points))
    missing = missing_note(options, table)
    return {"table": table, "missing": missing, "files": files, "text": text_table(shown, cells, missing)}


def _figure(points: Sequence[Mapping[str, Any]]) -> Any:
    panels: dict[str, dict[str, tuple[list[float], list[float]]]] = {}
    for point in points:
        x, y = panels.setdefault(f"{point['factor']}x", {}).setdefault(point["method"], ([], []))
        x.append(point["minutes"])
        y.append(point["nrmse_percent"])
    labels = ("minutes of training, with those before", "validation nRMSE in %")
    title = "Learning curves: averaged weights, noisy; of weights trained on from others, the last part"
    return curves(panels, labels, title, log="xy" if all(p["minutes"] > 0 for p in points) else "y")


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
