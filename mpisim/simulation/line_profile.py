r"""The line-profile engine: rows that are one function of the distance from a line.

Where a scanner has a `LineProfile`, a sample in the plane z = 0 without thickness has rows
:math:`a_k(r) = f_k(u)` with :math:`u = x\cos\theta + y\sin\theta` and one profile :math:`f_k` for all angles. It is the
harmonic of Langevin particles (`mpisim.simulation.equilibrium`) in the scalar field :math:`G u + A\sin(2\pi f_0 t)`.
The mean over a rectangular sample is a filter on a table of :math:`f_k` that depends on the angle, and every voxel is
an interpolation through six nodes. The poles of :math:`L` that are nearest to the real axis lie at
:math:`u = \pm i\pi/(\beta G)`; 24 nodes on that length keep the result within 1e-6 of the equilibrium engine.
Particles of several sizes have a sum of profiles; relaxation that is a filter in time is a complex gain of each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpisim.constants import MU_0
from mpisim.data.grid import Grid
from mpisim.errors import InputError, require
from mpisim.kernels import line_profile as kernels
from mpisim.kernels.equilibrium import profile_table
from mpisim.particles.protocol import Magnetisation, Sizes
from mpisim.scanner.protocol import LineProfile, Scanner
from mpisim.simulation.equilibrium import apply_response, half_period_basis, has_half_period, known_sizes
from mpisim.simulation.precision import complex_type
from mpisim.simulation.sample import Sample

__all__ = ["has_line_profile", "line_profile_rows", "profile_in_plane", "required_profile"]

_NODES_PER_POLE_DISTANCE = 24  # of a size that has the whole moment
_NEGLIGIBLE = 1e-6  # share of the moment of a size that need not be resolved
_MOST_NODES_OF_SIZES = 2500  # from the centre to the outermost point, for particles of several sizes
_MOST_NODES = 1e6
_MARGIN = 3  # nodes of the interpolation beyond the outermost value


def has_line_profile(scanner: Scanner, particle: Magnetisation, grid: Grid, sample: Sample) -> bool:
    """Whether rows are functions of u, which a table can hold.

    They are for an aligned flat box in the plane z = 0 and Langevin particles. Where the steepest of several sizes
    would need more than some thousand nodes, the equilibrium engine is faster.
    """
    profile = profile_in_plane(scanner, grid, sample)
    if profile is None or not has_half_period(scanner, particle):
        return False
    sizes = known_sizes(particle)
    return sizes.betas.size == 1 or _needed_nodes(profile, sizes, grid, sample) < _MOST_NODES_OF_SIZES


def profile_in_plane(scanner: Scanner, grid: Grid, sample: Sample) -> LineProfile | None:
    """Return the profile of an ideal line, for an aligned flat box in the plane z = 0; None where it does not hold."""
    flat = sample.is_aligned_box and not sample.thick and bool(np.all(grid.axis(2) == 0))
    return _profile_of(scanner) if flat else None


def required_profile(scanner: Scanner) -> LineProfile:
    """Return the profile of an ideal line; raise `InputError` for another scanner."""
    profile = _profile_of(scanner)
    if profile is None:
        raise InputError(f"Input scanner must be one with a line profile; instead received {scanner!r}.")
    return profile


def _profile_of(scanner: Scanner) -> LineProfile | None:
    return getattr(scanner, "line_profile", None)


def line_profile_rows(scanner: Scanner, particle: Magnetisation, grid: Grid, sample: Sample) -> np.ndarray:
    """Return the rows on a grid, where `has_line_profile` holds.

    Returns
    -------
    numpy.ndarray
        Voltages in V, of `complex_type`, shape (angle, 1, harmonic, voxel), x fastest.

    Raises
    ------
    InputError
        If the scanner has no line profile, or more than a million nodes are needed to resolve a row.
    """
    profile, sequence = required_profile(scanner), scanner.sequence
    drive_sine, basis, imaginary_part = half_period_basis(sequence)
    sizes = known_sizes(particle)
    basis = basis * MU_0 * sample.particles(grid) * sizes.moment * profile.sensitivity
    x, y = grid.axis(0), grid.axis(1)
    (sx, wx), (sy, wy) = sample.axis_rule(0, grid), sample.axis_rule(1, grid)
    nodes = _nodes(profile, sizes, grid, sample)
    offsets = profile.gradient * nodes.positions()
    table = np.empty((offsets.size, len(basis)))
    profile_table(offsets, profile.drive_amplitude, drive_sine, basis, sizes.betas, sizes.shares, table)
    number = complex_type(float(np.abs(table).max()))
    real = np.float32 if number is np.complex64 else np.float64
    out = np.zeros((len(sequence.angles), len(basis), y.size, x.size, 2), real)
    kernels.interpolate_profile(
        table,
        sx / nodes.step,
        sy / nodes.step,
        np.outer(wx, wy),
        nodes.radius,
        np.cos(sequence.angles),
        np.sin(sequence.angles),
        x / nodes.step,
        y / nodes.step,
        -float(nodes.edge),
        imaginary_part,
        all(bool(np.abs(axis + axis[::-1]).max() < 1e-12 * nodes.step) for axis in (x, y)),
        out,
    )
    rows = out.view(number).reshape(len(sequence.angles), 1, len(basis), y.size * x.size)
    return apply_response(rows, particle, sequence)


@dataclass(frozen=True)
class _Nodes:
    """Nodes of a table: 2 `edge` + 1 of them, `step` in m apart, and the `radius` in nodes of the sample's filter."""

    step: float
    edge: int
    radius: int

    def positions(self) -> np.ndarray:
        """Positions u in m, ascending, shape (2 edge + 1,)."""
        return self.step * np.arange(-self.edge, self.edge + 1)


def _extent(grid: Grid, sample: Sample) -> tuple[float, float]:
    """Largest distance of a voxel centre from the origin, and of a sample's point from its centre; in m."""
    x, y = grid.axis(0), grid.axis(1)
    half = max(np.hypot(px, py) for px in (x[0], x[-1]) for py in (y[0], y[-1]))
    return half, float(np.hypot(*(np.abs(sample.axis_rule(i, grid)[0]).max() for i in (0, 1))))


def _step(profile: LineProfile, sizes: Sizes, grid: Grid, sample: Sample) -> float:
    """Distance of nodes in m that resolves the profiles of all sizes.

    The error of the interpolation is that of a size, (step / distance of its poles)^6, times its share of the moment.
    """
    nodes = _NODES_PER_POLE_DISTANCE * sizes.shares ** (1 / 6)
    steps = np.pi / (sizes.betas * abs(profile.gradient)) / np.maximum(nodes, 1)
    return min(float(steps[sizes.shares > _NEGLIGIBLE].min()), sum(_extent(grid, sample)) / 80)


def _needed_nodes(profile: LineProfile, sizes: Sizes, grid: Grid, sample: Sample) -> float:
    """Nodes from the centre to the outermost point of a sample."""
    return sum(_extent(grid, sample)) / _step(profile, sizes, grid, sample)


def _nodes(profile: LineProfile, sizes: Sizes, grid: Grid, sample: Sample) -> _Nodes:
    """Nodes for all voxels of a grid and the points of the sample around them."""
    needed = _needed_nodes(profile, sizes, grid, sample)
    must = f"such that {_MOST_NODES:.0e} nodes resolve a row"
    require(needed < _MOST_NODES, "field of view, gradient and core diameter", must, f"{needed:.0e}")
    (half, spread), step = _extent(grid, sample), _step(profile, sizes, grid, sample)
    radius = int(np.ceil(spread / step)) + _MARGIN
    return _Nodes(step, int(np.ceil(half / step)) + radius + _MARGIN, radius)
