"""Error of recovered rows against the number of large samples, by how their positions were chosen.

Samples of 4 x 4 voxels lie on a uniform grid (evenly, flush with both edges), at random blocks, at positions far apart
(the best of 20 candidates each, as Poisson-disc samplings are made), or where `calib.design` puts them for the bundled
prior, by the variance of the rows (A) or by the volume of what is unknown (D). All are measured with the same noise for
each sample and recovered by the chosen methods, at 20 angles. The scanners are those of
`calib.studies.realistic`. A robot takes the same time for every position, so that scanner time goes with their number;
it is that of `calib.studies.limits`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from calib.design.positions import next_positions
from calib.recovery import METHODS, recover
from calib.studies.harness.cache import ResultCache
from calib.studies.harness.figures import Curve, small_multiples
from calib.studies.harness.results import Row, table_dataset, text_table, write_results
from calib.studies.harness.study import StudyOptions
from calib.studies.limits import MOVE, RECORD
from calib.studies.realistic import RealisticScanner, realistic_scanners
from mpisim.cli.command import Result
from mpisim.data.downsampling import downsample
from mpisim.data.grid import Grid
from mpisim.data.metrics import nrmse
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.errors import DataWarning
from mpisim.io.digest import digest
from mpisim.progress import progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COUNTS", "SIZE", "WAYS", "design", "positions_of"]

COUNTS = (9, 16, 36)
"""Numbers of positions, squares of whole numbers."""
SIZE = 4
"""Edge of the samples in voxels."""
WAYS = ("uniform", "random blocks", "far apart", "design A", "design D")
"""How positions are chosen."""
_METHODS = ("linear-bayes", "physical")
_ANGLES = 20
_CANDIDATES = 20


def design(options: StudyOptions) -> Result:
    """Run the study and write `design.nc`, `design.csv` and `design.png`; the short form has 16 positions only."""
    methods, cache = options.chosen(_METHODS), ResultCache(options.store, options.report)
    counts = COUNTS[1:2] if options.quick else COUNTS
    ordered = {w: next_positions(None, max(counts), SIZE, criterion=w[-1]) for w in WAYS if w.startswith("design")}
    rows: list[Row] = []
    for scanner in progress(realistic_scanners(options), unit="scanner"):
        fine = scanner.fine.isel(angle=slice(0, None, max(1, scanner.fine.sizes["angle"] // _ANGLES)))
        for method in methods:
            for count in counts:
                for way in WAYS:
                    chosen = ordered[way][:count] if way in ordered else None
                    table = positions_of(way, count, Grid.of(fine), scanner.number) if chosen is None else chosen
                    named = {"level": scanner.level, "number": scanner.number, "method": method, "way": way}
                    minutes = count * (MOVE + RECORD) / 60
                    error = 100 * _error(cache, fine, table, method, scanner)
                    rows.append({**named, "positions": count, "minutes": minutes, "nrmse_percent": error})
    title = f"Samples of {SIZE} x {SIZE} voxels, {_ANGLES} angles, {PROTOCOL_SNR:g} dB"
    coordinates = {name: name for name in ("level", "number", "method", "way")}
    data = table_dataset(rows, "row", ("positions", "minutes", "nrmse_percent"), coordinates)
    files = write_results(options, "design", data, rows, _figure(rows, title), cache.earlier)
    return {"table": rows, "files": files, "text": "\n".join([title, _text(rows)])}


def _error(cache: ResultCache, fine: xr.Dataset, table: np.ndarray, method: str, scanner: RealisticScanner) -> float:
    coarse = downsample(fine, SIZE, snr=PROTOCOL_SNR, seed=scanner.number, positions=table)
    key = {
        "version": METHODS[method].version,
        "method": method,
        "coarse": digest(coarse["system_matrix"].values),
        "positions": digest(table),
        "fine": digest(fine["system_matrix"].values),
    }

    def compute() -> Row:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # the error is the answer
            return {"nrmse": nrmse(recover(coarse, method), fine)}

    return float(cache.row(f"design_{method}", key, compute)["nrmse"])


def positions_of(way: str, count: int, grid: Grid, seed: int) -> np.ndarray:
    """Return the centres of samples in m, (position, 2), `uniform`, at `random blocks` or `far apart`."""
    rng = np.random.default_rng([seed, count])
    first = np.array([grid.edges(i)[0] for i in (0, 1)])
    voxel, most = np.array(grid.voxel[:2]), np.array(grid.shape[:2]) - SIZE
    if way == "uniform":
        along = [np.rint(np.linspace(0, n, round(count**0.5))) for n in most]
        starts = np.stack([v.ravel() for v in np.meshgrid(*along)], axis=-1)
    elif way == "random blocks":
        blocks = np.array(grid.shape[:2]) // SIZE
        drawn = rng.choice(int(np.prod(blocks)), count, replace=False)
        starts = SIZE * np.stack([drawn % blocks[0], drawn // blocks[0]], axis=-1)
    else:
        starts = rng.integers(0, most + 1, (1, 2))
        while len(starts) < count:
            candidates = rng.integers(0, most + 1, (_CANDIDATES, 2))
            away = np.min(np.sum((candidates[:, None] - starts) ** 2, axis=2), axis=1)
            starts = np.concatenate([starts, candidates[[int(np.argmax(away))]]])
    return np.asarray(first + (starts + SIZE / 2) * voxel)


def _mean(rows: Sequence[Row], **which: object) -> float:
    return float(np.mean([r["nrmse_percent"] for r in rows if all(r[k] == v for k, v in which.items())]))


def _figure(rows: Sequence[Row], title: str) -> Figure:
    counts, levels = _values(rows, "positions"), _values(rows, "level")
    panels: dict[str, dict[str, Curve]] = {}
    for method in _values(rows, "method"):
        for level in levels:
            means = {w: [_mean(rows, method=method, level=level, way=w, positions=n) for n in counts] for w in WAYS}
            panels[f"{method}, {level}"] = {way: (counts, errors) for way, errors in means.items()}
    figure = small_multiples(panels, ("positions", "nRMSE in %"), title, len(levels))
    each = 60 * rows[0]["minutes"] / rows[0]["positions"]
    for axes in figure.axes[: len(levels)]:
        top = axes.secondary_xaxis("top", functions=(lambda n: n * each, lambda seconds: seconds / each))
        top.set_xlabel("seconds of scanner time", fontsize=8)
        top.tick_params(labelsize=7)
    return figure


def _values(rows: Sequence[Row], name: str) -> list[Any]:
    return list(dict.fromkeys(row[name] for row in rows))


def _text(rows: Sequence[Row]) -> str:
    """Return a line for each method, level and way: mean errors by the number of positions."""
    counts, scanners = _values(rows, "positions"), len({(r["level"], r["number"]) for r in rows})
    lines = [
        [method, level, way, *(f"{_mean(rows, method=method, level=level, way=way, positions=n):.3g}" for n in counts)]
        for method in _values(rows, "method")
        for level in _values(rows, "level")
        for way in WAYS
    ]
    titles = ["method", "level", "positions", *map(str, counts)]
    return text_table(titles, lines, [f"mean nRMSE in % over {scanners} scanners"])
