"""Whitening by the full covariance: it becomes the identity, and equations stay equations."""

import numpy as np
import pytest

from mpisim import InputError
from mpisim.data.deviation import along_and_across, deviations_of
from mpisim.data.noise import complex_gaussian
from mpisim.data.schema import CIRCULARITY, STD
from mpisim.preprocess.apply import apply, apply_all, steps_of
from mpisim.preprocess.averaging import AverageFrames
from mpisim.preprocess.covariance import WhitenByCovariance, covariance
from mpisim.preprocess.selection import SelectFrequencies
from tests.mpisim.preprocess.test_steps import F, matrix, measurement, with_background

MIX = complex_gaussian((12, 12), 1.0, 11) + 2 * np.eye(12)


def mixed(count, seed):
    return (complex_gaussian((count, 12), 1.0, seed) @ MIX.T).reshape(count, 2, 6)


def noisy(frames=3000, run=2000):
    sigma = np.sqrt(np.sum(np.abs(MIX) ** 2, axis=1)).reshape(2, 6)
    y = measurement(frames, sigma)
    y = y.assign(measurement=(("frame", "receive", "frequency"), mixed(frames, 12)))
    indices = np.concatenate([np.arange(run), np.arange(run) + frames + run])
    drift = 50.0 * (indices > run)[:, None, None]
    return with_background(y, mixed(2 * run, 13) + drift, ("frame", run + np.arange(frames)), indices)


@pytest.mark.parametrize("steps", [[], [AverageFrames(4)]])
def test_the_covariance_becomes_the_identity(steps):
    found = apply([*steps, WhitenByCovariance()], noisy())
    values = found["measurement"].values.reshape(-1, 12)
    np.testing.assert_allclose(values.T @ values.conj() / len(values), np.eye(12), atol=0.15)
    np.testing.assert_allclose(found["noise_std"], 1)


def test_a_matrix_and_its_measurement_stay_consistent():
    sm, y = matrix(), noisy(300, 100)
    x = np.random.default_rng(1).uniform(size=(3, 4))
    y["measurement"][:] = np.einsum("rfyx,yx->rf", sm["system_matrix"].values, x)
    one, other = apply_all([WhitenByCovariance()], [sm, y])
    assert one["system_matrix"].dims == sm["system_matrix"].dims and other["measurement"].dims == y["measurement"].dims
    product = np.einsum("rfyx,yx->rf", one["system_matrix"].values, x)
    np.testing.assert_allclose(product, other["measurement"].values[5], rtol=1e-10)
    np.testing.assert_allclose(apply(steps_of(one), y)["measurement"], other["measurement"], rtol=1e-12)


def test_deviations_of_both_parts_are_those_of_whitened_errors():
    """Errors of a matrix, along a phase of each row and smaller across it, are drawn and whitened."""
    sm, rng = matrix(), np.random.default_rng(15)
    variable = sm["system_matrix"]
    along, across = rng.uniform(0.5, 2, (2, *variable.shape)) * np.array([1.0, 0.01])[:, None, None, None, None]
    phase = np.exp(2j * np.pi * rng.uniform(size=(2, 6, 1, 1)))
    std, circularity = along_and_across(along, across, phase)
    units = {"units": variable.attrs["units"]}
    stated = sm.assign({STD: (variable.dims, std, units), CIRCULARITY: (variable.dims, circularity)})
    step = WhitenByCovariance().decided(noisy(300, 100))
    parts = rng.standard_normal((2, 20_000, *variable.shape))
    error = (np.sqrt(along) * parts[0] + 1j * np.sqrt(across) * parts[1]) * phase
    root = np.array(step.real) + 1j * np.array(step.imaginary)
    white = np.einsum("ij,njv->niv", root, error.reshape(20_000, 12, -1)).reshape(error.shape)
    for own, drawn in zip(deviations_of(step.applied(stated)), (white.real, white.imag), strict=True):
        np.testing.assert_allclose(own, drawn.std(0), rtol=0.03)


def test_single_frames_tell_it_by_their_differences():
    from mpisim.preprocess.background import Runs

    frames = mixed(4000, 14).reshape(-1, 12) + np.linspace(0, 20, 4000)[:, None]
    found = covariance(frames, Runs(10 * np.arange(4000)))
    true = MIX @ MIX.conj().T
    assert np.linalg.norm(found - true) < 0.1 * np.linalg.norm(true)


def test_too_few_frames_and_other_rows_are_refused():
    with pytest.raises(InputError, match="at least 12 frames more than runs"):
        apply([WhitenByCovariance()], noisy(10, 6))
    steps = steps_of(apply([WhitenByCovariance()], noisy(30, 20)))
    with pytest.raises(InputError, match="of the 12 rows"):
        apply(steps, matrix().isel(frequency=slice(0, 3)))


@pytest.mark.parametrize(
    "drives, order, kept", [((50e3,), 2, [0, 2]), ((75e3, 50e3), 2, [0, 1, 2, 3, 4]), ((75e3, 50e3), 1, [0, 1])]
)
def test_mixing_orders(drives, order, kept):
    """50 and 75 kHz give at order 2: 100, 150, 125, 25 kHz; of F = 50, 75, ..., 175 kHz."""
    found = apply([SelectFrequencies(drive_frequencies=drives, mixing_order=order)], matrix())
    np.testing.assert_allclose(found["frequency"], F[kept])
