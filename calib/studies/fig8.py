"""TranSMS Fig. 8: grids twice as large as those that the network was trained on, from overlapping patches.

A net trained to recover 32 x 32 from 16 x 16 voxels recovers 64 x 64 from 32 x 32, by patches of 16 x 16 (see
`calib.patches`). The paper does not say whether its larger grid has finer voxels or a larger field of view; the study
does both. It compares blended patches with patches side by side, with the network on the whole coarse grid at once (the
network takes any size), and with bicubic interpolation. `seam` is the RMS error at the edges of patches divided by that
elsewhere; block artefacts give more than 1. Blended patches show none, not even without data consistency; the paper
reports some there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import xarray as xr

from calib.patches import seam_ratio
from calib.recovery import METHODS
from calib.studies.fig6 import errors_group, panels_of, parts
from calib.studies.harness.missing import made, missing_note, shown
from calib.studies.harness.protocol import Protocol
from calib.studies.harness.recovery import Patches, Recovery
from calib.studies.harness.results import Row, formatted, text_table, write_results
from calib.studies.harness.study import StudyOptions
from mpisim.cli.command import Result
from mpisim.data.downsampling import downsample
from mpisim.data.grid import Grid
from mpisim.data.metrics import nrmse
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.data.views import as_images
from mpisim.plot.panels import Group, panels
from mpisim.plot.rows import chosen_rows
from mpisim.progress import progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["fig8"]

FACTOR = 2
_WITHOUT_CONSISTENCY = "transms-nodc"
_WHOLE, _BLENDED, _SIDE_BY_SIDE = "whole grid", "blended patches", "patches side by side"


@dataclass(frozen=True)
class _Picture:
    """One of the larger grids: its name, the fine matrix, and all matrices of the figure by title."""

    name: str
    fine: xr.Dataset
    matrices: dict[str, xr.Dataset]


def fig8(options: StudyOptions) -> Result:
    """Run the study and write `fig8.nc`, `fig8.csv` and `fig8.png`."""
    recovery = Recovery(options)
    box = [name for name, method in METHODS.items() if method.samplings[0] == "box"]
    wanted = options.methods or ("bicubic", "transms", _WITHOUT_CONSISTENCY)
    methods = replace(options, methods=wanted).chosen(box)
    table: list[Row] = []
    pictures = []
    for name, fine in progress(list(_larger(options.protocol).items()), unit="grid"):
        coarse = downsample(fine, FACTOR, snr=PROTOCOL_SNR, seed=0)
        matrices = {"input": coarse, "reference": fine}
        for method in progress(methods, unit="method"):
            recovered, rows = _recovered(recovery, method, coarse, fine)
            table += [{"grid": name, **row} for row in rows]
            matrices |= recovered
        shown(options, table)
        pictures.append(_Picture(name, fine, matrices))
    files = write_results(options, "fig8", _dataset(pictures), table, _figure(pictures, options.quick))
    return {"table": table, "files": files, "text": _text(table, missing_note(options, table))}


def _larger(protocol: Protocol) -> dict[str, xr.Dataset]:
    """Return matrices of twice as many voxels along each edge: finer ones, or over a field of view twice as wide."""
    grid, case = protocol.spec.grid, protocol.figure_case()
    finer = grid.refined(2)
    grids = {"finer voxels": finer, "larger field": Grid(finer.shape, tuple(2 * f for f in grid.fov))}
    specs = {name: replace(protocol.spec, grid=g) for name, g in grids.items()}
    return {name: replace(protocol, spec=spec).simulate(case) for name, spec in specs.items()}


def _recovered(
    recovery: Recovery, method: str, coarse: xr.Dataset, fine: xr.Dataset
) -> tuple[dict[str, xr.Dataset], list[Row]]:
    """Return the matrices that a method recovers, by title, and their rows of the table."""
    own = {"method": method, "factor": FACTOR}
    if recovery.missing(method, FACTOR):
        return {}, [{**own, "by": None, "status": "missing", "nrmse_percent": None, "seam": None}]
    matrices: dict[str, xr.Dataset] = {}
    rows: list[Row] = []
    for by, patches in _ways(method, coarse.sizes["x"] // 2).items():
        matrix = recovery.recovered(coarse, method, FACTOR, patches)
        seam = None if patches is None else seam_ratio(matrix, fine, patches.patch, patches.overlap, FACTOR)
        matrices[f"{method}, {by}"] = matrix
        rows.append({**own, "by": by, "status": "made", "nrmse_percent": 100 * nrmse(matrix, fine), "seam": seam})
    return matrices, rows


def _ways(method: str, patch: int) -> dict[str, Patches | None]:
    """Return the ways in which a method recovers a grid: at once and, with a network, by patches."""
    ways: dict[str, Patches | None] = {_WHOLE: None}
    if METHODS[method].learned:
        consistency = method != _WITHOUT_CONSISTENCY
        ways[_BLENDED] = Patches(patch, patch // 2, consistency)
        ways[_SIDE_BY_SIDE] = Patches(patch, 0, consistency)
    return ways


def _dataset(pictures: Sequence[_Picture]) -> xr.Dataset:
    arrays = {}
    for picture in pictures:
        chosen = [index for _, index in chosen_rows(picture.fine)]
        for title, matrix in picture.matrices.items():
            name = f"{picture.name} {title}".replace(", ", "_").replace(" ", "_")
            size = "coarse" if title == "input" else "fine"
            arrays[name] = (("shown", f"y_{size}", f"x_{size}", "part"), parts(as_images(matrix)[chosen]))
    return xr.Dataset(arrays).assign_attrs(snr=PROTOCOL_SNR)


def _figure(pictures: Sequence[_Picture], quick: bool) -> Figure:
    groups = [group for picture in pictures for group in _groups(picture.name, picture.fine, picture.matrices)]
    short = ", a short form" if quick else ""
    size = " x ".join(str(n) for n in as_images(pictures[0].fine).shape[-2:])
    heading = f"Rows on {size} voxels, {FACTOR}x, noisy{short}"
    titles = [t.replace(", ", "\n").replace("side by side", "\nside by side") for t in pictures[0].matrices]
    return panels(groups, titles, heading)


def _groups(name: str, fine: xr.Dataset, matrices: Mapping[str, xr.Dataset]) -> list[Group]:
    chosen = chosen_rows(fine)[:2]
    lines = [panels_of(matrices, fine, index, 2) for _, index in chosen]
    titles = [f"{name}\n" + title.replace(", ", "\n") for title, _ in chosen]
    values, errors = [line[0] for line in lines], [line[1] for line in lines]
    return [
        Group(values, titles, "row / peak", (-1.0, 1.0), "RdBu_r"),
        errors_group(errors, titles, [_shares(matrices, fine, index) for _, index in chosen], top=0.1),
    ]


def _shares(matrices: Mapping[str, xr.Dataset], fine: xr.Dataset, index: int) -> list[str]:
    """Return the nRMSE of one row in every matrix but input and reference, in words."""
    wanted = as_images(fine)[index]
    return [""] * 2 + [f"{100 * nrmse(as_images(m)[index], wanted):.2g} %" for m in list(matrices.values())[2:]]


def _text(table: Sequence[Row], notes: Sequence[str]) -> str:
    formats = {"grid": "{}", "method": "{}", "by": "{}", "nrmse_percent": "{:.2f}", "seam": "{:.2f}"}
    lines = [formatted(row, formats) for row in made(table)]
    return text_table(("grid", "method", "by", "nRMSE in %", "seam"), lines, notes)
