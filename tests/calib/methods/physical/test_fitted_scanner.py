"""The fitted scanner as an object and a file: it gives the rows of the fit, on other grids and at other angles too."""

from dataclasses import replace

import numpy as np
import pytest

import calib
import mpisim
from calib.methods.physical.fitted_scanner import fitted_scanner
from calib.methods.physical.model import Model
from calib.methods.physical.other_angles import expected_errors
from calib.methods.physical.parameters import LOCAL, ScannerState
from calib.methods.physical.scanner_table import scanner_parameters
from mpisim.constants import BOLTZMANN
from mpisim.data.sampling import Sampling
from mpisim.data.schema import build
from mpisim.errors import InputError

ANGLES, HARMONICS, COILS = tuple(np.pi * np.arange(20) / 20), (2, 3, 5), 2
GRID = mpisim.Grid((9, 7), (0.018, 0.0154), (0.002, -0.001, 0.0))
R = 0.009
UNIT = 3e-7


def random_state(parameters, size=1.0, seed=0):
    """Parameters of about the size of their priors, in units of which `size` is."""
    rng = np.random.default_rng(seed)
    state = parameters.ideal(2.2, 0.08, -0.1)
    free = np.array([p.group != "tracer" for p in parameters.shared])
    scales = np.array([p.scale for p in parameters.shared]) * free
    shared = state.shared + size * scales * rng.standard_normal(scales.size)
    gains = np.exp(0.2 * rng.standard_normal(state.gains.shape) + 2j * rng.standard_normal(state.gains.shape))
    return ScannerState(shared, gains, size * rng.standard_normal(state.local.shape) * [p.scale for p in LOCAL])


def fake(state, parameters, values, std=1e-3):
    """A matrix as `recover` returns it, with this scanner."""
    shared = [
        {"name": p.name, "value": float(v), "std": std, "meaning": p.meaning, "unit": p.unit}
        for p, v in zip(parameters.shared, state.shared, strict=True)
    ]
    local = {
        p.name: {"value": state.local[:, j].tolist(), "std": [1e-2 * p.scale] * len(state.local), "unit": p.unit}
        for j, p in enumerate(LOCAL)
    }
    gains = [
        {
            "coil": c,
            "harmonic": k,
            "amplitude": UNIT * abs(g),
            "phase": float(np.angle(g)),
            "relative_std": std,
            "phase_std": std,
        }
        for c, row in enumerate(state.gains)
        for k, g in zip(parameters.harmonics, row, strict=True)
    ]
    told = {"parameters": shared, "angle_errors": local, "gains": gains, "length_unit": R}
    told |= {"angles": list(parameters.angles), "center": GRID.center[:2], "method": "physical"}
    coords = {"angle": np.array(parameters.angles), "frequency": 2e4 * np.array(parameters.harmonics)}
    coords |= {"harmonic": ("frequency", np.array(parameters.harmonics)), **GRID.coords()}
    dims = ("angle", "receive", "frequency", "y", "x")
    values = np.zeros((20, 2, 3, 7, 9), complex) + values
    return build("system_matrix", values, dims, coords, stage="fine", origin="recovered", recovery=told)


@pytest.fixture(scope="module")
def known():
    """A random scanner with two coils at 20 angles on an odd, oblong grid off the axis: parameters, state and matrix."""
    parameters = scanner_parameters(ANGLES, HARMONICS, COILS)
    state = random_state(parameters)
    return parameters, state, fake(state, parameters, 0)


def rows_of(parameters, state, grid=GRID):
    every = Sampling.named("box", 1, grid.array_shape)
    return UNIT * Model(parameters, every, grid, state, tolerance=1e-9).rows(state)


def difference(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def test_simulated_rows_are_those_of_the_fit(known):
    parameters, state, matrix = known
    setup = fitted_scanner(matrix, sf_gradient=0.7)
    simulated = setup.simulate()
    assert difference(simulated["system_matrix"].values, rows_of(parameters, state)) < 1e-6
    assert simulated.attrs["engine"] == "equilibrium"
