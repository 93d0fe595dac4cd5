"""TranSMS Fig. 5: the error against the number of training matrices, 6 to 66, and against their diversity.

Subsets are the first n of one seeded order of the training split, so larger ones contain smaller ones; test and
validation splits stay. The paper prints the ends of the range and a curve, no list; here the number grows in tens.
Diversity: six matrices close together, as the paper lists them (two gradients, one of them below all others; they lie
off the grid of the protocol and are simulated), beside six of the random order; published as means over 2x to 8x.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from calib.studies.harness.figures import curves
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.results import deviation, text_table, write_results
from calib.studies.harness.study import StudyOptions
from calib.studies.harness.trained import TrainingData
from mpisim.dataset.cases import Case
from mpisim.progress import progress

__all__ = ["NARROW", "PUBLISHED", "SIZES", "fig5"]

SIZES = tuple(range(6, 67, 10))
NARROW = ((0.3, 18.39), (0.3, 20.53), (0.3, 24.82), (0.7, 16.24), (0.7, 22.67), (0.7, 24.82))
"""Gradient in T/m and diameter in nm of the restricted training set."""
PUBLISHED = {"random": 2.54, "narrow": 3.42}
"""nRMSE in % after training on six matrices, mean over factors."""
_ORDER_SEED = 5


def fig5(options: StudyOptions) -> Mapping[str, Any]:
    """Run the study and write `fig5.nc`, `fig5.csv` and, of what is trained, `fig5.png`."""
    options.chosen(("transms",))
    recovery = Recovery(options)
    sets = _sets(recovery)
    cases = [(name, factor) for name in sets for factor in options.factors or ()]
    table = [_line(recovery, name, factor, sets[name]) for name, factor in progress(cases, unit="training")]
    figure = _figure(options, table)
    names = ("size", "factor", "nrmse_percent")
    data = xr.Dataset(
        {key: ("row", [np.nan if row[key] is None else float(row[key]) for row in table]) for key in names},
        coords={"training_set": ("row", [row["set"] for row in table])},
    )
    files = write_results(options, "fig5", data, table, figure, recovery.cache.earlier)
    return {"table": table, "files": files, **_told(options, recovery, table)}


def _sets(recovery: Recovery) -> dict[tuple[str, int], TrainingData]:
    """Return the training sets by name and size."""
    protocol, data = recovery.options.protocol, recovery.data
    total = len(data.training) if recovery.options.quick and recovery.options.train else len(protocol.of("train"))
    order = np.random.default_rng(_ORDER_SEED).permutation(total)
    wanted = (SIZES[0], SIZES[-1]) if recovery.options.quick else SIZES
    sizes = [n for n in wanted if n < total] + [total]
    sizes = sizes if len(sizes) > 1 else [max(1, total // 2), total]

    def subset(size: int) -> TrainingData:
        return TrainingData(lambda: [data.training[i] for i in sorted(order[:size])], lambda: data.validation)

    narrow = [Case(g, d * 1e-9, "train") for g, d in NARROW]
    close = TrainingData(lambda: protocol.matrices(narrow), lambda: data.validation)
    return {**{("random", n): subset(n) for n in sizes}, ("narrow", len(narrow)): close}


def _line(recovery: Recovery, name: tuple[str, int], factor: int, data: TrainingData) -> dict[str, Any]:
    known = recovery.weights_of(recovery.config("transms", factor), data)
    found = None if known is None else recovery.errors("transms", factor, "noisy", known)["nrmse"]
    return {
        "set": name[0],
        "size": name[1],
        "factor": factor,
        "nrmse_percent": None if found is None else 100 * float(np.mean(found)),
        **recovery.training_of(known, known is None, data),
    }


def _figure(options: StudyOptions, table: Sequence[Mapping[str, Any]]) -> Any:
    made = [row for row in table if row["nrmse_percent"] is not None]
    factors = dict.fromkeys(row["factor"] for row in made)
    of = {f: [row for row in made if (row["set"], row["factor"]) == ("random", f)] for f in factors}
    lines = {
        f"{f}x, {of[f][0]['steps']} steps": ([r["size"] for r in of[f]], [r["nrmse_percent"] for r in of[f]])
        for f in factors
        if of[f]
    }
    narrow = {f"{r['factor']}x, narrow": (r["size"], r["nrmse_percent"]) for r in made if r["set"] == "narrow"}
    title = "TranSMS on the test split, noisy" + (" (a short form)" if options.quick else "")
    return curves({"": lines}, ("training matrices", "nRMSE in %"), title, narrow) if made else None


def _told(options: StudyOptions, recovery: Recovery, table: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    cells = [
        [
            row["set"],
            row["size"],
            f"{row['factor']}x",
            "missing" if row["nrmse_percent"] is None else f"{row['nrmse_percent']:.2f}",
            row["steps"],
            None if row["minutes"] is None else f"{row['minutes']:.1f}",
        ]
        for row in table
    ]
    notes = []
    means: dict[str, Any] = {}
    for name, published in PUBLISHED.items():
        six = [row["nrmse_percent"] for row in table if (row["set"], row["size"]) == (name, 6)]
        if recovery.complete and len(six) == 3 and None not in six:
            means[name] = {"nrmse_percent": float(np.mean(six)), "published_percent": published}
            off = deviation(means[name]["nrmse_percent"], published)
            mean = f"six {name} matrices, mean over factors: {np.mean(six):.2f} %"
            notes.append(f"{mean}, paper {published:.2f} % ({off:+.0f}%)")
    if any(row["nrmse_percent"] is None for row in table):
        notes += ["trainings are missing; make them with:", f"  {options.command('fig5', quick=False, train=True)}"]
    titles = ("training set", "matrices", "factor", "nRMSE in %", "steps", "minutes")
    return {"six": means, "text": text_table(titles, cells, notes)}
