"""Error of `linear-bayes` against the number of scanners that its prior knows.

The prior is made from the first matrices of the split `train` of a folder of `mpisim dataset --preset realistic`:
bases, mean and covariance are theirs alone. It recovers scanners of the splits `test` and `outside` of the same folder
from block means at 33.7 dB. A figure is the mean over the scanners of a level; `scanners` limits their number.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from calib.methods.linear_bayes.making import family_of
from calib.methods.linear_bayes.prior_file import prior_files, write_prior
from calib.recovery import METHODS, recover
from calib.studies.harness.cache import ResultCache
from calib.studies.harness.figures import curves, grouped
from calib.studies.harness.results import Row, table_dataset, text_table, write_results
from calib.studies.harness.study import StudyOptions
from calib.studies.realistic import RealisticScanner, realistic_scanners
from mpisim.cli.command import Result
from mpisim.data.downsampling import downsample
from mpisim.data.metrics import nrmse
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.errors import DataWarning, InputError, require
from mpisim.io import read
from mpisim.io.digest import digest
from mpisim.progress import progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SIZES", "prior_size"]

SIZES = (25, 50, 100, 200, 400)
"""Numbers of scanners in the prior; those that the folder does not have are left out."""
_QUICK = (3, 6)
_METHOD = "linear-bayes"


def prior_size(options: StudyOptions) -> Result:
    """Run the study and write `prior_size.nc`, `prior_size.csv` and `prior_size.png`.

    The short form has priors of three and six scanners. Raises `InputError` without a folder of data, or if its split
    `train` has fewer matrices than the smallest prior.
    """
    if options.data is None:
        raise InputError(
            "Input data must be a folder of `mpisim dataset --preset realistic` with the splits train, test and "
            "outside; instead received none."
        )
    files = prior_files(options.data)
    sizes = [size for size in (_QUICK if options.quick else SIZES) if size <= len(files)]
    require(
        bool(sizes), "data", f"a folder with at least {min(_QUICK if options.quick else SIZES)} matrices", len(files)
    )
    cache, scanners, rows = ResultCache(options.store, options.report), list(realistic_scanners(options)), []
    for size in progress(sizes, unit="prior"):
        prior = _prior(files[:size], options.store)
        rows += [_row(cache, s, prior, size, factor) for s in scanners for factor in options.factors or ()]
    table = _means(rows)
    title = f"linear-bayes by the size of its prior, {PROTOCOL_SNR:g} dB{', a short form' if options.quick else ''}"
    data = table_dataset(
        table, "case", ("nrmse_percent", "worst_percent"), {n: n for n in ("level", "factor", "members")}
    )
    written = write_results(options, "prior_size", data, table, _figure(table, title), cache.earlier)
    return {"table": table, "files": written, "text": f"{title}\n{_text(table)}"}


def _prior(files: Sequence[Path], store: Path) -> Path:
    """Return the file of the prior of some matrices, from the cache or made."""
    named = digest({"files": [[str(f), f.stat().st_size, f.stat().st_mtime_ns] for f in files]})
    prior = store / f"prior_{len(files)}_{named}.npz"
    if not prior.is_file():
        matrices = (read(file) for file in progress(files, unit="matrix"))
        write_prior(family_of(matrices, about={"matrices": len(files), "source": files[0].parent.name}), prior)
    return prior


def _row(cache: ResultCache, scanner: RealisticScanner, prior: Path, size: int, factor: int) -> Row:
    coarse = downsample(scanner.fine, factor, snr=PROTOCOL_SNR, seed=scanner.number)
    key = {
        "version": METHODS[_METHOD].version,
        "factor": factor,
        "prior": prior.stem,
        "coarse": digest(coarse["system_matrix"].values),
        "fine": digest(scanner.fine["system_matrix"].values),
    }

    def compute() -> Row:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # the error is the answer
            return {"nrmse": nrmse(recover(coarse, _METHOD, prior=prior), scanner.fine)}

    found = cache.row(f"prior_size_{factor}x", key, compute)
    return {"level": scanner.level, "factor": factor, "members": size, "nrmse": found["nrmse"]}


def _means(rows: Sequence[Row]) -> list[Row]:
    groups = pd.DataFrame(rows).groupby(["level", "factor", "members"], sort=False)["nrmse"]
    return [
        {
            **dict(zip(("level", "factor", "members"), names, strict=True)),
            "nrmse_percent": 100 * float(np.mean(errors)),
            "worst_percent": 100 * float(np.max(errors)),
            "scanners": len(errors),
        }
        for names, errors in groups
    ]


def _figure(table: Sequence[Row], title: str) -> Figure:
    points = [{**row, "panel": f"{row['factor']}x"} for row in table]
    labels = ("scanners in the prior", "nRMSE in %")
    return curves(grouped(points, "panel", "level", "members", "nrmse_percent"), labels, title, log="xy")


def _text(table: Sequence[Row]) -> str:
    """Return a line for each level and factor: mean errors by the size of the prior, with the largest in brackets."""
    sizes = list(dict.fromkeys(row["members"] for row in table))
    cases = list(dict.fromkeys((row["level"], row["factor"], row["scanners"]) for row in table))
    cells = {
        (row["level"], row["factor"], row["members"]): f"{row['nrmse_percent']:.3g} ({row['worst_percent']:.3g})"
        for row in table
    }
    lines = [[level, f"{f}x", count, *(cells.get((level, f, size)) for size in sizes)] for level, f, count in cases]
    return text_table(("level", "factor", "scanners", *(f"{size} in the prior" for size in sizes)), lines)
