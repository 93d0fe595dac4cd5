"""TranSMS Fig. 5: the error against the number of training matrices, 6 to 66, and against their diversity.

Training sets are the first n matrices of one seeded order of the training split, so larger ones contain smaller ones;
test and validation splits are the same for all. The paper prints the ends of the range and a curve, no list; here the
number grows in tens. The diversity is studied with six matrices close together, as the paper lists them (two gradients,
one of them below all others; they are not on the grid of the protocol and are simulated), and with six of the random
order. Published figures are means over 2x to 8x.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from calib.studies.harness.figures import Curve, curves
from calib.studies.harness.missing import hours, or_trained, quick_note, shown
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.results import Row, deviation, formatted, table_dataset, text_table, write_results
from calib.studies.harness.study import StudyOptions
from calib.studies.harness.trained import TrainingData
from mpisim.cli.command import Result
from mpisim.dataset.cases import Case
from mpisim.progress import progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["NARROW", "PUBLISHED", "SIZES", "fig5"]

SIZES = tuple(range(6, 67, 10))
"""Numbers of training matrices."""
NARROW = ((0.3, 18.39), (0.3, 20.53), (0.3, 24.82), (0.7, 16.24), (0.7, 22.67), (0.7, 24.82))
"""Gradient in T/m and diameter in nm of the restricted training set."""
PUBLISHED = {"random": 2.54, "narrow": 3.42}
"""nRMSE in % after training on six matrices, mean over factors."""
_ORDER_SEED = 5
_FORMATS = {
    "set": "{}",
    "size": "{}",
    "factor": "{}x",
    "nrmse_percent": "{:.2f}",
    "steps": "{}",
    "minutes": "{:.1f}",
}
_NUMBERS = ("size", "factor", "nrmse_percent")


def fig5(options: StudyOptions) -> Result:
    """Run the study and write `fig5.nc`, `fig5.csv` and `fig5.png`; the short form trains what is missing."""
    options.chosen(("transms",))
    recovery = Recovery(options)
    recovery = or_trained(recovery, (), _known(recovery))
    options, sets = recovery.options, _sets(recovery)
    cases = [(name, factor) for name in sets for factor in options.factors or ()]
    table = [_row(recovery, name, factor, sets[name]) for name, factor in progress(cases, unit="training")]
    trained = shown(options, [{"method": "transms", **row} for row in table])
    title = "TranSMS on the test split, noisy" + (" (a short form)" if options.quick else "")
    data = table_dataset(table, "row", _NUMBERS, {"training_set": "set"})
    files = write_results(options, "fig5", data, table, _figure(title, trained), recovery.cache.earlier)
    means = _means_of_six(table) if recovery.complete else {}
    notes = [*_comparison(means), *quick_note(options), *_missing_note(options, len(table) - len(trained))]
    return {"table": table, "files": files, "six": means, "text": _text(trained, notes)}


def _known(recovery: Recovery) -> bool:
    """Whether the weights of every training set are in the cache."""
    configs = [recovery.config("transms", factor) for factor in recovery.options.factors or ()]
    return all(recovery.weights_of(c, data) is not None for data in _sets(recovery).values() for c in configs)


def _sets(recovery: Recovery) -> dict[tuple[str, int], TrainingData]:
    """Return the training sets by name and size."""
    options, protocol, data = recovery.options, recovery.options.protocol, recovery.data
    total = len(data.training) if options.quick and options.train else len(protocol.of("train"))
    order = np.random.default_rng(_ORDER_SEED).permutation(total)

    def subset(size: int) -> TrainingData:
        return TrainingData(lambda: [data.training[i] for i in sorted(order[:size])], lambda: data.validation)

    close = [Case(gradient, 1e-9 * diameter, "train") for gradient, diameter in NARROW]
    narrow = TrainingData(lambda: protocol.matrices(close), lambda: data.validation)
    return {**{("random", n): subset(n) for n in _sizes(total, options.quick)}, ("narrow", len(NARROW)): narrow}


def _sizes(total: int, quick: bool) -> list[int]:
    """Return the numbers of matrices of the random sets: those of the study below `total`, or its half, and `total`."""
    below = [n for n in ((SIZES[0], SIZES[-1]) if quick else SIZES) if n < total]
    return [*(below or [max(1, total // 2)]), total]


def _row(recovery: Recovery, name: tuple[str, int], factor: int, data: TrainingData) -> Row:
    known = recovery.weights_of(recovery.config("transms", factor), data)
    return {
        "set": name[0],
        "size": name[1],
        "factor": factor,
        "nrmse_percent": None if known is None else recovery.errors("transms", factor, "noisy", known).percent,
        **recovery.training_columns(known, known is None, data),
    }


def _figure(title: str, rows: Sequence[Row]) -> Figure:
    lines: dict[str, Curve] = {}
    for factor in dict.fromkeys(row["factor"] for row in rows):
        own = [row for row in rows if (row["set"], row["factor"]) == ("random", factor)]
        if own:
            points = ([row["size"] for row in own], [row["nrmse_percent"] for row in own])
            lines[f"{factor}x, {own[0]['steps']} steps"] = points
    narrow = {f"{r['factor']}x, narrow": (r["size"], r["nrmse_percent"]) for r in rows if r["set"] == "narrow"}
    return curves({"": lines}, ("training matrices", "nRMSE in %"), title, narrow)


def _means_of_six(table: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Return the mean over factors of the errors after training on six matrices, where all three factors are there."""
    means = {}
    for name, published in PUBLISHED.items():
        errors = [row["nrmse_percent"] for row in table if (row["set"], row["size"]) == (name, 6)]
        if len(errors) == 3 and None not in errors:
            means[name] = {"nrmse_percent": float(np.mean(errors)), "published_percent": published}
    return means


def _comparison(means: Mapping[str, Mapping[str, float]]) -> list[str]:
    lines = []
    for name, mean in means.items():
        ours, published = mean["nrmse_percent"], mean["published_percent"]
        start = f"six {name} matrices, mean over factors: {ours:.2f} %"
        lines.append(f"{start}, paper {published:.2f} % ({deviation(ours, published):+.0f}%)")
    return lines


def _missing_note(options: StudyOptions, missing: int) -> list[str]:
    """Return the lines of text with the command that runs trainings that are missing, and how long they take."""
    if not missing:
        return []
    wanted = replace(options, quick=False, train=True)
    long = hours(wanted, [("transms", (options.factors or (4,))[0])] * missing)
    return [f"left out: {missing} trainings; run them ({long}) with:", f"  {wanted.command('fig5')}"]


def _text(table: Sequence[Row], notes: Sequence[str]) -> str:
    lines = [formatted(row, _FORMATS) for row in table]
    return text_table(("training set", "matrices", "factor", "nRMSE in %", "steps", "minutes"), lines, notes)
