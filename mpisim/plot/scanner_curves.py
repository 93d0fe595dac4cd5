"""What a scanner has besides its maps: errors of the angles, gains, core sizes and windings, each as a small plot."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mpisim.simulation.setup import Setup

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

__all__ = ["Curve", "curves_of", "draw_curves"]

_STEP = 2e-3  # m between the points of a wire
_COLOURS = {"coil": "tab:blue", "drive": "tab:orange", "selection": "tab:green"}


class Curve(NamedTuple):
    """A small plot: its title, the labels of its axes, and what draws it into an axes."""

    title: str
    x: str
    y: str
    draw: Callable[[Any], None]


def curves_of(setup: Setup) -> list[Curve]:
    """Return the small plots of a scanner: those of what it has, and the sizes of the cores."""
    scanner = setup.scanner
    wires = list(_wires(scanner))
    views = [("x", "y"), ("x", "z")] if wires else []
    windings = [
        Curve(f"windings, seen along {'z' if y == 'y' else 'y'}", f"{x} in mm", f"{y} in mm", _view(wires, setup, x, y))
        for x, y in views
    ]
    return [*_angle_curves(scanner), *_gain_curves(scanner), *_size_curves(setup.particle), *windings]


def draw_curves(figure: Figure | SubFigure, curves: list[Curve], across: int) -> None:
    """Draw small plots side by side, `across` on a line."""
    if not curves:
        return
    axes = figure.subplots(-(-len(curves) // across), across, squeeze=False).ravel()
    for ax, curve in zip(axes, curves, strict=False):
        curve.draw(ax)
        ax.set_title(curve.title, fontsize=8)
        ax.set_xlabel(curve.x, fontsize=7)
        ax.set_ylabel(curve.y, fontsize=7)
        ax.tick_params(labelsize=6)
        ax.grid(alpha=0.3)
    for ax in axes[len(curves) :]:
        ax.set_axis_off()


def _angle_curves(scanner: Any) -> list[Curve]:
    """Return the errors of the angles that differ from zero."""
    line = getattr(scanner, "line", None)
    if line is None:
        return []
    angles = np.degrees(scanner.angles)
    values = line.values(len(angles))
    shown = (
        ("offset of the line", "mm", 1e3 * values.offset),
        ("error of the angle", "degrees", np.degrees(values.angle)),
        ("gain of each angle", "% above one", 100 * values.gain),
        ("phase of each angle", "degrees", np.degrees(values.phase)),
    )
    curves = []
    for title, unit, errors in shown:
        if np.any(errors):
            plot = partial(_points, x=angles, y=np.broadcast_to(errors, angles.shape))
            curves.append(Curve(title, "angle in degrees", unit, plot))
    return curves


def _points(ax: Any, x: np.ndarray, y: np.ndarray) -> None:
    ax.plot(x, y, ".-", linewidth=0.7, markersize=3)
    ax.axhline(0, color="black", linewidth=0.6)


def _gain_curves(scanner: Any) -> list[Curve]:
    """Return magnitude and phase of the receive chain by harmonic."""
    gain = getattr(scanner, "gain", None)
    if gain is None:
        return []
    harmonics = np.array(scanner.harmonics)
    gains = gain.gains(scanner.harmonics, max(1, len(scanner.coils)))
    phases = np.degrees(np.angle(gains))
    label = "harmonic" if getattr(scanner, "tones", None) is None else "multiple of the base frequency"
    return [
        Curve("gain of the receive chain", label, "magnitude", partial(_by_coil, x=harmonics, y=np.abs(gains), base=1)),
        Curve("phase of the receive chain", label, "degrees", partial(_by_coil, x=harmonics, y=phases, base=0)),
    ]


def _by_coil(ax: Any, x: np.ndarray, y: np.ndarray, base: float) -> None:
    for i, values in enumerate(y):
        ax.plot(x, values, "o", markersize=4, label=f"coil {i + 1}")
    ax.axhline(base, color="black", linewidth=0.6)
    if len(y) > 1:
        ax.legend(fontsize=6)


def _populations(particle: Any, share: float = 1.0) -> Iterator[tuple[float, float, float]]:
    """Yield share, median in m and spread of ln d of the populations of a model of particles, where it says so."""
    if hasattr(particle, "populations"):
        for part, fraction in zip(particle.populations, particle.fractions, strict=True):
            yield from _populations(part, share * fraction)
    elif hasattr(particle, "particle"):
        yield from _populations(particle.particle, share)
    elif isinstance(getattr(particle, "diameter", None), int | float):
        yield share, particle.diameter, getattr(particle, "spread", 0.0)


def _size_curves(particle: Any) -> list[Curve]:
    populations = list(_populations(particle))
    if not populations:
        return []
    share = "share per nm" if any(spread > 0 for _, _, spread in populations) else "share"
    return [Curve("sizes of the cores", "core diameter in nm", share, partial(_sizes, of=populations))]


def _sizes(ax: Any, of: list[tuple[float, float, float]]) -> None:
    """Draw the number density over the diameter; populations of one size are lines as high as their share."""
    wide = [p for p in of if p[2] > 0]
    low = min(d * math.exp(-4 * max(s, 0.05)) for _, d, s in of) * 1e9
    high = max(d * math.exp(4 * max(s, 0.05)) for _, d, s in of) * 1e9
    x = np.linspace(low, high, 400)
    density = sum((share * _log_normal(x, 1e9 * d, s) for share, d, s in wide), np.zeros_like(x))
    if wide:
        ax.fill_between(x, density, alpha=0.3)
        ax.plot(x, density, linewidth=0.9)
    for share, diameter, spread in of:
        if spread == 0:
            ax.plot([1e9 * diameter] * 2, [0, share], linewidth=1.5, color="tab:red")
            ax.annotate(f"{share:.0%}", (1e9 * diameter, share), fontsize=7, xytext=(3, -7), textcoords="offset points")
    ax.set_ylim(bottom=0)


def _log_normal(x: np.ndarray, median: float, spread: float) -> np.ndarray:
    """Return the density of a log-normal distribution of a median and a spread of the logarithm."""
    return np.exp(-((np.log(x / median) / spread) ** 2) / 2) / (x * spread * math.sqrt(2 * math.pi))


def _wires(scanner: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the kind and the points (point, 3) in mm of every winding of coils and fields, at the angle 0."""
    for kind, name in (("coil", "coils"), ("drive", "drive"), ("selection", "selection")):
        for part in getattr(scanner, name, ()):
            for winding in getattr(part, "windings", ()):
                yield kind, 1e3 * winding.wire(_STEP)


def _view(wires: list[tuple[str, np.ndarray]], setup: Setup, x: str, y: str) -> Callable[[Any], None]:
    """Return what draws wires and the field of view, projected on two axes."""
    i, j = "xyz".index(x), "xyz".index(y)

    def draw(ax: Any) -> None:
        named = set()
        for kind, wire in wires:
            closed = np.vstack([wire, wire[:1]])
            label = None if kind in named else kind
            named.add(kind)
            ax.plot(closed[:, i], closed[:, j], color=_COLOURS[kind], linewidth=1, label=label)
        (left, *_, right), (bottom, *_, top) = (1e3 * setup.grid.edges(k) if k < 2 else _plane(setup) for k in (i, j))
        ax.fill(
            [left, right, right, left],
            [bottom, bottom, top, top],
            facecolor="0.8",
            edgecolor="0.3",
            label="field of view",
        )
        ax.set_aspect("equal", adjustable="datalim")
        ax.legend(fontsize=6, loc="upper right")

    return draw


def _plane(setup: Setup) -> np.ndarray:
    """Return lower and upper end of the field of view along z in mm, which is a line for a plane."""
    if len(setup.grid.shape) == 3:
        return 1e3 * setup.grid.edges(2)
    return 1e3 * np.array([setup.grid.center[2]] * 2)
