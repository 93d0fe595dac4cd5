"""The report of the demo: one HTML page that needs no other file, and opens with what it says in words."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mpisim.io.atomic import write_text
from mpisim.version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["answers", "draw_summary", "write_report"]

POSITION_SECONDS = 2.0
"""Time at a position of the sample for moving and measuring, an example by which the report states hours."""
Summary = Mapping[str, Any]
"""Content of `results.json`."""


def write_report(path: Path, summary: Summary, seconds: Mapping[str, float], figures: Mapping[str, Path]) -> None:
    """Write the page with answers, table, embedded figures, configuration and commands.

    `summary` is the content of `results.json`, `seconds` the time of every command by its line, and `figures` are the
    PNG files `summary`, `images`, `errors` and `rows`.
    """
    import jinja2

    template = (files("recon.studies") / "report.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    embedded = {name: base64.b64encode(file.read_bytes()).decode() for name, file in figures.items()}
    page = environment.from_string(template).render(
        version=__version__,
        summary=summary,
        answers=answers(summary, seconds),
        recovery=_recovery_seconds(summary, seconds),
        seconds=seconds,
        figures=embedded,
        total=sum(seconds.values()),
    )
    write_text(path, page)


def answers(summary: Summary, seconds: Mapping[str, float]) -> dict[str, str]:
    """Return what a physicist asks first, each with its answer in words."""
    found = {
        "How much faster is the calibration?": _speed(summary, seconds),
        "How wrong is the recovered matrix?": _matrix_error(summary),
        "What does the image lose against the true phantom?": _image_loss(summary),
    }
    if summary["room"]:
        question = "Why can an image be nearer to the phantom than that of the reference matrix?"
        found[question] = _room(summary["room"], summary["methods"])
    return found


def _speed(summary: Summary, seconds: Mapping[str, float]) -> str:
    positions, c = summary["calibration_positions"], summary["configuration"]
    ratio = positions["fine"] / positions["coarse"]
    long = {name: _duration(count * POSITION_SECONDS) for name, count in positions.items()}
    slowest = max(_recovery_seconds(summary, seconds).values(), default=0.0)
    return (
        f"The sample fills {c['factor']} × {c['factor']} voxels, so it is measured at {positions['coarse']} positions "
        f"in place of {positions['fine']}: {ratio:.0f} times fewer. At {POSITION_SECONDS:g} s a position, for example, "
        f"that is {long['coarse']} in place of {long['fine']}. The larger sample also gives {ratio:.0f} times the "
        f"signal. The recovery takes {slowest:.0f} s at most on this computer."
    )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:.1f} h"


def _by_error(summary: Summary) -> list[tuple[float, str]]:
    return sorted((r["nrmse"], name) for name, r in summary["methods"].items() if "nrmse" in r)


def _matrix_error(summary: Summary) -> str:
    ordered = _by_error(summary)
    (least, best), (most, worst) = ordered[0], ordered[-1]
    noise = 10 ** (-summary["configuration"]["calibration_snr_dB"] / 20)
    others = ", ".join(f"{name} {_percent(error)}" for error, name in ordered[1:-1])
    return (
        f"Best is {best} with an nRMSE of {_percent(least)} of the whole matrix, worst {worst} with {_percent(most)}"
        f"{f' (between them: {others})' if others else ''}. The noise of the coarse calibration is {_percent(noise)} "
        "of its RMS. This scanner is ideal, as some methods presume; a real scanner is harder."
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2g} %"


def _image_loss(summary: Summary) -> str:
    key, methods = "image_psnr_phantom", summary["methods"]
    own = methods["reference"][key]
    _, best = _by_error(summary)[0]
    _, worst = _by_error(summary)[-1]
    phrases = [_against(name, methods[name][key], own) for name in dict.fromkeys((best, worst))]
    return (
        f"With the reference matrix the image reaches {own:.1f} dB against the true phantom, {' and '.join(phrases)}. "
        f"For comparison: an image of zeros has {summary['image_of_zeros_psnr_phantom']:.1f} dB. What the reference "
        "matrix itself loses comes from the noise of the measurement, from the smoothing that it makes necessary, and "
        "from data that were simulated on a finer grid than the image has."
    )


def _against(name: str, value: float, own: float) -> str:
    """Return how near to the phantom an image is, and what it loses against that of the reference matrix, in words."""
    lost = own - value
    change = "as much" if abs(lost) < 0.05 else f"{abs(lost):.1f} dB {'less' if lost > 0 else 'more'}"
    return f"with that of {name} {value:.1f} dB ({change})"


def _room(check: Mapping[str, Any], methods: Mapping[str, Mapping[str, Any]]) -> str:
    method, key = check["method"], "image_psnr_phantom"
    value, own, found = check[key], methods["reference"][key], methods[method][key]
    shares = [100 / check[name] for name in ("room", "reference_room")]
    verdict = f"its image then has {value:.1f} dB instead of {own:.1f} dB, that of {method} {found:.1f} dB"
    if value < found - 0.1:
        verdict += "; the rest depends on the phantom and on the draw of the noise"
    return (
        "The image is the smoothest and sparsest one that explains the data to within the noise, a ball of radius ε. "
        f"The error of a recovered matrix takes up a part of this room: the best fit of {method} already leaves "
        f"{shares[0]:.0f} % of ε unexplained, that of the reference matrix {shares[1]:.0f} %. Less room is left for "
        "smoothing, and the image stays closer to the data. To check this, the reference matrix was given as little "
        f"room (ε = {check['eps']:.4g} in place of {check['reference_eps']:.4g}): {verdict}. "
        "A larger pSNR here does not mean that the matrix is better."
    )


def _recovery_seconds(summary: Summary, seconds: Mapping[str, float]) -> dict[str, float]:
    """Return how long the command `recover` took by method."""
    lines = {name: f"mpisim recover coarse.nc --method {name} --out fine_{name}.nc" for name in summary["methods"]}
    return {name: seconds[line] for name, line in lines.items() if line in seconds}


def draw_summary(results: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw the error of every matrix, and how near to the true phantom the image is that it gives.

    `results` holds `nrmse` (a fraction) and `image_psnr_phantom` (dB) by method, and the latter of the `reference`.
    """
    from matplotlib.figure import Figure

    names = sorted((n for n in results if "nrmse" in results[n]), key=lambda n: results[n]["nrmse"])
    figure = Figure(figsize=(9.0, 1.4 + 0.28 * len(names)), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(names))
    left.plot([100 * results[n]["nrmse"] for n in names], places, "o", color="#1f5fa8")
    left.set_xscale("log")
    left.set_xlabel("nRMSE of the matrix in %")
    key = "image_psnr_phantom"
    known = [
        (results[n][key], place) for n, place in zip(names, places, strict=True) if results[n].get(key) is not None
    ]
    right.plot([value for value, _ in known], [place for _, place in known], "o", color="#b3373f")
    own = results["reference"].get(key)
    if own is not None:
        right.axvline(own, color="black", linestyle="--", linewidth=1, label=f"reference matrix, {own:.1f} dB")
        right.legend(fontsize=8)
    right.set_xlabel("pSNR of the image against the true phantom in dB")
    left.set_yticks(places, names)
    left.invert_yaxis()
    for ax in (left, right):
        ax.grid(alpha=0.3)
    return figure
