"""TranSMS Fig. 8: grids twice as large as those the network was trained on, from overlapping patches.

A net trained to recover 32 x 32 from 16 x 16 voxels recovers 64 x 64 from 32 x 32, by patches of 16 x 16 (see
`calib.patches`). The paper does not say whether its larger grid has finer voxels or a larger field of view; both are
done. Beside the blended patches stand patches side by side, the network on the whole coarse grid at once (it takes any
size), and bicubic interpolation. `seam` is the RMS error at the patches' edges over that elsewhere: block artefacts are
above 1. Blended patches have none, without data consistency either; the paper found some there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from calib.patches import recover_by_patches, seam_ratio
from calib.recovery import METHODS
from calib.studies.fig6 import panels_of, shown_rows
from calib.studies.harness.protocol import Protocol
from calib.studies.harness.recovery import Recovery, missing_note
from calib.studies.harness.results import text_table, write_results
from calib.studies.harness.study import StudyOptions
from mpisim.data.grid import Grid
from mpisim.data.metrics import nrmse
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.data.sampling import downsample
from mpisim.data.views import as_images
from mpisim.plot.panels import Group, Panel, panels

__all__ = ["fig8"]

FACTOR = 2
_OPEN = "transms-nodc"
_WHOLE, _BLENDED, _ASIDE = "whole grid", "blended patches", "patches side by side"


def fig8(options: StudyOptions) -> Mapping[str, Any]:
    """Run the study and write `fig8.nc`, `fig8.csv` and `fig8.png`."""
    recovery = Recovery(options)
    box = [name for name, method in METHODS.items() if method.schemes[0] == "box"]
    asked = options.methods or ("bicubic", "transms", _OPEN)
    methods = replace(options, methods=asked).chosen(box)
    table: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    pictures: list[tuple[str, xr.Dataset, dict[str, xr.Dataset]]] = []
    for name, fine in _larger(options.protocol).items():
        patch = fine.sizes["x"] // (2 * FACTOR)
        coarse = downsample(fine, FACTOR, snr=PROTOCOL_SNR, seed=0)
        found: dict[str, xr.Dataset] = {"input": coarse, "reference": fine}
        for method in methods:
            made, lines = _recovered(recovery, method, coarse, fine, patch)
            table += [{"grid": name, **line} for line in lines]
            found |= made
        pictures.append((name, fine, found))
        arrays |= _arrays(name, fine, found)
    figure = _figure(options, pictures)
    files = write_results(options, "fig8", xr.Dataset(arrays).assign_attrs(snr=PROTOCOL_SNR), table, figure)
    titles = ("grid", "method", "by", "nRMSE in %", "seam")
    numbers = ("nrmse_percent", "seam")
    cells = [
        [row["grid"], row["method"], row["by"], *(None if row[k] is None else f"{row[k]:.2f}" for k in numbers)]
        for row in table
    ]
    return {"table": table, "files": files, "text": text_table(titles, cells, missing_note(options, table))}


def _larger(protocol: Protocol) -> dict[str, xr.Dataset]:
    """Return matrices of twice as many voxels along each edge: finer ones, or over a field of view twice as wide."""
    grid, case = protocol.family.grid, protocol.shown()
    shape = tuple(2 * n for n in grid.shape)
    wide = tuple(2 * f for f in grid.fov)
    grids = {"finer voxels": Grid(shape, grid.fov), "larger field": Grid(shape, wide)}  # type: ignore[arg-type]
    families = {name: replace(protocol.family, grid=g) for name, g in grids.items()}
    return {name: replace(protocol, family=family).simulate(case) for name, family in families.items()}


def _recovered(
    recovery: Recovery, method: str, coarse: xr.Dataset, fine: xr.Dataset, patch: int
) -> tuple[dict[str, xr.Dataset], list[dict[str, Any]]]:
    if recovery.missing(method, FACTOR):
        lacking = {"method": method, "factor": FACTOR, "by": None, "status": "missing"}
        return {}, [{**lacking, "nrmse_percent": None, "seam": None}]
    made = {_WHOLE: (recovery.recovered(coarse, method, FACTOR), 0)}
    if METHODS[method].learned:
        for by, overlap in ((_BLENDED, patch // 2), (_ASIDE, 0)):
            cut = {"patch": patch, "overlap": overlap, "consistency": method != _OPEN}
            made[by] = (recovery.recovered(coarse, method, FACTOR, recover_by_patches, **cut), overlap)
    lines = [
        {
            "method": method,
            "factor": FACTOR,
            "by": by,
            "status": "made",
            "nrmse_percent": 100 * nrmse(found, fine),
            "seam": None if by == _WHOLE else seam_ratio(found, fine, patch, overlap, FACTOR),
        }
        for by, (found, overlap) in made.items()
    ]
    return {f"{method}, {by}": found for by, (found, _) in made.items()}, lines


def _arrays(name: str, fine: xr.Dataset, found: Mapping[str, xr.Dataset]) -> dict[str, Any]:
    chosen = [i for _, i in shown_rows(fine)]
    prefix = name.replace(" ", "_")
    arrays: dict[str, Any] = {}
    for title, data in found.items():
        values = as_images(data)[chosen]
        key = f"{prefix}_{title.replace(', ', '_').replace(' ', '_')}"
        size = "coarse" if title == "input" else "fine"
        dims = ("shown", f"y_{size}", f"x_{size}", "part")
        arrays[key] = (dims, np.stack([values.real, values.imag], axis=-1))
    return arrays


def _figure(options: StudyOptions, pictures: list[tuple[str, xr.Dataset, dict[str, xr.Dataset]]]) -> Any:
    groups = []
    columns = list(pictures[0][2])
    for name, fine, found in pictures:
        values: list[list[Panel | None]] = []
        errors: list[list[Panel | None]] = []
        chosen = shown_rows(fine)[:2]
        for _, index in chosen:
            line, wrong = panels_of(found, fine, index, 2)
            values.append(line)
            errors.append(wrong)
        titles = [f"{name}\n" + title.replace(", ", "\n") for title, _ in chosen]
        groups.append(Group(values, titles, "row / peak", (-1.0, 1.0), "RdBu_r"))
        groups.append(Group(errors, titles, "error / peak,\ncut at ± 0.02", (-0.02, 0.02), "PuOr_r"))
    short = ", a short form" if options.quick else ""
    size = " x ".join(str(n) for n in pictures[0][1]["system_matrix"].shape[-2:])
    heading = f"Rows on {size} voxels, {FACTOR}x, noisy{short}"
    titles = [c.replace(", ", "\n").replace("side by side", "\nside by side") for c in columns]
    return panels(groups, titles, heading)
