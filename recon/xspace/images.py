r"""The methods `xspace` and `fbp`: images of a field-free line without a system matrix.

Both take projections from the harmonics of each angle (`recon.xspace.projections`), and filtered back-projection
(`recon.xspace.backprojection`). `xspace` shows the tracer as the line sees it: blurred by the response of its
particles, whose width across the line is :math:`4.16\,k_B T/(m G)`, or wider where too few harmonics are recorded.
`fbp` removes the response first. Both are linear in the data for a given lambda; where images must not be negative,
negative values are set to zero.

What is presumed: an ideal line at known angles, one drive tone, homogeneous coils with known gains, particles in
equilibrium of known sizes, and no tracer where the line turns. The calibration comes from the attributes `scanner`,
`particle`, `sample` and `grid` of the file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.errors import InputError, one_of, positive, require, warn
from recon.solvers.solver import Solution
from recon.xspace.backprojection import back_projection, largest_gap, ramp_filtered
from recon.xspace.options import WINDOWS, FbpOptions, XspaceOptions
from recon.xspace.projections import chords, deconvolved, restored, x_space
from recon.xspace.provenance import line_scan
from recon.xspace.scan import LineScan, coefficients

__all__ = ["fbp", "xspace"]

_NODES = 4  # for each voxel along its shorter edge
_OUT_OF_PHASE = 0.1  # of the signal, which is reported
_WIDE_GAP = math.radians(15)  # between angles, which is reported if it is also three times the mean
_SHORT = 0.9  # of half the field of view: a shorter path of the line is reported


@dataclass(frozen=True, eq=False)
class _Nodes:
    """Nodes of the projections, from the line's resting place, and W at each (`recon.xspace.projections`)."""

    step: float
    places: np.ndarray
    prior: np.ndarray


def xspace(
    matrix: xr.Dataset | None,
    y: xr.Dataset,
    options: XspaceOptions,
    sigma: xr.DataArray | None = None,
    kept: np.ndarray | None = None,
    non_negative: bool = True,
) -> Solution:
    """Return images as the line sees them.

    Parameters
    ----------
    matrix
        A system matrix, of which only the voxels and the attributes are used; None takes those of `y`.
    y
        A measurement, with frames or without.
    options
        Options of the method.
    sigma
        Noise standard deviation of the rows, over some of their dimensions, or None where it is not known.
    kept
        True for the rows to use, shape (M,), or None for all.
    non_negative
        Set negative values to zero.

    Returns
    -------
    Solution
        Images, shape (N, image).

    Raises
    ------
    InputError
        If the file does not state what the method computes with; see `recon.xspace.provenance.line_scan`.
    """
    one_of("window", options.window, WINDOWS)
    grid, scan, data = _scan(matrix, y, sigma, kept)
    nodes = _nodes(scan, grid)
    known = restored(scan, coefficients(scan, data)[0], nodes.step, nodes.places, nodes.prior)
    projections = x_space(scan, known, nodes.places)
    return Solution(_images(projections, scan, nodes, grid, options.window, non_negative))


def fbp(
    matrix: xr.Dataset | None,
    y: xr.Dataset,
    options: FbpOptions,
    sigma: xr.DataArray | None = None,
    kept: np.ndarray | None = None,
    non_negative: bool = True,
) -> Solution:
    """Return images of the tracer, without the response of its particles; arguments and errors are those of `xspace`.

    The figure `regularisation` of the solution holds lambda.
    """
    one_of("window", options.window, WINDOWS)
    value = options.regularisation
    level = None if value == "auto" else _level(value)
    grid, scan, data = _scan(matrix, y, sigma, kept)
    nodes = _nodes(scan, grid)
    known = restored(scan, coefficients(scan, data)[0], nodes.step, nodes.places, nodes.prior)
    projections, used = deconvolved(scan, known, nodes.step, nodes.places, nodes.prior, level)
    images = _images(projections, scan, nodes, grid, options.window, non_negative)
    return Solution(images, {"regularisation": used})


def _level(value: object) -> float:
    """Return lambda where it is a number; raise `InputError` for anything else."""
    try:
        return positive("regularisation", value)
    except InputError:
        must = "a positive number or auto for the method fbp"
        raise InputError(f"Input regularisation must be {must}; instead received {value!r}.") from None


def _scan(
    matrix: xr.Dataset | None, y: xr.Dataset, sigma: xr.DataArray | None, kept: np.ndarray | None
) -> tuple[Grid, LineScan, np.ndarray]:
    """Return the voxels, the scan and the data (M, image) of the rows that are kept."""
    source = y if matrix is None else matrix
    grid = Grid.of(source)
    scan = line_scan(source, y, grid, sigma)
    values = y["measurement"].values.reshape(-1, scan.gains.size).T.astype(complex)
    if sigma is not None:
        data = y["measurement"]
        rows = data.isel(frame=0, drop=True) if "frame" in data.dims else data
        values = values / sigma.broadcast_like(rows).transpose(*rows.dims).values.reshape(-1, 1)
    if kept is not None:
        scan, values = scan.of_rows(np.asarray(kept).reshape(-1)), values[np.asarray(kept).reshape(-1)]
    _check_rows(scan, grid)
    _warn_of_phase(scan, values, sigma is not None)
    return grid, scan, values


def _check_rows(scan: LineScan, grid: Grid) -> None:
    """Refuse rows of which no image can be made, and warn of what is missing."""
    harmonics = set(scan.harmonic_of_row.tolist())
    one_parity = len({k % 2 for k in harmonics}) < 2
    require(not one_parity, "harmonics of y", "even and odd for the methods xspace and fbp", "one of them alone")
    require(scan.angles.size >= 2, "angles of y", "two or more for the methods xspace and fbp", scan.angles.size)
    missing = sorted(set(range(2, max(harmonics) + 1)) - harmonics)
    if missing:
        names = ", ".join(map(str, missing))
        warn(f"Harmonics of the drive are missing ({names}): images of xspace and fbp lack what only these tell.")
    gap = largest_gap(scan.angles)
    if gap > max(_WIDE_GAP, 3 * math.pi / scan.angles.size):
        warn(
            f"The angles leave out {math.degrees(gap):.0f} of 180 degrees: what lies along the missing directions is "
            "smeared in images of xspace and fbp."
        )
    half = min(grid.fov[:2]) / 2
    if scan.reach < _SHORT * half:
        warn(
            f"The line moves {1e3 * scan.reach:.3g} mm to either side, and the field of view reaches {1e3 * half:.3g} "
            "mm: xspace and fbp take what lies beyond the path of the line to be empty."
        )


def _warn_of_phase(scan: LineScan, values: np.ndarray, white: bool) -> None:
    """Warn of a signal that is out of phase with that of an ideal scanner by more than the noise explains."""
    known, imaginary = coefficients(scan, values)
    real = (known.values**2 * known.weights[..., None]).sum()
    chance = imaginary.shape[2] * np.count_nonzero(known.known) / 2 if white else 0.0
    power = max(float((imaginary**2).sum()) - chance, 0.0)
    if power > _OUT_OF_PHASE**2 * max(real - chance, 1e-300):
        warn(
            f"{100 * math.sqrt(power / max(real - chance, power)):.2g} % of the signal is out of phase with that of an "
            "ideal field-free line and is left out by xspace and fbp: the phase of the receive chain or a delay of the "
            "particles is not stated, or the fields are not ideal."
        )


def _nodes(scan: LineScan, grid: Grid) -> _Nodes:
    """Return nodes that reach over the field of view and the path of the line at all angles."""
    step = min(grid.voxel[:2]) / _NODES
    corner = math.hypot(*grid.fov[:2]) / 2 + math.hypot(*grid.center[:2]) + float(np.abs(scan.offsets).max())
    count = math.ceil(max(corner, scan.reach) / step) + 1
    places = step * np.arange(-count, count + 1)
    center, fov = grid.center[:2], (grid.fov[0], grid.fov[1])
    return _Nodes(step, places, chords(scan.angles, places + scan.offsets[:, None], center, fov))


def _images(
    projections: np.ndarray, scan: LineScan, nodes: _Nodes, grid: Grid, window: str, non_negative: bool
) -> np.ndarray:
    """Return images (N, image) of projections (angle, node, image)."""
    filtered = ramp_filtered(projections, nodes.step, window, 0.5 / min(grid.voxel[:2]))
    x, y = grid.axis(0), grid.axis(1)
    image = back_projection(filtered, nodes.places[0], nodes.step, scan.angles, scan.offsets, x, y)
    values = image.reshape(-1, image.shape[2])
    require(bool(np.isfinite(values).all()), "y", "data of which an image can be made", "values out of range")
    return np.maximum(values, 0) if non_negative else values
