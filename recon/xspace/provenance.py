r"""The scan of a measurement with a field-free line, from the scanner, particle and sample that its file states.

The line is taken where the selection field along z vanishes near the centre of the field of view at each angle: with
its value :math:`B_z` and gradient there, the normal is along the gradient, and the line rests at :math:`-B_z/G`. The
drive amplitude and the sensitivities of the coils are those at the centre, too. Where fields or coils are not those of
an ideal line all over the field of view, a `DataWarning` says by how much.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
import xarray as xr

from mpisim.constants import MU_0
from mpisim.data.grid import Grid
from mpisim.data.units import conversion, unit_of
from mpisim.errors import InputError, require, warn
from mpisim.particles.protocol import Magnetisation, Sizes, relaxing_sizes_of, response_of, sizes_of
from mpisim.preprocess.step import stated
from mpisim.scanner.protocol import Scanner
from mpisim.scanner.receive_chain import chain_of
from mpisim.scanner.sequences import Tone
from mpisim.simulation.provenance import from_mapping, particle_from_mapping, scanner_from_mapping
from mpisim.simulation.sample import Sample
from recon.xspace.scan import LineScan

__all__ = ["line_scan"]

T = TypeVar("T")
_STEP = 1e-4  # m, of the gradient at the centre
_IDEAL = 0.02  # of the drive amplitude or the sensitivity: a larger difference from an ideal line is reported
_PRESUMES = "the methods xspace and fbp presume an ideal line"


class _Line(NamedTuple):
    """What the scanner has at the centre of the field of view."""

    angles: np.ndarray
    offsets: np.ndarray
    gradient: float
    amplitude: float
    sensitivities: np.ndarray  # (angle, coil)


def line_scan(source: xr.Dataset, y: xr.Dataset, grid: Grid, sigma: xr.DataArray | None = None) -> LineScan:
    """Return the scan of a measurement, with one row for each angle, receive channel and frequency.

    Parameters
    ----------
    source
        The dataset whose attributes state scanner, particle, sample and grid: a matrix, or the measurement itself.
    y
        The measurement, whose rows and unit are meant.
    grid
        Voxels of the image.
    sigma
        Noise standard deviation of the rows by which they are divided, over some of their dimensions, or None.

    Returns
    -------
    LineScan
        Geometry and calibration; the gains are those of divided rows.

    Raises
    ------
    InputError
        If scanner, particle or sample are not stated, the scanner has no line or several tones, the field of view more
        than one plane, or frequencies are no harmonics of the drive.
    """
    planes = grid.shape[2] if len(grid.shape) == 3 else 1
    require(planes == 1, "grid", f"one plane, since {_PRESUMES}", f"{planes} planes")
    scanner = _described(source, "scanner", scanner_from_mapping)
    particle = _described(source, "particle", particle_from_mapping)
    sample = _described(source, "sample", lambda values: from_mapping(Sample, values, "sample"))
    known = _described(source, "grid", lambda values: from_mapping(Grid, values, "grid"))
    angles, places = _angles(scanner, y)
    harmonics = _harmonics(scanner, y)
    line = _line_at_centre(scanner, angles, grid)
    _warn_of_fields(scanner, angles, line, grid)
    sizes = _sizes(particle)
    density = sample.particles(known) / (known.voxel[0] * known.voxel[1])
    scale = MU_0 * sizes.moment * density * 2 * math.pi * _frequency(scanner) * line.amplitude / line.gradient
    gains = -scale * line.sensitivities[:, :, None] * 1j ** (harmonics - 1.0)
    gains = gains * _receive_gains(_as_divided(scanner, y), places, harmonics) * _filter(particle, scanner, harmonics)
    gains = gains * _volts_in(unit_of(y)) / _divisor(y, sigma, gains.shape)
    row = np.indices(gains.shape)
    return LineScan(
        line.angles,
        line.offsets,
        line.amplitude / line.gradient,
        row[0].ravel(),
        harmonics[row[2].ravel()],
        gains.ravel(),
        sizes.betas * line.gradient,
        sizes.shares,
    )


def _described(source: xr.Dataset, name: str, build: Callable[[object], T]) -> T:
    """Build the scanner, particle, sample or grid that the attributes of a dataset describe."""
    values = source.attrs.get(name)
    must = "stated in the attributes of the file for the methods xspace and fbp, which compute with it"
    require(isinstance(values, dict), name, must, repr(values))
    return build(values)


def _frequency(scanner: Scanner) -> float:
    return scanner.sequence.base_frequency


def _angles(scanner: Scanner, y: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the scanner's angles that were measured, and their places in its sequence."""
    tones = tuple(scanner.sequence.tones)
    require(tones == (Tone(1),), "scanner", f"one with a single sine tone, since {_PRESUMES}", f"the tones {tones}")
    all_angles = np.array(scanner.sequence.angles)
    stated = "angle" in y.coords or y.sizes.get("angle", 1) == all_angles.size
    require(stated, "y", "one that states its angles where they are not all angles of its scanner", "no angles")
    measured = np.atleast_1d(y["angle"].values if "angle" in y.coords else all_angles)
    places = np.abs(all_angles - measured[:, None]).argmin(axis=1)
    foreign = np.abs(all_angles[places] - measured) > 1e-6
    require(not foreign.any(), "angles of y", "those of its scanner", f"{foreign.sum()} others")
    return all_angles[places], places


def _harmonics(scanner: Scanner, y: xr.Dataset) -> np.ndarray:
    """Return the harmonic of each frequency of a measurement."""
    ratio = np.atleast_1d(y["frequency"].values) / _frequency(scanner)
    harmonics = np.rint(ratio).astype(int)
    whole = np.abs(ratio - harmonics) < 1e-3
    require(bool(whole.all()), "frequencies of y", f"harmonics of the drive, since {_PRESUMES}", f"{ratio[~whole][:1]}")
    return harmonics


def _line_at_centre(scanner: Scanner, angles: np.ndarray, grid: Grid) -> _Line:
    """Return the line near the centre of the field of view."""
    x, y, z = grid.center
    points = np.array([[x, y, z], [x + _STEP, y, z], [x - _STEP, y, z], [x, y + _STEP, z], [x, y - _STEP, z]])
    fields = np.array([scanner.selection_field(points, angle)[:, 2] for angle in angles])
    slopes = np.stack([fields[:, 1] - fields[:, 2], fields[:, 3] - fields[:, 4]], axis=1) / (2 * _STEP)
    gradients = np.linalg.norm(slopes, axis=1)
    drives = np.array([scanner.drive_fields(points[:1], angle)[0, 0] for angle in angles])
    coils = np.array([scanner.receive_sensitivities(points[:1], angle)[:, 0, 2] for angle in angles])
    upright = np.abs(drives[:, 2]) > 0.9 * np.linalg.norm(drives, axis=1)
    must = f"one whose drive field, along z, moves a field-free line, since {_PRESUMES}"
    require(bool((gradients > 0).all() and upright.all()), "scanner", must, type(scanner).__name__)
    normals = slopes * np.sign(drives[:, 2:]) / gradients[:, None]
    offsets = normals @ np.array([x, y]) - np.sign(drives[:, 2]) * fields[:, 0] / gradients
    turned = np.arctan2(normals[:, 1], normals[:, 0])
    return _Line(
        turned, offsets, float(gradients.mean()), float(np.abs(drives[:, 2]).mean()), coils * np.sign(drives[:, 2:])
    )


def _warn_of_fields(scanner: Scanner, angles: np.ndarray, line: _Line, grid: Grid) -> None:
    """Warn of fields and coils that are not those of the ideal line where the tracer may be."""
    (x, y, z), radius = grid.center, 0.4 * min(grid.fov[:2])
    around = 2 * np.pi * np.arange(8) / 8
    points = np.stack([x + radius * np.cos(around), y + radius * np.sin(around), np.full(8, z)], axis=-1)
    farthest = {"field": 0.0, "sensitivity": 0.0}
    for angle, turned, offset, coils in zip(angles, line.angles, line.offsets, line.sensitivities, strict=True):
        u = points[:, 0] * np.cos(turned) + points[:, 1] * np.sin(turned) - offset
        selection, drive = scanner.selection_field(points, angle), scanner.drive_fields(points, angle)[0]
        up = np.sign(drive[0, 2]) * np.array([0.0, 0.0, 1.0])
        wrong = max(_size(selection - line.gradient * u[:, None] * up), _size(drive - line.amplitude * up))
        farthest["field"] = max(farthest["field"], wrong / line.amplitude)
        seen = scanner.receive_sensitivities(points, angle)[..., 2] * np.sign(drive[0, 2])
        strongest = float(np.abs(coils).max())
        require(strongest > 0, "receive coils of the scanner", f"sensitive along z, since {_PRESUMES}", "none")
        farthest["sensitivity"] = max(farthest["sensitivity"], float(np.abs(seen - coils[:, None]).max()) / strongest)
    found = [f"its {name} differs by up to {100 * part:.2g} %" for name, part in farthest.items() if part > _IDEAL]
    if found:
        warn(f"The scanner is no ideal field-free line: {' and '.join(found)}. Images of xspace and fbp are distorted.")


def _size(fields: np.ndarray) -> float:
    return float(np.linalg.norm(fields, axis=-1).max())


def _sizes(particle: Magnetisation) -> Sizes:
    """Return the sizes of the particles in equilibrium."""
    sizes = sizes_of(particle)
    if sizes is not None:
        return sizes
    sizes = relaxing_sizes_of(particle)
    if sizes is None:
        must = "particles with a Langevin equilibrium for the methods xspace and fbp"
        raise InputError(f"Input particle must be {must}; instead received {type(particle).__name__}.")
    warn("The particles follow the field with a delay, which xspace and fbp ignore: images are blurred along the scan.")
    return sizes


def _as_divided(scanner: Scanner, y: xr.Dataset) -> Scanner:
    """Return the scanner without the transfer function of its receive chain where the data were divided by it."""
    if stated(y).get("transfer_function") != "divided out" or chain_of(scanner) is None:
        return scanner
    return cast(Scanner, replace(cast(Any, scanner), receive=None))


def _receive_gains(scanner: Scanner, places: np.ndarray, harmonics: np.ndarray) -> np.ndarray:
    """Return the gains that the scanner states, shape (angle, coil, frequency), or 1."""
    if not hasattr(scanner, "receive_gains"):
        return np.ones((1, 1, 1))
    recorded = list(scanner.sequence.harmonics)
    foreign = sorted(set(harmonics.tolist()) - set(recorded))
    require(not foreign, "harmonics of y", "those that its scanner records", foreign)
    gains = np.asarray(scanner.receive_gains())
    return gains[places][:, :, [recorded.index(k) for k in harmonics]]


def _filter(particle: Magnetisation, scanner: Scanner, harmonics: np.ndarray) -> np.ndarray:
    """Return the gain of the particles' response at each harmonic, shape (frequency,)."""
    gains = response_of(particle, _frequency(scanner) * harmonics.astype(float)) if sizes_of(particle) else None
    return np.ones(harmonics.size) if gains is None else gains


def _volts_in(unit: str) -> float:
    """Return one volt in a unit."""
    if unit == "1":
        warn("The unit of the measurement is not known; its values are taken to be in V.")
        return 1.0
    factor = conversion("V", unit)
    must = "a multiple of V for the methods xspace and fbp"
    require(factor is not None, "unit of y", must, unit)
    return 1.0 if factor is None else factor


def _divisor(y: xr.Dataset, sigma: xr.DataArray | None, shape: tuple[int, ...]) -> np.ndarray | float:
    """Return the noise by which rows are divided, shape (angle, coil, frequency)."""
    if sigma is None:
        return 1.0
    data = y["measurement"]
    rows = data.isel(frame=0, drop=True) if "frame" in data.dims else data
    return np.broadcast_to(sigma.broadcast_like(rows).transpose(*rows.dims).values, rows.shape).reshape(shape)
