"""TranSMS Fig. 7: images of two tubes from recovered matrices at 1 T/m, and their differences from the reference image.

The protocol is that of `recon.studies.imaging`, for one test matrix (about 25 nm), a left tube of 4 mm and a gap of
10 mm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from calib.studies.harness.figures import DEFAULT_METHODS
from calib.studies.harness.missing import quick_note, shown
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.results import Row, text_table, write_results
from calib.studies.harness.study import StudyOptions
from mpisim.cli.command import Result
from mpisim.plot.panels import Group, Panel, edges, panels
from mpisim.progress import progress
from recon.studies.imaging import FIGURES, Imaging, recovery_cases

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["fig7"]

TUBES = (4.0, 10.0)
"""Width of the left tube and gap in mm."""
_TITLES = ("method", "factor", "pSNR in dB", "SSIM", "pSNR to phantom", "SSIM to phantom")


def fig7(options: StudyOptions) -> Result:
    """Run the study and write `fig7.nc`, `fig7.csv` and `fig7.png`."""
    recovery = Recovery(options)
    cases, notes = recovery_cases(recovery, DEFAULT_METHODS)
    shown(options, [{"method": case.method, "factor": case.factor, **case.training} for case in cases])
    case = options.protocol.figure_case()
    matrices = options.protocol.matrices([case], options.data)
    imaging = Imaging(recovery.cache, matrices, [TUBES])
    reference = imaging.image(None, 0)
    images = {"phantom": reference[["phantom"]].rename(phantom="image"), "reference": reference}
    table = [_row("reference", None, reference)]
    for made in progress([c for c in cases if not c.missing], unit="image"):
        images[made.name] = imaging.image(made, 0)
        table.append(_row(made.method, made.factor, images[made.name]))
    short = ", a short form" if options.quick else ""
    heading = f"Images at {case.sf_gradient:.3g} T/m, {case.particle_diameter * 1e9:.3g} nm, noisy{short}"
    figure = _figure(images, table, heading)
    data = _dataset(images).assign_attrs(matrix=case.name)
    files = write_results(options, "fig7", data, table, figure)
    cells = [[f"{v:.4g}" if isinstance(v, float) else v for v in row.values()] for row in table]
    return {
        "matrix": case.name,
        "table": table,
        "files": files,
        "text": f"{heading}\n{text_table(_TITLES, cells, [*quick_note(options), *notes])}",
    }


def _row(method: str, factor: int | None, image: xr.Dataset) -> dict[str, object]:
    return {"method": method, "factor": factor, **{key: image.attrs.get(key) for key in FIGURES}}


def _dataset(images: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Return all images as variables of one dataset."""
    values = {name: (("y", "x"), image["image"].values, {"units": "1"}) for name, image in images.items()}
    return xr.Dataset(values, coords={axis: images["reference"][axis] for axis in ("x", "y")})


def _figure(images: Mapping[str, xr.Dataset], table: Sequence[Row], heading: str) -> Figure:
    """Draw the images, and below each its difference from the reference image and its pSNR."""
    reference = images["reference"]["image"].values
    top = max(float(images[name]["image"].max()) for name in ("phantom", "reference"))
    line: list[Panel | None] = [_panel(image) for image in images.values()]
    differences = [None if name == "reference" else _panel(image, reference) for name, image in images.items()]
    notes = [""] * 2 + ["" if row["psnr"] is None else f"{row['psnr']:.1f} dB" for row in table[1:]]
    scale = f"concentration / that of\nthe sample, cut at {top:.2g}"
    half = f"difference,\ncut at ± {top / 2:.2g}"
    groups = [
        Group([line], [""], scale, (0.0, top), "inferno"),
        Group([differences], ["image - reference"], half, (-top / 2, top / 2), "PuOr_r", [notes]),
    ]
    return panels(groups, [name.replace("_", "\n") for name in images], heading)


def _panel(image: xr.Dataset, reference: np.ndarray | float = 0.0) -> Panel:
    return image["image"].values - reference, edges(image)
