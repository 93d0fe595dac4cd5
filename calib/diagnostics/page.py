"""The page itself: words, figures and tables in one HTML file that needs no other."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from calib.diagnostics.agreement import agreement
from calib.diagnostics.figures import draw_agreement, draw_angle_errors, draw_rows
from calib.diagnostics.findings import distrust, verdict
from calib.diagnostics.scanner_maps import draw_maps
from mpisim.data.schema import expect
from mpisim.errors import require
from mpisim.io.atomic import write_text
from mpisim.version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["write_diagnostics"]

_TRACER = "tracer"  # group of parameters that are always shown
_SAME_ANGLE = 1e-6  # rad
_SEEN = 3.0  # standard errors from zero


def write_diagnostics(path: str | os.PathLike[str], recovered: xr.Dataset, coarse: xr.Dataset) -> None:
    """Write one HTML page on a recovered matrix: what was chosen and why, what to distrust, chi2, rows, the scanner.

    Parameters
    ----------
    path
        The file (.html).
    recovered
        What `calib.recover` returned.
    coarse
        The coarse matrix that it came from.

    Raises
    ------
    InputError
        If the matrices are not of these kinds, or the file cannot be written.
    """
    import jinja2

    expect(recovered, "system_matrix", "recovered", "fine")
    require("recovery" in recovered.attrs, "recovered", "a matrix that `recover` returned", "one without its recovery")
    measured, coarse = _measured(recovered, coarse)
    agrees = agreement(measured, coarse)
    figures = {
        "agreement": None if agrees is None else draw_agreement(agrees),
        "rows": draw_rows(measured, coarse),
        "maps": draw_maps(recovered),
        "angles": draw_angle_errors(recovered),
    }
    template = (files("calib.diagnostics") / "page.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string(template).render(
        version=__version__,
        recovery=recovered.attrs["recovery"],
        verdict=verdict(recovered, agrees),
        distrust=distrust(recovered, coarse, agrees),
        parameters=_sorted(recovered.attrs["recovery"].get("parameters", [])),
        length=recovered.attrs["recovery"].get("length_unit"),
        figures={name: _embedded(figure) for name, figure in figures.items() if figure is not None},
    )
    write_text(Path(path), page)


def _measured(recovered: xr.Dataset, coarse: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    """Return the rows of both matrices at the angles that both have, where rows of other angles were recovered."""
    if "angles_measured" not in recovered.attrs["recovery"]:
        return recovered, coarse
    apart = np.abs(coarse["angle"].values[:, None] - recovered["angle"].values)
    there = apart.min(1) < _SAME_ANGLE
    must = "such that the recovered matrix has at least one of its angles"
    require(bool(there.any()), "coarse", must, "none")
    return recovered.isel(angle=apart.argmin(1)[there]), coarse.isel(angle=np.flatnonzero(there))


def _sorted(parameters: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the parameters that are seen in the data, those of the tracer first, and the others."""
    seen = [p for p in parameters if p["group"] == _TRACER or (p["std"] and abs(p["value"]) > _SEEN * p["std"])]
    return {"seen": seen, "others": [p for p in parameters if p not in seen]}


def _embedded(figure: Figure) -> str:
    """Return a figure as PNG in base64."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()
