r"""A picture of a scanner: selection and drive field, coils and windings, errors of the angles, gains, sizes of cores.

Fields are drawn over the field of view, in the plane of its centre. What deviates is drawn against the ideal scanner
of the same gradient and amplitude, :math:`B_s = G (u \hat z + z \hat u)`, :math:`A \hat z` and one homogeneous coil;
the images of one kind of deviation share a colour scale. What is ideal is said in words and takes no panel. A
field-free point with a Lissajous sequence is drawn by its path (`mpisim.plot.lissajous`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mpisim.data.grid import Grid
from mpisim.errors import require
from mpisim.plot.lissajous import draw_lissajous
from mpisim.plot.panels import DPI, Group, Panel, draw_groups, size_of
from mpisim.plot.scanner_curves import curves_of, draw_curves
from mpisim.scanner.ffl import OpenSidedFFL
from mpisim.scanner.ffp import LissajousFFP
from mpisim.scanner.parts import check_regions
from mpisim.simulation.sample import Sample
from mpisim.simulation.setup import Setup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_scanner"]

_SHOWN = (0.0, 45.0, 90.0, 135.0)  # degrees of the selection field
_LONGEST = 40  # points along the longest edge of a map
_LEAST = 1e-9  # relative deviation below which a field is ideal
_MOST_ACROSS = 5  # curves side by side
_CURVE = 2.2  # inches of a line of curves


def draw_scanner(setup: Setup) -> Figure:
    """Draw the fields, coils, errors and sizes of a scanner and its tracer.

    Parameters
    ----------
    setup
        What `mpisim.read_scanner` returns.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, without pyplot; `mpisim.plot.save_figure` writes it.

    Raises
    ------
    InputError
        If this is no setup, or a field cannot be evaluated over the field of view.
    """
    from matplotlib.figure import Figure

    require(isinstance(setup, Setup), "setup", "a mpisim.Setup, as mpisim.read_scanner returns it", repr(setup))
    if isinstance(setup.scanner, LissajousFFP):
        return draw_lissajous(setup)
    grid = _map_grid(setup.grid)
    check_regions([setup.scanner], grid.centers())
    angles = _shown_angles(setup.scanner.sequence.angles)
    selection, (others, words) = _selection(setup.scanner, grid, angles), _drive_and_coils(setup.scanner, grid)
    maps = [(selection, [f"{np.degrees(angle):.3g}°" for angle in angles], "selection field at some angles")]
    maps += [(others, ["x component", "y component", "z component"], "drive field and receive coils")] if others else []
    sizes = [size_of(groups, columns) for groups, columns, _ in maps]
    tall, wide = max(height for _, height in sizes), sum(width for width, _ in sizes)
    curves = curves_of(setup)
    lines = -(-len(curves) // _MOST_ACROSS)
    figure = Figure(figsize=(max(wide, 7.0), tall + _CURVE * lines + 0.6), dpi=DPI, layout="constrained")
    words += _calibration(setup.sample)
    figure.suptitle("\n".join([_heading(setup), *(["; ".join(words)] if words else [])]), fontsize=10)
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=(tall, max(_CURVE * lines, 0.1)))[:, 0]
    parts = top.subfigures(1, len(maps), squeeze=False, width_ratios=[width for width, _ in sizes])[0]
    for part, (groups, columns, title) in zip(parts, maps, strict=True):
        draw_groups(part, groups, columns, title)
    draw_curves(bottom, curves, max(3, -(-len(curves) // max(lines, 1))))
    return figure


def _map_grid(grid: Grid) -> Grid:
    """Return points over the field of view, about as far from each other along x as along y."""
    longest = max(grid.fov[:2])
    shape = [max(2, round(_LONGEST * length / longest)) for length in grid.fov[:2]]
    return Grid((shape[0], shape[1]), grid.fov[:2], grid.center)


def _shown_angles(angles: Sequence[float]) -> list[float]:
    """Return the angles of a scanner that are nearest to 0, 45, 90 and 135 degrees."""
    known = np.asarray(angles)
    nearest = [int(np.argmin(np.abs(known - np.radians(shown)))) for shown in _SHOWN]
    return [float(known[i]) for i in dict.fromkeys(nearest)]


def _image(grid: Grid, values: np.ndarray) -> Panel:
    """Return values (voxel,) on the grid as a panel."""
    (left, *_, right), (bottom, *_, top) = (1e3 * grid.edges(i) for i in (0, 1))
    return values.reshape(grid.array_shape), (float(left), float(right), float(bottom), float(top))


def _signed(table: list[list[Panel | None]], label: str, lines: list[str], cmap: str, notes: Any = None) -> Group:
    """Return a group on one scale from minus to plus the largest magnitude."""
    top = max(float(np.abs(panel[0]).max()) for line in table for panel in line if panel is not None) or 1.0
    return Group(table, lines, label, (-top, top), cmap, notes)


def _selection(scanner: Any, grid: Grid, angles: list[float]) -> list[Group]:
    """Return the selection field at some angles, and what it lacks to the ideal one, in mT."""
    points = grid.centers()
    fields = [1e3 * scanner.selection_field(points, angle) for angle in angles]
    line: list[Panel | None] = [_image(grid, field[:, 2]) for field in fields]
    groups = [_signed([line], "z component\nin mT", [""], "RdBu_r")]
    gradient = getattr(scanner, "sf_gradient", None)
    if gradient is None:
        return groups
    ideal = OpenSidedFFL(gradient, 1e-3)
    errors = [f - 1e3 * ideal.selection_field(points, a) for f, a in zip(fields, angles, strict=True)]
    largest = max(float(np.abs(field).max()) for field in fields)
    along: list[Panel | None] = [_image(grid, error[:, 2]) for error in errors]
    across: list[Panel | None] = [_image(grid, np.hypot(error[:, 0], error[:, 1])) for error in errors]
    if max(float(np.abs(error[:, 2]).max()) for error in errors) > _LEAST * largest:
        groups.append(_signed([along], "z component\n- ideal in mT", [""], "PuOr_r"))
    top = max(float(panel[0].max()) for panel in across if panel is not None)
    if top > _LEAST * largest:
        groups.append(Group([across], [""], "deviation in the\nplane in mT", (0.0, top), "viridis"))
    return groups


def _drive_and_coils(scanner: Any, grid: Grid) -> tuple[list[Group], list[str]]:
    """Return deviations of the drive field from A along z and of coils from their centre, in %, or words if ideal."""
    points, angle = grid.centers(), scanner.sequence.angles[0]
    drive = scanner.drive_fields(points, angle)[0]
    amplitude = getattr(scanner, "drive_amplitude", None) or float(np.linalg.norm(drive, axis=-1).max())
    deviation = 100 * (drive / amplitude - [0.0, 0.0, 1.0])
    groups, words = [], []
    if np.abs(deviation).max() > 100 * _LEAST:
        groups = [_signed([_components(grid, deviation)], "drive - ideal\nin % of A", [""], "PuOr_r")]
    else:
        words = ["homogeneous drive field along z"]
    table, notes, centres = [], [], []
    middle = scanner.receive_sensitivities(np.array([grid.center]), angle)[:, 0]
    for values, centre in zip(scanner.receive_sensitivities(points, angle), middle, strict=True):
        unit = float(np.linalg.norm(centre)) or float(np.abs(values).max()) or 1.0
        table.append(_components(grid, 100 * (values - centre) / unit))
        notes.append([f"centre {component:.3g} 1/m" for component in centre])
        centres.append(f"({', '.join(f'{component:.3g}' for component in centre)}) 1/m")
    if max(float(np.abs(panel[0]).max()) for line in table for panel in line if panel is not None) > 100 * _LEAST:
        lines = [""] if len(table) == 1 else [f"coil {i + 1}" for i in range(len(table))]
        groups.append(_signed(table, "coil - its centre in %\nof the sensitivity there", lines, "PuOr_r", notes))
    else:
        words.append(f"homogeneous coil{'s' * (len(centres) > 1)} of {' and '.join(centres)}")
    return groups, words


def _components(grid: Grid, vectors: np.ndarray) -> list[Panel | None]:
    return [_image(grid, vectors[:, i]) for i in range(3)]


def _heading(setup: Setup) -> str:
    """Return class, gradient, drive and tracer in words."""
    scanner, particle = setup.scanner, setup.particle
    words = [type(scanner).__name__]
    for name, factor, unit in (("sf_gradient", 1.0, "T/m"), ("drive_amplitude", 1e3, "mT")):
        value = getattr(scanner, name, None)
        words += [f"{factor * value:.3g} {unit}"] if value is not None else []
    words.append(f"{len(scanner.sequence.angles)} angles")
    diameter = getattr(particle, "diameter", None)
    words.append(f"{type(particle).__name__}" + (f" of {1e9 * diameter:.3g} nm" if diameter else ""))
    time = getattr(particle, "relaxation_time", None)
    return ", ".join([*words, *([f"relaxation in {1e6 * time:.3g} µs"] if time else [])])


def _calibration(sample: Sample) -> list[str]:
    """Return the errors of the calibration's positions in words."""
    words = []
    if any(sample.offset):
        words.append(f"calibration off by ({', '.join(f'{1e3 * part:.3g}' for part in sample.offset)}) mm")
    if sample.rotation:
        words.append(f"turned by {np.degrees(sample.rotation):.3g}°")
    if sample.jitter:
        words.append(f"jitter of {1e3 * sample.jitter:.3g} mm")
    return words
