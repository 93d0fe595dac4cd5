"""SPLIT: to be written."""

from __future__ import annotations

import numpy as np

from mpisim.constants import MU_0
from mpisim.data.grid import Grid
from mpisim.errors import require
from mpisim.kernels import line_profile as kernels
from mpisim.particles.particle import Particle
from mpisim.scanner.ffl import OpenSidedFFL
from mpisim.scanner.protocol import Scanner
from mpisim.simulation.equilibrium import _axis_rule, half_period_basis
from mpisim.simulation.sample import Sample

__all__ = ["is_ridge", "ridge_rows"]

_NODES_PER_POLE_DISTANCE = 24
_MOST_NODES = 1e6


def is_ridge(scanner: Scanner, grid: Grid, sample: Sample) -> bool:
    """Whether rows are ridge functions exactly: an ideal FFL, in its plane, without thickness."""
    return type(scanner) is OpenSidedFFL and not sample.thick and bool(np.all(grid.axis(2) == 0))


def ridge_rows(scanner: OpenSidedFFL, particle: Particle, grid: Grid, sample: Sample) -> np.ndarray:
    """Rows on a grid by the ridge path, where `is_ridge` holds.

    Returns complex64 voltages in V, which the schema holds, shape (angle, harmonic, voxel), x fastest.
    """
    phases, basis, channel = half_period_basis(scanner)
    basis = basis * MU_0 * sample.particles(grid) * particle.moment * scanner.sensitivity[2]
    x, y = grid.axis(0), grid.axis(1)
    (sx, wx), (sy, wy) = _axis_rule(sample, 0, grid), _axis_rule(sample, 1, grid)
    half = max(np.hypot(px, py) for px in (x[0], x[-1]) for py in (y[0], y[-1]))
    spread = np.hypot(np.abs(sx).max(), np.abs(sy).max())
    step = min(np.pi / (particle.beta * scanner.sf_gradient) / _NODES_PER_POLE_DISTANCE, (half + spread) / 80)
    needed = (half + spread) / step
    must = f"such that {_MOST_NODES:.0e} nodes resolve a row"
    require(needed < _MOST_NODES, "field of view, gradient and core diameter", must, f"{needed:.0e}")
    reach = int(np.ceil(spread / step)) + 3
    edge = int(np.ceil(half / step)) + reach + 3
    nodes = step * np.arange(-edge, edge + 1)
    table = np.empty((nodes.size, len(scanner.harmonics)))
    kernels.profile_table(scanner.sf_gradient * nodes, scanner.drive_amplitude, phases, basis, particle.beta, table)

    centred = all(bool(np.abs(axis + axis[::-1]).max() < 1e-12 * step) for axis in (x, y))
    cosines, sines = np.cos(scanner.angles), np.sin(scanner.angles)
    out = np.zeros((cosines.size, len(scanner.harmonics), y.size, x.size, 2), np.float32)
    kernels.interpolate_profile(
        table,
        sx / step,
        sy / step,
        np.outer(wx, wy),
        reach,
        cosines,
        sines,
        x / step,
        y / step,
        -float(edge),
        channel,
        centred,
        out,
    )
    return out.view(np.complex64).reshape(cosines.size, len(scanner.harmonics), y.size * x.size)
