"""Error of the fitted scanner against the number of large samples, by how their positions were chosen.

Samples of 4 x 4 voxels lie on a uniform grid (evenly, flush with both edges), at random blocks, at positions far apart
(the best of 20 candidates each, as Poisson-disc samplings are made), or where `calib.design` puts them for the bundled
prior, by the variance of the rows (A) or by the Fisher information (D). All are measured with the same noise for each
sample and recovered by `physical`. A robot takes the same time for every position, so that scanner time goes with their
number; the table states minutes at 10 ms for each of the angles and one second of travel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from calib.design.positions import next_positions
from calib.recovery import METHODS, recover
from calib.studies.harness.figures import Curve, curves
from calib.studies.harness.results import Row, table_dataset, text_table, write_results
from calib.studies.harness.study import StudyOptions
from calib.studies.realistic import realistic_scanners
from mpisim.cli.command import Result
from mpisim.data.downsampling import downsample
from mpisim.data.grid import Grid
from mpisim.data.metrics import nrmse
from mpisim.progress import progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COUNTS", "SIZE", "WAYS", "design", "positions_of"]

COUNTS = (9, 16, 25, 36, 64)
"""Numbers of positions, squares of whole numbers."""
SIZE = 4
"""Edge of the samples in voxels."""
WAYS = ("uniform", "random blocks", "far apart", "design A", "design D")
"""How positions are chosen."""
_ANGLES = 20
_METHOD = "physical"
_TRAVEL, _PER_ANGLE = 1.0, 0.01  # s
_CANDIDATES = 20


def design(options: StudyOptions) -> Result:
    """Run the study and write `design.nc`, `design.csv` and `design.png`; the short form has 16 positions only."""
    options.chosen((_METHOD,))
    scanners = [s for s in realistic_scanners(options) if _fits(s.fine.sizes)]
    counts = COUNTS[1:2] if options.quick else COUNTS
    rows: list[Row] = []
    ordered = {w: next_positions(None, max(counts), SIZE, criterion=w[-1]) for w in WAYS if w.startswith("design")}
    for scanner in progress(scanners, unit="scanner"):
        angles = scanner.fine.sizes["angle"]
        fine = scanner.fine.isel(angle=slice(0, None, max(1, angles // _ANGLES)))
        for count in counts:
            for way in WAYS:
                table = (
                    ordered[way][:count] if way in ordered else positions_of(way, count, Grid.of(fine), scanner.number)
                )
                found = recover(downsample(fine, SIZE, seed=scanner.number, positions=table), _METHOD)
                error = 100 * nrmse(found, fine)
                named = {"level": scanner.level, "number": scanner.number, "way": way, "positions": count}
                minutes = count * (_TRAVEL + _PER_ANGLE * fine.sizes["angle"]) / 60
                rows.append({**named, "minutes": minutes, "nrmse_percent": error})
    title = f"{_METHOD} v{METHODS[_METHOD].version}, samples of {SIZE} x {SIZE} voxels, {_ANGLES} angles, 33.7 dB"
    coordinates = {name: name for name in ("level", "number", "way")}
    data = table_dataset(rows, "row", ("positions", "minutes", "nrmse_percent"), coordinates)
    files = write_results(options, "design", data, rows, _figure(rows, title))
    return {"table": rows, "files": files, "text": "\n".join([title, _text(rows)])}


def _fits(sizes: object) -> bool:
    return bool(sizes["x"] >= 2 * SIZE and sizes["y"] >= 2 * SIZE)  # type: ignore[index]


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


def _median(rows: Sequence[Row], way: str, count: int, level: str | None = None) -> float:
    wanted = [r for r in rows if (r["way"], r["positions"]) == (way, count) and level in (None, r["level"])]
    return float(np.median([r["nrmse_percent"] for r in wanted]))


def _figure(rows: Sequence[Row], title: str) -> Figure:
    counts = list(dict.fromkeys(r["positions"] for r in rows))
    panels: dict[str, dict[str, Curve]] = {}
    for level in dict.fromkeys(r["level"] for r in rows):
        panels[level] = {way: (counts, [_median(rows, way, n, level) for n in counts]) for way in WAYS}
    return curves(panels, ("positions", "nRMSE in %, median"), title)


def _text(rows: Sequence[Row]) -> str:
    counts = list(dict.fromkeys(r["positions"] for r in rows))
    scanners = len({(r["level"], r["number"]) for r in rows})
    lines = [[way, *(f"{_median(rows, way, n):.3g}" for n in counts)] for way in WAYS]
    return text_table(["positions", *map(str, counts)], lines, [f"median nRMSE in % over {scanners} scanners"])
