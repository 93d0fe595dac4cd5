"""The bound of the error: against dense derivatives, and its laws."""

import numpy as np
import pytest

import mpisim
from calib.methods.physical.measurement import Measurement
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import LOCAL, ScannerState
from calib.studies.harness.bounds import bound_of, known_scanner
from mpisim.data.downsampling import downsample

FINE = mpisim.simulate(
    mpisim.open_sided_ffl(0.6, angles=4, harmonics=(2, 3, 5)), mpisim.Particle(22e-9), mpisim.Grid((8, 8))
)


def measured(factor=2, snr=30.0):
    return downsample(FINE, factor, snr=snr)


def known(local=0.0):
    """The scanner of FINE, of about its steepness and reach, in the form that a fit has."""
    parameters = Measurement.of(measured()).parameters
    values = {"steepness": 2.0, "size_variance": 0.05, "reach": -0.2, "plane_offset": 0.01}
    recovery = {
        "parameters": [{"value": values.get(p.name, 0.0), "prior": p.scale, "unit": "1"} for p in parameters.shared],
        "gains": [
            {"coil": 0, "harmonic": k, "amplitude": 1e-3 / k, "phase": 0.3 * k, "phase_std": 0.1}
            for k in parameters.harmonics
        ],
        "angle_errors": {p.name: {"value": [local] * 4, "prior": p.scale, "std": [0.0] * 4} for p in LOCAL},
    }
    return known_scanner(recovery)


def dense(coarse, scanner, ideal):
    """The same from the complex derivatives of all parameters at once."""
    measurement, state = Measurement.of(coarse), None
    parameters = measurement.parameters
    n, local = len(parameters.shared), [e["value"] for e in scanner["angle_errors"].values()]
    gains = np.array([[g["amplitude"] * np.exp(1j * g["phase"]) for g in scanner["gains"]]]) / measurement.unit
    shared = np.array([p["value"] for p in scanner["parameters"]])
    prior = np.concatenate(
        [
            [p["prior"] for p in scanner["parameters"]],
            np.full(2 * gains.size, 1e9),
            np.tile([p.scale for p in LOCAL], 4),
        ]
    )
    chosen = np.ones(len(prior), bool)
    if ideal:
        tracer = np.isin(np.arange(n), parameters.group("tracer"))
        shared, local = np.where(tracer, shared, 0), np.zeros_like(local)
        chosen[:n], chosen[n + 2 * gains.size :] = tracer, False
    state = ScannerState(shared, gains, np.array(local).T)
    args = parameters, measurement.fine, state, measurement.sample
    coarse_model = Model(parameters, measurement.sampling, *args[1:])
    fine_model = Model(parameters, mpisim.data.sampling.Sampling.named("box", 1, (8, 8)), *args[1:])
    j, f = (m.jacobian(state).reshape(len(prior), -1)[chosen] for m in (coarse_model, fine_model))
    sigma = float(measurement.sigma.ravel()[0])
    precision = 2 / sigma**2 * (j @ j.conj().T).real + np.diag(1 / prior[chosen] ** 2)
    error = np.sum(f.conj() * np.linalg.solve(precision, f)).real
    return np.sqrt(error / np.sum(np.abs(fine_model.means(state)) ** 2))


@pytest.mark.parametrize("ideal", [True, False])
def test_equals_the_inverse_of_the_dense_information(ideal):
    assert bound_of(measured(), known(), ideal) == pytest.approx(dense(measured(), known(), ideal), rel=0.02)


def test_is_proportional_to_the_noise_of_an_ideal_scanner_and_falls_with_positions():
    strong, weak, fewer = (bound_of(measured(*args), known(), True) for args in ((2, 30), (2, 50), (4, 30)))
    assert strong == pytest.approx(10 * weak, rel=0.02)
    assert fewer > 1.5 * strong


def test_an_imperfect_scanner_is_harder_than_an_ideal_one():
    assert bound_of(measured(), known()) > 1.5 * bound_of(measured(), known(), True)
