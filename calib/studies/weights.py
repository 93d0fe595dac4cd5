"""The weights that the other studies use: bundled, from the cache or, with `train`, newly trained.

Their learning curves are written with them (`curves.csv`, `.nc`, `.png`): validation nRMSE against minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from calib.recovery import METHODS
from calib.studies.harness.figures import curves, grouped
from calib.studies.harness.learning_curves import curves_dataset, learning_curve
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.results import Row, table_dataset, text_table, write_results
from calib.studies.harness.study import StudyOptions
from calib.studies.harness.tables import missing_note
from mpisim.cli.command import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FoundWeights", "find_weights", "weights"]

_NUMBERS = ("steps", "minutes", "parameters", "validation_percent")


@dataclass(frozen=True)
class FoundWeights:
    """Weights of learned methods.

    Parameters
    ----------
    table
        A row per method and factor: `method`, `factor`, how the weights were trained, their `file` and its `digest`;
        the `status` is `missing` where there are none.
    curves
        Rows of their learning curves, see `calib.studies.harness.learning_curves`.
    missing
        Lines of text that name missing weights and the command that trains them.
    """

    table: list[Row]
    curves: list[Row]
    missing: list[str]

    def row(self, method: str, factor: int) -> Row:
        """Return the row of a method and factor; raise `KeyError` if it was not searched for."""
        return {(row["method"], row["factor"]): row for row in self.table}[method, factor]


def find_weights(options: StudyOptions, methods: Sequence[str] | None = None) -> FoundWeights:
    """Return the weights of learned methods: bundled, from the cache or, where the user chose that, trained.

    Parameters
    ----------
    options
        Choices of the user, with the factors.
    methods
        Learned methods; None takes those of the options, or all.

    Raises
    ------
    InputError
        If a method is unknown or not learned, or training fails.
    """
    options = options if methods is None else replace(options, methods=tuple(methods))
    recovery = Recovery(options)
    table: list[Row] = []
    points: list[Row] = []
    for method, factor in options.cases([name for name, method in METHODS.items() if method.learned]):
        known = recovery.weights(method, factor)
        file = {"file": None, "digest": None} if known is None else {"file": str(known.weights), "digest": known.digest}
        training = recovery.training_columns(known, known is None)
        table.append({"method": method, "factor": factor, **training, **file})
        points += [] if known is None else learning_curve(known, recovery.data)
    return FoundWeights(table, points, missing_note(options, table))


def weights(options: StudyOptions) -> Result:
    """Run the study and write `weights.nc` and `weights.csv`, and the learning curves.

    Returns
    -------
    dict
        `table` and `missing` of `FoundWeights`, the written `files` and the table as `text`.
    """
    found = find_weights(options)
    data = table_dataset(found.table, "row", ("factor", *_NUMBERS), {"method": "method"})
    written = [{k: v for k, v in row.items() if k != "file"} for row in found.table]  # valid on any machine
    files = write_results(options, "weights", data, written)
    if found.curves:
        files += write_results(options, "curves", curves_dataset(found.curves), found.curves, _figure(found.curves))
    titles = ("method", "factor", "status", "weights", *_NUMBERS, "converged")
    lines = [[f"{v:.3g}" if isinstance(v, float) else v for v in map(row.get, titles)] for row in found.table]
    text = text_table(titles, lines, found.missing)
    return {"table": found.table, "missing": found.missing, "files": files, "text": text}


def _figure(points: Sequence[Row]) -> Figure:
    panels = grouped([{**p, "panel": f"{p['factor']}x"} for p in points], "panel", "method", "minutes", "nrmse_percent")
    labels = ("minutes of training, with those of earlier trainings", "validation nRMSE in %")
    title = "Learning curves: averaged weights, noisy; of weights trained from others, the last training"
    return curves(panels, labels, title, log="xy" if all(p["minutes"] > 0 for p in points) else "y")
