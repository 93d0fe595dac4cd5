"""Pictures of rows of system matrices: which rows, under which titles, and rows of several matrices side by side.

Rows of an ideal scanner are real for odd and imaginary for even harmonics. A part that holds less than a thousandth of
the energy of its row is empty by this symmetry and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from mpisim.data.metrics import nrmse
from mpisim.data.schema import STD
from mpisim.data.units import in_unit_of
from mpisim.data.views import as_images, row_dims
from mpisim.errors import InputError, numbers_of, require, whole
from mpisim.plot.panels import Group, Panel, edges, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PARTS", "chosen_rows", "part_of", "row_panels", "row_titles"]

HARMONICS = (2, 3, 5, 8)
ANGLE = np.pi / 4
PARTS = ("stronger", "real", "imag", "magnitude")
"""What of a complex row is drawn; `stronger` is the real or the imaginary part, whichever has more energy."""
_EMPTY = 1e-3  # of the energy of a row, below which a part is empty by symmetry
_FLOOR = 1e-4  # of the logarithmic scale of errors


def part_of(row: np.ndarray, part: str = "stronger") -> tuple[np.ndarray, str]:
    """Return a part of a complex row (y, x), one of `PARTS`, and its name: real, imag or magnitude."""
    row = row.astype(complex)  # squares of small voltages underflow in single precision
    if part == "stronger":
        part = "real" if np.linalg.norm(row.real) >= np.linalg.norm(row.imag) else "imag"
    return {"real": row.real, "imag": row.imag, "magnitude": np.abs(row)}[part], part


def row_titles(data: xr.Dataset, indices: Sequence[int]) -> list[str]:
    """Return what the coordinates of a system matrix say of some of its rows: harmonic, angle, channel, slice."""
    dims = row_dims(data)
    shape = tuple(data.sizes[d] for d in dims)
    titles = []
    for index in indices:
        places = dict(zip(dims, np.unravel_index(index, shape), strict=True))
        words = [_words(data, d, int(places[d])) for d in sorted(places, key=_ORDER.index)]
        titles.append(", ".join(w for w in words if w) or f"row {index}")
    return titles


_ORDER = ("frequency", "angle", "receive", "z")


def _words(data: xr.Dataset, dim: str, place: int) -> str:
    if dim == "frequency" and "harmonic" in data.coords:
        return f"harmonic {int(data['harmonic'].values[place])}"
    if dim == "frequency" and "frequency" in data.coords:
        return f"{1e-3 * float(data['frequency'].values[place]):.4g} kHz"
    if dim == "angle" and "angle" in data.coords:
        return f"{np.degrees(float(data['angle'].values[place])):.4g}°"
    if dim == "z":
        return f"z = {1e3 * float(data['z'].values[place]):.3g} mm" if data.sizes["z"] > 1 else ""
    word = {"receive": "channel", "frequency": "row"}.get(dim, dim)
    return f"{word} {place}" if data.sizes[dim] > 1 else ""


def chosen_rows(
    data: xr.Dataset,
    angles: Sequence[float] | None = None,
    harmonics: Sequence[int] | None = None,
    rows: Sequence[int] | None = None,
    channel: int | None = None,
) -> list[tuple[str, int]]:
    """Return titles and numbers of rows of a system matrix.

    Parameters
    ----------
    data
        A system matrix.
    angles
        Angles in rad, of which the nearest that were measured are taken; by default the one nearest to 45 degrees.
    harmonics
        Harmonics; by default those of 2, 3, 5 and 8 that there are, or else the four strongest rows.
    rows
        Numbers of the rows in the order of `as_images`, from 0, in place of angles, harmonics and channel.
    channel
        Number of the receive channel, from 0, where there are several; by default 0.

    Raises
    ------
    InputError
        If there is no such harmonic, angle, channel or row, or no coordinate by which rows are chosen.
    """
    count = len(as_images(data))
    if rows is not None:
        alone = angles is None and harmonics is None and channel is None
        require(alone, "rows", "given without angles, harmonics and channel", "both")
        for row in rows:
            require(whole("rows", row, least=0) < count, "rows", f"numbers from 0 to {count - 1}", row)
        return list(zip(row_titles(data, rows), rows, strict=True))
    known = {"angle": "angle" in data.coords, "frequency": "harmonic" in data.coords}
    for name, given, dim in (("angles", angles, "angle"), ("harmonics", harmonics, "frequency")):
        require(given is None or known[dim], name, "left out for a matrix without this coordinate", given)
    coils = data["system_matrix"].sizes.get("receive", 1)
    coil = whole("channel", 0 if channel is None else channel, least=0)
    require(coil < coils, "channel", f"a number from 0 to {coils - 1}", channel)
    if not any(known.values()) and channel is None:
        energies = np.linalg.norm(as_images(data), axis=(-2, -1))
        strongest = sorted(np.argsort(-energies, kind="stable")[:4].tolist())
        return list(zip(row_titles(data, strongest), strongest, strict=True))
    return _by_coordinates(data, angles, harmonics, coil)


def _by_coordinates(
    data: xr.Dataset, angles: Sequence[float] | None, harmonics: Sequence[int] | None, coil: int
) -> list[tuple[str, int]]:
    at = {"angle": _angle_places(data, angles), "frequency": _harmonic_places(data, harmonics), "receive": [coil]}
    dims = row_dims(data)
    shape = tuple(data.sizes[d] for d in dims)
    wanted = [at.get(d, [shape[i] // 2 if d == "z" else 0]) for i, d in enumerate(dims)]
    places = np.stack(np.meshgrid(*wanted, indexing="ij"), axis=-1).reshape(-1, len(dims))
    indices = [int(np.ravel_multi_index(tuple(place), shape)) for place in places]
    return list(zip(row_titles(data, indices), indices, strict=True))


def _angle_places(data: xr.Dataset, angles: Sequence[float] | None) -> list[int]:
    if "angle" not in data.coords:
        return [0]
    known = np.atleast_1d(data["angle"].values)
    step = float(np.ptp(known)) / max(known.size - 1, 1)
    places = []
    for angle in numbers_of("angles", (ANGLE,) if angles is None else tuple(angles)):
        nearest = int(np.argmin(np.abs(known - angle)))
        if angles is not None:
            span = " to ".join(f"{np.degrees(v):.4g}" for v in (known.min(), known.max()))
            good = abs(float(known[nearest]) - angle) <= max(step, 1e-3)
            require(good, "angles", f"among those of the matrix, {span} degrees", f"{np.degrees(angle):.4g} degrees")
        places.append(nearest)
    return list(dict.fromkeys(places))


def _harmonic_places(data: xr.Dataset, harmonics: Sequence[int] | None) -> list[int]:
    if "harmonic" not in data.coords:
        return list(range(min(4, data.sizes.get("frequency", 1))))
    known = [int(h) for h in np.atleast_1d(data["harmonic"].values)]
    listed = ", ".join(map(str, known)) if len(known) <= 20 else f"{known[0]} to {known[-1]}"
    for harmonic in harmonics or ():
        require(harmonic in known, "harmonics", f"among those of the matrix, {listed}", harmonic)
    chosen = harmonics or [h for h in HARMONICS if h in known] or known[:4]
    return [known.index(int(h)) for h in chosen]


def row_panels(
    matrices: Sequence[tuple[str, xr.Dataset]],
    reference: xr.Dataset,
    chosen: Sequence[tuple[str, int]],
    errors: bool = False,
) -> Figure:
    """Draw rows of several system matrices, each divided by the peak of the reference row.

    Parameters
    ----------
    matrices
        Titles and matrices, on any grids; with `errors`, on the reference's. Units are converted to the reference's.
    reference
        The matrix whose rows set the scale, and whose empty parts are left out.
    chosen
        Titles and row numbers.
    errors
        Draw the magnitude of the difference from the reference instead, on one logarithmic scale from 1e-4 to 1 of the
        peak of the reference row; the nRMSE of the row stands below it. Beside a matrix that states its standard
        deviation s is, on the same scale, the error that this lets expect, sqrt(2) s.

    Raises
    ------
    InputError
        If there is no matrix, no row is chosen, or units cannot be converted.
    """
    if not matrices or not chosen:
        raise InputError("Input matrices must be one or more with at least one row; instead received none.")
    matrices = [(title, in_unit_of(matrix, reference, title)) for title, matrix in matrices]
    group = _error_group(matrices, reference, chosen) if errors else _row_group(matrices, reference, chosen)
    return panels([group], _columns(matrices) if errors else [title for title, _ in matrices])


def _columns(matrices: Sequence[tuple[str, xr.Dataset]]) -> list[str]:
    """Return the titles of the columns of errors: a matrix that states its deviation has two."""
    titles = ((title, f"stated by\n{title}") if STD in matrix else (title,) for title, matrix in matrices)
    return [text for pair in titles for text in pair]


def _row_group(
    matrices: Sequence[tuple[str, xr.Dataset]], reference: xr.Dataset, chosen: Sequence[tuple[str, int]]
) -> Group:
    table: list[list[Panel | None]] = []
    lines = []
    for title, index in chosen:
        wanted = as_images(reference)[index]
        peak = float(np.abs(wanted).max()) or 1.0
        for part in _filled(wanted):
            images = [(m, as_images(m)[index]) for _, m in matrices]
            table.append([(part_of(row, part)[0] / peak, edges(m)) for m, row in images])
            lines.append(f"{_broken(title)}, {part}")
    return Group(table, lines, "row / peak of the reference row", (-1.0, 1.0), "RdBu_r")


def _filled(row: np.ndarray) -> list[str]:
    """Return the parts of a row that are not empty by symmetry: real, imag, or both."""
    row = row.astype(complex)
    whole_energy = float(np.linalg.norm(row)) ** 2
    energies = {"real": float(np.linalg.norm(row.real)) ** 2, "imag": float(np.linalg.norm(row.imag)) ** 2}
    return [part for part, energy in energies.items() if energy > _EMPTY * whole_energy] or ["real"]


def _error_group(
    matrices: Sequence[tuple[str, xr.Dataset]], reference: xr.Dataset, chosen: Sequence[tuple[str, int]]
) -> Group:
    table: list[list[Panel | None]] = []
    notes: list[list[str]] = []
    for _, index in chosen:
        wanted = as_images(reference)[index]
        peak = float(np.abs(wanted).max()) or 1.0
        norm = float(np.linalg.norm(wanted.astype(complex)))
        line: list[Panel | None] = []
        shares: list[float] = []
        for _, m in matrices:
            line.append((np.abs(as_images(m)[index] - wanted) / peak, edges(m)))
            shares.append(nrmse(as_images(m)[index], wanted) if norm > 0 else np.nan)
            if STD in m:
                stated = np.sqrt(2) * m[STD].values.reshape(-1, *wanted.shape)[index].astype(float)
                line.append((stated / peak, edges(m)))
                shares.append(float(np.linalg.norm(stated)) / norm if norm > 0 else np.nan)
        table.append(line)
        notes.append([f"{100 * share:.2g} %" if np.isfinite(share) else "" for share in shares])
    label = "|error| / peak of the reference row"
    return Group(table, [_broken(title) for title, _ in chosen], label, (_FLOOR, 1.0), "viridis", notes, log=True)


def _broken(title: str) -> str:
    return title.replace(", ", "\n", 1)
