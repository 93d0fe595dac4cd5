r"""A picture of a system matrix: its spectrum with the noise, and some of its rows, with their errors where known.

The error of each row is known against a reference, and in the mean where the matrix states its standard deviation. Both
are drawn as magnitudes of complex numbers, |error| and :math:`\sqrt2\,s`, on one logarithmic scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.schema import POSITION, STD, expect
from mpisim.data.units import in_unit_of
from mpisim.data.views import as_images, require_same_rows
from mpisim.errors import one_of, require
from mpisim.plot.panels import DPI, Group, Panel, draw_groups, edges, size_of
from mpisim.plot.rows import PARTS, chosen_rows, part_of
from mpisim.plot.spectrum import Spectrum, plot_spectrum, spectrum_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_matrix"]

_ACROSS, _WIDEST = 4, 8  # rows side by side: of a list, and at most where a line holds the harmonics of an angle
_MOST = 40  # rows of one figure
_ERRORS = (1e-4, 1.0)  # logarithmic scale of errors and deviations, of the peak of the row


def draw_matrix(
    data: xr.Dataset,
    angles: Sequence[float] | None = None,
    harmonics: Sequence[int] | None = None,
    rows: Sequence[int] | None = None,
    part: str = "stronger",
    channel: int | None = None,
    reference: xr.Dataset | None = None,
) -> Figure:
    """Draw the spectrum of a fine or coarse system matrix, and some of its rows.

    Below the rows are their errors, where a reference is given, and the deviations that the matrix states of them
    (`system_matrix_std`), where it does: both over the peak of the row, on one scale.

    Parameters
    ----------
    data
        A system matrix.
    angles, harmonics, rows
        Which rows, see `mpisim.plot.chosen_rows`: angles in rad, harmonics, or numbers of rows. At most 40 are drawn.
    part
        What of a row is drawn: `real`, `imag`, `magnitude`, or `stronger` (the default), the real or the imaginary
        part, whichever has more energy.
    channel
        Number of the receive channel whose rows are drawn, from 0, where there are several. The spectrum shows all.
    reference
        The matrix that this one should be, of the same rows and voxels, in any multiple of its unit.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, without pyplot; `mpisim.plot.save_figure` writes it.

    Raises
    ------
    InputError
        If the dataset is no system matrix, or has no such rows or channel, or the reference has other rows or voxels.
    """
    from matplotlib.figure import Figure

    expect(data, "system_matrix", "data")
    require(POSITION not in data.dims, "data", "on a grid of voxels; recover it first", "values at positions")
    one_of("part", part, PARTS)
    chosen = chosen_rows(data, angles, harmonics, rows, channel)
    across = _across(len(chosen), 1 if rows is not None or angles is None else len(chosen) // len(set(angles)))
    shown = chosen[:_MOST]
    groups = [_rows(data, shown, part, across), *_errors(data, reference, [index for _, index in shown], across)]
    width, height = size_of(groups, [""] * across)
    figure = Figure(figsize=(max(width, 7.0), height + 2.6), dpi=DPI, layout="constrained")
    more = f"; the first {_MOST} of {len(chosen)} chosen rows" if len(chosen) > _MOST else ""
    figure.suptitle(_heading(data) + more, fontsize=10)
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=(2.6, height))[:, 0]
    spectrum = spectrum_of(data)
    ax = top.subplots()
    plot_spectrum(ax, spectrum, "signal, RMS over voxels" + (" and angles" if "angle" in data.dims else ""))
    ax.set_title(_level(data, spectrum), fontsize=8)
    draw_groups(bottom, groups, [""] * across)
    return figure


def _across(rows: int, harmonics: int) -> int:
    """Return how many rows stand side by side: those of one angle, or up to four."""
    return harmonics if 2 <= harmonics <= _WIDEST and rows % harmonics == 0 else min(_ACROSS, rows)


def _rows(data: xr.Dataset, chosen: Sequence[tuple[str, int]], part: str, across: int) -> Group:
    """Return panels of rows, each divided by its peak, in lines of so many."""
    units = data["system_matrix"].attrs.get("units", "1")
    cells: list[Panel | None] = []
    notes: list[str] = []
    for title, index in chosen:
        row = as_images(data)[index]
        values, name = part_of(row, part)
        peak = float(np.abs(values).max())
        cells.append((values / (peak or 1.0), edges(data)))
        notes.append(f"{title}\n{name}, peak {_with_unit(peak, units)}")
    limits, cmap = ((0.0, 1.0), "viridis") if part == "magnitude" else ((-1.0, 1.0), "RdBu_r")
    return _group(cells, notes, "row / its peak", limits, cmap, across)


def _group(
    cells: list[Panel | None],
    notes: list[str],
    label: str,
    limits: tuple[float, float],
    cmap: str,
    across: int,
    log: bool = False,
) -> Group:
    """Return panels in lines of so many."""
    cells = cells + [None] * (-len(cells) % across)
    notes = notes + [""] * (len(cells) - len(notes))
    starts = range(0, len(cells), across)
    table = [cells[i : i + across] for i in starts]
    return Group(table, [""] * len(starts), label, limits, cmap, [notes[i : i + across] for i in starts], log)


def _errors(data: xr.Dataset, reference: xr.Dataset | None, rows: Sequence[int], across: int) -> list[Group]:
    """Return the errors of rows against a reference and the deviations that the matrix states, where known."""
    values = as_images(data)
    drawn: list[tuple[str, np.ndarray]] = []
    if reference is not None:
        drawn.append(("|error| / peak", np.abs(values[rows] - _checked(reference, data)[rows].astype(complex))))
    if STD in data:
        drawn.append(("stated √2 s / peak", np.sqrt(2) * data[STD].values.reshape(values.shape)[rows].astype(float)))
    groups = []
    for label, magnitudes in drawn:
        cells: list[Panel | None] = []
        notes: list[str] = []
        for row, magnitude in zip(values[rows].astype(complex), magnitudes, strict=True):
            peak, norm = float(np.abs(row).max()) or 1.0, float(np.linalg.norm(row))
            cells.append((magnitude / peak, edges(data)))
            notes.append(f"RMS {100 * float(np.linalg.norm(magnitude)) / norm:.2g} %" if norm > 0 else "")
        groups.append(_group(cells, notes, label, _ERRORS, "viridis", across, log=True))
    return groups


def _checked(reference: xr.Dataset, data: xr.Dataset) -> np.ndarray:
    """Return the rows of a reference in the unit of the data, or raise `InputError` if it has others."""
    expect(reference, "system_matrix", "reference")
    wanted, received = (tuple(m["system_matrix"].shape) for m in (data, reference))
    require(received == wanted, "reference", f"of the shape {wanted} of the matrix", received)
    require_same_rows(reference, data, "reference")
    for axis, edge in zip("xyz", Grid.of(data).voxel, strict=False):
        off = float(np.max(np.abs(reference[axis].values - data[axis].values)))
        must = f"at the matrix' voxel centres along {axis}"
        require(off < 1e-3 * edge, "reference", must, f"centres up to {off:.3g} m off")
    return as_images(in_unit_of(reference, data, "reference", "the matrix"))


_PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))


def _with_unit(value: float, units: str) -> str:
    """Return an amplitude in words: volts with a prefix, other units as they are."""
    if units != "V" or value <= 0:
        return f"{value:.3g}" if units == "1" else f"{value:.3g} {units}"
    scale, prefix = next(((s, p) for s, p in _PREFIXES if value >= s), (1.0, ""))
    return f"{value / scale:.3g} {prefix}V"


def _heading(data: xr.Dataset) -> str:
    """Return what a matrix is: stage and origin, grid, scanner and tracer."""
    words = [
        f"{data.attrs['stage']} {data.attrs['origin']} system matrix, {data.sizes['x']} x {data.sizes['y']} voxels"
    ]
    if data.attrs["stage"] == "coarse":
        sampling = data.attrs["sampling"]
        words.append(f"{sampling['scheme']} sampling {sampling['factor']}x")
    recovery = data.attrs.get("recovery")
    if isinstance(recovery, dict) and "method" in recovery:
        words.append(f"by {recovery['method']}")
    if "sf_gradient" in data.coords and data["sf_gradient"].size == 1:
        words.append(f"{float(data['sf_gradient']):.3g} T/m")
    if "particle_diameter" in data.coords and data["particle_diameter"].size == 1:
        words.append(f"{1e9 * float(data['particle_diameter']):.3g} nm")
    return ", ".join(words)


def _level(data: xr.Dataset, spectrum: Spectrum) -> str:
    """Return the noise of a matrix in words."""
    if spectrum.noise is None:
        return "the file does not state its noise"
    if not np.any(spectrum.noise > 0):
        return "exact values, no noise"
    snr = spectrum.snr
    total = 20 * np.log10(np.sqrt(np.mean(spectrum.rms**2)) / np.sqrt(np.mean(spectrum.noise**2)))
    spread = "" if snr is None else f"; by {spectrum.label.split()[0]} {snr.min():.1f} to {snr.max():.1f} dB"
    return f"RMS over noise of the whole matrix {total:.1f} dB{spread}"
