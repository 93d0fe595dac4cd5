"""TranSMS Fig. 7: images of two tubes from recovered matrices at 1 T/m, and their differences from the reference image.

The protocol is that of `recon.studies.imaging`, for one test matrix (about 25 nm), a left tube of 4 mm and a gap of
10 mm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from calib.studies.harness.figures import DEFAULT_METHODS
from calib.studies.harness.results import text_table, write_results
from calib.studies.harness.study import StudyOptions
from mpisim.plot.panels import Group, Panel, edges, panels
from mpisim.progress import progress
from recon.studies.imaging import FIGURES, Imaging, recipes

__all__ = ["fig7"]

TUBES = (4.0, 10.0)


def fig7(options: StudyOptions) -> Mapping[str, Any]:
    """Run the study and write `fig7.nc`, `fig7.csv` and `fig7.png`."""
    chosen, told = recipes(options, DEFAULT_METHODS)
    case = options.protocol.figure_case()
    matrices = options.protocol.matrices([case], options.data)
    table: list[dict[str, Any]] = []
    with Imaging(options, matrices, [TUBES]) as imaging:
        reference = imaging.shown(None, 0)
        images = {"phantom": _phantom(reference), "reference": reference}
        table.append({"method": "reference", "factor": None, **_figures(reference)})
        for recipe in progress([r for r in chosen if not r.missing], unit="image"):
            image = imaging.shown(recipe, 0)
            images[f"{recipe.method}_{recipe.factor}x"] = image
            table.append({"method": recipe.method, "factor": recipe.factor, **_figures(image)})
    values = {name: (("y", "x"), image["image"].values, {"units": "1"}) for name, image in images.items()}
    data = xr.Dataset(values, coords={axis: matrices[0][axis] for axis in ("x", "y")})
    short = ", a short form" if options.quick else ""
    heading = f"Images at {case.sf_gradient:.3g} T/m, {case.particle_diameter * 1e9:.3g} nm, noisy{short}"
    figure = _figure(images, table, heading)
    files = write_results(options, "fig7", data.assign_attrs(matrix=case.name), table, figure)
    titles = ("method", "factor", "pSNR in dB", "SSIM", "pSNR to phantom", "SSIM to phantom")
    cells = [[f"{v:.4g}" if isinstance(v, float) else v for v in row.values()] for row in table]
    text = f"{heading}\n{text_table(titles, cells, told)}"
    return {"matrix": case.name, "table": table, "files": files, "text": text}


def _phantom(reference: xr.Dataset) -> xr.Dataset:
    return reference[["phantom"]].rename(phantom="image")


def _figures(image: xr.Dataset) -> dict[str, float | None]:
    return {key: image.attrs.get(key) for key in FIGURES}


def _figure(images: Mapping[str, xr.Dataset], table: Sequence[Mapping[str, Any]], heading: str) -> Any:
    shown: list[Panel | None] = [(image["image"].values, edges(image)) for image in images.values()]
    top = max(float(p[0].max()) for p in shown[:2] if p is not None)
    reference = images["reference"]["image"].values
    wrong: list[Panel | None] = [
        (image["image"].values - reference, edges(image)) if i != 1 else None for i, image in enumerate(images.values())
    ]
    notes = [""] * 2 + ["" if row["psnr"] is None else f"{row['psnr']:.1f} dB" for row in table[1:]]
    groups = [
        Group([shown], [""], f"concentration / that of\nthe sample, cut at {top:.2g}", (0.0, top), "inferno"),
        Group(
            [wrong],
            ["image - reference"],
            f"difference,\ncut at ± {top / 2:.2g}",
            (-top / 2, top / 2),
            "PuOr_r",
            [notes],
        ),
    ]
    columns = [n if i < 2 else n.replace("_", "\n") for i, n in enumerate(images)]
    return panels(groups, columns, heading)
