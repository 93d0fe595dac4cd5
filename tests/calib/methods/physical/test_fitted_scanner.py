"""The fitted scanner as an object and a file: it gives the rows of the fit, on other grids and at other angles too."""

from dataclasses import replace

import numpy as np
import pytest

import calib
import mpisim
from calib.methods.physical.fit_file import fit_of, rest_of_fit
from calib.methods.physical.fitted_scanner import fitted_scanner
from calib.methods.physical.maps import fitted_state
from calib.methods.physical.model import Model
from calib.methods.physical.other_angles import expected_errors
from calib.methods.physical.parameters import LOCAL, ScannerState
from calib.methods.physical.scanner_table import scanner_parameters
from mpisim.constants import BOLTZMANN
from mpisim.data.sampling import Sampling
from mpisim.data.schema import build
from mpisim.errors import InputError
from mpisim.io.scanner_file import open_scanner

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
    """A random scanner of two coils at 20 angles, on an odd, oblong grid off the axis: parameters, state, matrix."""
    parameters = scanner_parameters(ANGLES, HARMONICS, COILS)
    state = random_state(parameters)
    return parameters, state, fake(state, parameters, 0)


def rows_of(parameters, state, grid=GRID):
    every = Sampling.named("box", 1, grid.array_shape)
    return UNIT * Model(parameters, every, grid, state, tolerance=1e-9).rows(state)


def difference(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def test_simulated_rows_are_those_of_the_fit(known):
    """Two coils, 20 angles, an odd, oblong grid off the axis, and all parameters of the table."""
    parameters, state, matrix = known
    simulated = fitted_scanner(matrix, sf_gradient=0.7).simulate()
    assert difference(simulated["system_matrix"].values, rows_of(parameters, state)) < 1e-6


def test_rows_on_a_finer_grid_and_at_other_angles(known):
    """Rows of a finer grid are those of the fit's model; at an angle between, errors are those to be expected."""
    _, state, matrix = known
    setup = fitted_scanner(matrix, drive_amplitude=0.01)
    fine = mpisim.Grid((18, 14), GRID.fov, GRID.center)
    angle = ANGLES[3] + 0.01
    moved = replace(setup, scanner=replace(setup.scanner, angles=(ANGLES[2], angle)), grid=fine)
    moved = replace(moved, sample=replace(setup.sample, size=GRID.voxel[:2]))
    local, _ = expected_errors(np.array(ANGLES), state.local, np.tile([1e-2 * p.scale for p in LOCAL], (20, 1))).at(
        np.array([angle])
    )
    two = ScannerState(state.shared, state.gains, np.stack([state.local[2], local[0]]))
    every = Sampling.named("box", 1, fine.array_shape)
    of_two = scanner_parameters((ANGLES[2], angle), HARMONICS, COILS)
    model = Model(of_two, every, fine, two, GRID.voxel[:2], tolerance=1e-9)
    assert difference(moved.simulate()["system_matrix"].values, UNIT * model.rows(two)) < 1e-6


def test_only_two_combinations_are_known(known):
    """Whatever of gradient, amplitude and diameter is given, the rows are the same, and beta A and A / G hold."""
    matrix = known[2]
    by_gradient = fitted_scanner(matrix, sf_gradient=0.7)
    scanner, tracer = by_gradient.scanner, by_gradient.particle
    assert np.log(scanner.drive_amplitude / (0.7 * R)) == pytest.approx(-0.1)
    median = mpisim.Particle(tracer.median).moment * np.exp(9 * tracer.spread**2)
    assert np.log(median * scanner.drive_amplitude / (BOLTZMANN * tracer.temperature)) == pytest.approx(2.2)
    again = fitted_scanner(matrix, particle_diameter=tracer.median)
    assert again.scanner.sf_gradient == pytest.approx(0.7)
    stated = matrix.assign_attrs(scanner={"sf_gradient": 0.7})
    assert fitted_scanner(stated).scanner == scanner
    with pytest.raises(InputError, match="must be given, or drive_amplitude or particle_diameter"):
        fitted_scanner(matrix)
    with pytest.raises(InputError, match="at most one of the three"):
        fitted_scanner(matrix, 0.7, 0.01)


def test_file_is_a_scanner_and_a_prior(known, tmp_path):
    """The file gives the same scanner and the same fit again; options replace its angles and grid, nothing else."""
    _, state, matrix = known
    values = rows_of(*known[:2])
    path = tmp_path / "scanner.toml"
    recovered = fake(state, known[0], values)
    calib.write_fitted_scanner(recovered, path, sf_gradient=0.7)
    setup = mpisim.read_scanner(path)
    assert setup == fitted_scanner(matrix, sf_gradient=0.7)
    told, expected = fit_of(path), matrix.attrs["recovery"]
    again = fitted_state(told)
    assert np.array_equal(again.shared, state.shared) and np.array_equal(again.local, state.local)
    assert difference(again.gains, fitted_state(expected).gains) < 1e-12
    assert [p["std"] for p in told["parameters"]] == [p["std"] for p in expected["parameters"]]
    assert rest_of_fit(recovered) < 1e-4
    file = open_scanner(path)
    other = file.given({"angles": [0.0, 0.5]}, {"grid": (4, 3)}).setup()
    assert other.scanner.angles == (0.0, 0.5) and other.grid.shape == (4, 3)
    with pytest.raises(InputError, match="drive_frequency must be"):
        file.given({"drive_frequency": 3e4})
    path.write_text(path.read_text().replace("length_unit", "length"))
    with pytest.raises(InputError, match="length_unit"):
        fit_of(path)
    with pytest.raises(InputError, match="one without a fitted scanner"):
        fit_of(matrix.assign_attrs(recovery={"method": "profile"}))


def test_expected_errors_of_other_angles():
    """A shift of the axis is found from some angles; random errors leave their spread."""
    angles, rng = np.pi * np.arange(12) / 12, np.random.default_rng(0)
    local = np.zeros((12, 4))
    local[:, 0] = 0.01 + 0.02 * np.cos(angles) - 0.01 * np.sin(angles)
    local[:, 1] = 0.01 * rng.standard_normal(12)
    mean, variance = expected_errors(angles, local, np.full((12, 4), 1e-6)).at(np.array([0.3, 2.0]))
    shift = 0.01 + 0.02 * np.cos([0.3, 2.0]) - 0.01 * np.sin([0.3, 2.0])
    assert mean[:, 0] == pytest.approx(shift, abs=1e-4)
    assert np.sqrt(variance[:, 0]).max() < 2e-4
    assert 0.006 < np.sqrt(variance[0, 1]) < 0.016
    assert not mean[:, 2:].any()
