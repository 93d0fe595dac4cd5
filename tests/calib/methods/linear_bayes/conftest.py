"""Small families: ideal scanners of many particles, and rows as a field-free point has them."""

import numpy as np
import pytest

import mpisim
from calib.methods.linear_bayes.making import family_of
from mpisim.data.schema import build

GRID = mpisim.Grid((8, 8), (0.032, 0.032))
ANGLES = tuple(float(a) for a in np.arange(6) * np.pi / 6)


def line_matrix(diameter, gradient=0.7, grid=GRID, angles=ANGLES):
    """Ideal matrix of harmonics 2 and 3."""
    scanner = mpisim.open_sided_ffl(gradient, angles=angles, harmonics=(2, 3))
    return mpisim.simulate(scanner, mpisim.Particle(diameter), grid)


@pytest.fixture(scope="session")
def lines():
    return [line_matrix(d) for d in np.linspace(20e-9, 32e-9, 13)]


@pytest.fixture(scope="session")
def line_family(lines):
    return family_of(lines)


def point_matrix(width, tilt, frequencies=4, size=12):
    """Complex rows of a field-free point: Chebyshev patterns of both axes that the width of a particle blurs."""
    u = (np.arange(size) + 0.5) / size * 2 - 1
    rows = []
    for k in range(1, frequencies + 1):
        x = np.cos((k + 1) * np.arccos(u)) * np.exp(-((u / width) ** 2))
        y = np.cos(k * np.arccos(u)) * np.exp(-((u / (1.2 * width)) ** 2))
        rows.append(np.exp(1j * tilt * u) * np.outer(y, x) + 1j * 0.5 * np.outer(x * u, y))
    axis = {
        "y": 1e-3 * np.arange(size),
        "x": 1e-3 * np.arange(size),
        "frequency": 1e4 * np.arange(1.0, frequencies + 1),
    }
    return build("system_matrix", np.array(rows), ("frequency", "y", "x"), axis, stage="fine", origin="simulated")


@pytest.fixture(scope="session")
def points():
    rng = np.random.default_rng(0)
    return [point_matrix(*rng.uniform((0.5, -1), (0.9, 1))) for _ in range(60)]
