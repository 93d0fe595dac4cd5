"""The model of a scanner against the simulator, and its Jacobian against central differences."""

import numpy as np
import pytest

import mpisim
from calib.methods.physical.magnetisation import curve_table
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import LOCAL
from calib.methods.physical.scanner_table import scanner_parameters
from mpisim.constants import MU_0
from mpisim.data.sampling import Sampling
from mpisim.errors import InputError

GRADIENT, AMPLITUDE, SPREAD = 0.7, 0.0112, 0.1
ANGLES = (0.2, 1.3, 2.9)
HARMONICS = (2, 3, 5)
GRID = mpisim.Grid((6, 5), (0.024, 0.015), (0.003, -0.002, 0.0))
R = 0.012
TRACER = mpisim.LogNormal(22e-9, SPREAD, nodes=40)
EDGE = {"factor": 2, "snr": None, "edge": "fill"}


def ideal_scanner(**switches):
    ideal = mpisim.open_sided_ffl(GRADIENT, drive_amplitude=AMPLITUDE, angles=ANGLES, harmonics=HARMONICS)
    return mpisim.ImperfectFFL.of(ideal, **switches)


def state_of(parameters, **values):
    """The state of the ideal scanner with its tracer, and parameters by name."""
    beta = TRACER.sizes().betas
    median = mpisim.Particle(22e-9).beta * np.exp(9 * SPREAD**2)
    assert beta.min() < median < beta.max()
    state = parameters.ideal(np.log(median * AMPLITUDE), 9 * SPREAD**2, np.log(AMPLITUDE / (GRADIENT * R)))
    moment = mpisim.Particle(22e-9).moment * np.exp(4.5 * SPREAD**2)
    volume = GRID.voxel[0] * GRID.voxel[1] * 1e-3
    state.gains[:] = MU_0 * 2 * np.pi * 23.2e3 * 1e20 * volume * moment * 800.0
    for name, value in values.items():
        state.shared[parameters.place(name.replace("__", " "))] = value
    return state


def difference(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def compared(scanner, state, parameters, sampling="box"):
    """Errors of coarse values and of fine rows against the simulator, each relative."""
    fine = mpisim.simulate(scanner, TRACER, GRID, mpisim.Sample(points=6))
    coarse = mpisim.data.downsampling.downsample(fine, sampling=sampling, **EDGE)
    model = Model.of(coarse, parameters, state, tolerance=1e-9)
    values = coarse["system_matrix"].values.astype(complex)
    values = (
        values[..., coarse["sampled"].values > 0] if sampling == "random" else values.reshape(*values.shape[:-2], -1)
    )
    means, rows = (a[:, 0] if parameters.coils == 1 else a for a in (model.means(state), model.rows(state)))
    return difference(means, values), difference(rows, fine["system_matrix"].values)


@pytest.mark.parametrize("sampling", ["box", "strided", "random"])
def test_ideal_scanner(sampling):
    parameters = scanner_parameters(ANGLES, HARMONICS)
    errors = compared(ideal_scanner(), state_of(parameters), parameters, sampling)
    assert max(errors) < 1e-6


def centred(**terms):
    """Terms of a polynomial about the grid's centre as terms about the scanner's axis; terms of the degree 1."""
    x, y = GRID.center[0] / R, GRID.center[1] / R
    constant = -sum(c * {"10": x, "01": y}[key[1:]] for key, c in terms.items())
    return ((0, 0, 0, constant), *((int(key[1]), int(key[2]), 0, c) for key, c in terms.items()))


def test_imperfect_scanner():
    """Fields, coils, plane, errors of each angle and gains that the model has exactly."""
    offset, angle = (3e-4, -2e-4, 1e-4), (0.01, -0.008, 0.003)
    gain, phase = (0.02, -0.01, 0.0), (0.1, -0.2, 0.05)
    turning = mpisim.Polynomial(((3, 0, 0, 0.05), (1, 2, 0, 0.05), (0, 1, 0, 0.01)), radius=R, turning=True)
    chain = mpisim.ReceiveGain(((2, 0.5, 0.4), (3, -0.3, 1.1), (5, 1.0, 0.2)), ((1.0, 0.0), (0.5, -0.7)))
    scanner = ideal_scanner(
        selection=(turning,),
        drive=(
            mpisim.Polynomial(centred(_10=0.03, _01=-0.02), radius=R),
            mpisim.Uniform((0.02, -0.01, 0.0)),
        ),
        coils=(
            mpisim.Coil(parts=(mpisim.Polynomial(centred(_10=0.1, _01=-0.05), radius=R),)),
            mpisim.Coil(parts=(mpisim.Uniform((0.04, -0.02, 0.0)),)),
        ),
        plane=mpisim.LinePlane(offset=4e-4, in_plane_field=(1e-4, -2e-4)),
        line=mpisim.AngleErrors(offset, angle, gain, phase),
        gain=chain,
    )
    parameters = scanner_parameters(ANGLES, HARMONICS, coils=2)
    values = {"turning__u__r2": 0.05, "turning__v": 0.01, "drive_10": 0.03, "drive_01": -0.02, "drive_x": 0.02}
    values |= {"drive_y": -0.01, "coil_z_10_0": 0.1, "coil_z_01_0": -0.05, "coil_x_00_1": 0.04, "coil_y_00_1": -0.02}
    values |= {"plane_offset": 4e-4 / R}
    values |= {f"in_plane_{x}": b / (GRADIENT * R) for x, b in zip("xy", (1e-4, -2e-4), strict=True)}
    state = state_of(parameters, **values)
    state.local[:] = np.transpose([np.array(offset) / R, angle, gain, phase])
    state.gains[:] *= chain.gains(HARMONICS, 2)
    assert max(compared(scanner, state, parameters)) < 1e-6


def test_distortion_at_rest():
    part = mpisim.Polynomial(centred(_10=0.01, _01=0.02), radius=R)
    parameters = scanner_parameters(ANGLES, HARMONICS)
    state = state_of(parameters, static_10=0.01, static_01=0.02)
    assert max(compared(ideal_scanner(selection=(part,)), state, parameters)) < 1e-6


def test_tilt_of_the_plane_to_first_order():
    parameters = scanner_parameters(ANGLES, HARMONICS)
    errors = []
    for tilt in (0.02, 0.01):
        scanner = ideal_scanner(plane=mpisim.LinePlane(tilt=(tilt, -0.5 * tilt)))
        state = state_of(parameters, plane_tilt_x=tilt, plane_tilt_y=-0.5 * tilt)
        errors.append(compared(scanner, state, parameters)[0])
    assert errors[0] < 1e-3
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def random_state(parameters, seed=0):
    rng = np.random.default_rng(seed)
    state = parameters.ideal(2.0, 0.1, -0.1)
    scales = np.array([0.0 if p.group == "tracer" else p.scale for p in parameters.shared])
    state.shared[:] += 0.5 * scales * rng.standard_normal(scales.size)
    state.gains[:] += 0.3 * (rng.standard_normal(state.gains.shape) + 1j * rng.standard_normal(state.gains.shape))
    state.local[:] = [p.scale for p in LOCAL] * rng.standard_normal(state.local.shape)
    return state


def test_jacobian_is_that_of_central_differences():
    parameters = scanner_parameters(ANGLES[:2], HARMONICS, coils=2)
    state = random_state(parameters)
    fine = mpisim.Grid((5, 4), (0.024, 0.020), (0.003, -0.002, 0.0))
    model = Model(parameters, Sampling.named("box", 2, (4, 5), partial=True), fine, state, tolerance=1e-2)
    vector, jacobian = state.vector(), model.jacobian(state)
    for number in range(parameters.size):
        step = np.zeros(parameters.size)
        step[number] = 1e-3

        def moved(times, step=step):
            return model.means(state.of_vector(vector + times * step))

        slope = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / 12e-3
        assert difference(slope, jacobian[number]) < 1e-6, number


def test_linear_in_parts_is_linear_at_once(monkeypatch):
    parameters = scanner_parameters(ANGLES, HARMONICS)
    state = random_state(parameters)
    model = Model(parameters, Sampling.named("box", 3, (6, 6)), mpisim.Grid((6, 6)), state, tolerance=1e-2)
    whole = next(model.linear(state))
    monkeypatch.setattr("calib.methods.physical.model._BYTES", 1.0)
    parts = list(model.linear(state))
    assert [part.which for part in parts] == [slice(i, i + 1) for i in range(3)]
    for name in ("flux", "by_shared", "by_local"):
        assert np.array_equal(np.concatenate([getattr(part, name) for part in parts]), getattr(whole, name))


def test_derivatives_by_fields_have_the_moments():
    """Two points along each edge of a block and two coils; forms at the points are the same forms of the moments."""
    parameters = scanner_parameters(ANGLES, HARMONICS, coils=2)
    state = random_state(parameters)
    model = Model(parameters, Sampling.named("box", 3, (6, 6)), mpisim.Grid((6, 6)), state, tolerance=1e-2)
    ((_, flux, moments, _),) = model.moments(state)
    ((_, same, planes, _),) = model.by_fields(state)
    assert planes.shape[-2] > 1
    assert np.allclose(same, flux, rtol=1e-12)
    forms = np.random.default_rng(0).normal(size=(4, moments.shape[2]))
    found = np.einsum("pvqn,acpvqk->acnvk", model.at_points(forms), planes)
    assert difference(found, np.einsum("nm,acmvk->acnvk", forms, moments)) < 1e-12


def test_flux_of_the_curve_of_the_state_is_in_the_means():
    parameters = scanner_parameters(ANGLES, HARMONICS)
    state = random_state(parameters)
    model = Model(parameters, Sampling.named("box", 3, (6, 6)), mpisim.Grid((6, 6)), state, tolerance=1e-2)
    table = curve_table(float(state.shared[parameters.place("size_variance")]))
    (flux,) = model.flux(state, [table])
    assert np.allclose(model.gains(state)[..., None] * flux, model.means(state), rtol=1e-12)


@pytest.mark.parametrize("factor", [2, 4])
def test_quadrature_converges(factor):
    """The points and times that a steepness asks for keep the tolerance, also for large blocks."""
    parameters = scanner_parameters(ANGLES, (2, 9))
    state = parameters.ideal(np.log(12.0), 0.1, 0.0)
    fine, sampling = mpisim.Grid((8, 8)), Sampling.named("box", factor, (8, 8))
    reference = Model(parameters, sampling, fine, state, tolerance=1e-12).means(state)
    previous = np.inf
    for tolerance in (1e-2, 1e-4, 1e-6):
        error = np.abs(Model(parameters, sampling, fine, state, tolerance=tolerance).means(state) - reference)
        relative = (error.max((0, 1, 3)) / np.abs(reference).max((0, 1, 3))).max()
        assert relative < 3 * tolerance
        assert relative < previous
        previous = relative


def test_sample_of_another_size():
    """The mean over a block of samples that do not fill their voxels is that of the fine rows."""
    parameters = scanner_parameters(ANGLES, HARMONICS)
    state = state_of(parameters)
    model = Model(parameters, Sampling.named("box", 2, (5, 6), partial=True), GRID, state, (0.002, 0.005), 1e-9)
    means = model.means(state)
    assert difference(means, model.sampling.apply(model.rows(state)).reshape(means.shape)) < 1e-8


def test_matrix_of_other_rows_is_refused():
    fine = mpisim.simulate(ideal_scanner(), TRACER, mpisim.Grid((2, 2)), mpisim.Sample(points=1))
    coarse = mpisim.data.downsampling.downsample(fine, 2, snr=None)
    parameters = scanner_parameters(ANGLES[:2], HARMONICS)
    with pytest.raises(InputError, match="number of angles of coarse"):
        Model.of(coarse, parameters, parameters.ideal(2.0))
