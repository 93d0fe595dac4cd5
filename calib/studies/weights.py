"""The weights that the other studies use: bundled, from the cache or, with `train`, newly trained.

Their learning curves are written with them (`curves.csv`, `.nc`, `.png`): validation nRMSE against minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from calib.recovery import METHODS
from calib.studies.harness.figures import curves, grouped
from calib.studies.harness.learning_curves import curves_dataset, learning_curve
from calib.studies.harness.missing import made, missing_note
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.results import Row, table_dataset, text_table, write_results
from calib.studies.harness.study import StudyOptions
from mpisim.cli.command import Result
from mpisim.progress import progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["weights"]

_NUMBERS = ("steps", "minutes", "parameters", "validation_percent")


def weights(options: StudyOptions) -> Result:
    """Run the study and write `weights.nc` and `weights.csv`, and the learning curves.

    Returns
    -------
    dict
        The `table` with a row per method and factor: how the weights were trained, their `file` and its `digest` (the
        `status` is `missing` where there are none); lines of text about `missing` weights, the written `files` and the
        table as `text`.
    """
    recovery = Recovery(options)
    table: list[Row] = []
    points: list[Row] = []
    cases = options.cases([name for name, method in METHODS.items() if method.learned])
    for method, factor in progress(cases, unit="training"):
        known = recovery.weights(method, factor)
        file = {"file": None, "digest": None} if known is None else {"file": str(known.weights), "digest": known.digest}
        training = recovery.training_columns(known, known is None)
        table.append({"method": method, "factor": factor, **training, **file})
        points += [] if known is None else learning_curve(known, recovery.data)
    data = table_dataset(table, "row", ("factor", *_NUMBERS), {"method": "method"})
    written = [{k: v for k, v in row.items() if k != "file"} for row in table]  # valid on any machine
    files = write_results(options, "weights", data, written)
    if points:
        files += write_results(options, "curves", curves_dataset(points), points, _figure(points))
    titles = ("method", "factor", "status", "weights", *_NUMBERS, "converged")
    lines = [[f"{v:.3g}" if isinstance(v, float) else v for v in map(row.get, titles)] for row in made(table)]
    missing = missing_note(options, table)
    return {"table": table, "missing": missing, "files": files, "text": text_table(titles, lines, missing)}


def _figure(points: Sequence[Row]) -> Figure:
    panels = grouped([{**p, "panel": f"{p['factor']}x"} for p in points], "panel", "method", "minutes", "nrmse_percent")
    labels = ("minutes of training, with those of earlier trainings", "validation nRMSE in %")
    title = "Learning curves: averaged weights, noisy; of weights trained from others, the last training"
    return curves(panels, labels, title, log="xy" if all(p["minutes"] > 0 for p in points) else "y")
