"""The report of the demo: one HTML page that needs no other file."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from mpisim.io.atomic import write_text
from mpisim.version import __version__

__all__ = ["write_report"]


def write_report(
    path: Path, summary: Mapping[str, object], seconds: Mapping[str, float], figures: Mapping[str, Path], rows: int
) -> None:
    """Write the page with table, embedded figures, configuration and commands.

    `summary` is the content of `results.json`, `seconds` the time of every command by its line, `figures` are the PNG
    files `rows`, `errors` and `images`, and `rows` is the number of complex rows of the system matrix.
    """
    import jinja2

    template = (files("recon.studies") / "report.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    embedded = {name: base64.b64encode(file.read_bytes()).decode() for name, file in figures.items()}
    page = environment.from_string(template).render(
        version=__version__, rows=rows, summary=summary, seconds=seconds, figures=embedded, total=sum(seconds.values())
    )
    write_text(path, page)
