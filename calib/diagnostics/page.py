"""The page itself: words, figures and tables in one HTML file that needs no other."""

from __future__ import annotations

import base64
import io
import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from calib.diagnostics.agreement import agreement
from calib.diagnostics.figures import draw_agreement, draw_rows
from calib.diagnostics.findings import distrust, expected_error, verdict
from mpisim.data.schema import expect
from mpisim.errors import require
from mpisim.io.atomic import write_text
from mpisim.version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["write_diagnostics"]


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
    agrees = agreement(recovered, coarse)
    figures = {
        "agreement": None if agrees is None else draw_agreement(agrees),
        "rows": draw_rows(recovered, coarse),
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
        chi2=None if agrees is None else agrees.mean,
        error=expected_error(recovered),
        figures={name: _embedded(figure) for name, figure in figures.items() if figure is not None},
    )
    write_text(Path(path), page)


def _embedded(figure: Figure) -> str:
    """Return a figure as PNG in base64."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()
