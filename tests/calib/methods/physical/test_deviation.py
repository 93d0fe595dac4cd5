"""Variances of rows against the dense posterior of all parameters at once."""

import numpy as np
import pytest

import mpisim
from calib.methods.physical.deviation import variances
from calib.methods.physical.levenberg import fit_scanner
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import LOCAL
from calib.methods.physical.scanner_table import scanner_parameters
from mpisim.data.sampling import Sampling

ANGLES, HARMONICS = tuple(np.pi * np.arange(3) / 3), (2, 3)
GRID = mpisim.Grid((4, 4))


@pytest.mark.parametrize(("coils", "tolerance", "points"), [(1, 0.03, 1), (2, 1e-2, 4)])
def test_variances_are_those_of_the_dense_equations(coils, tolerance, points):
    """One point in each voxel, and several; one coil, and two."""
    table, rng = scanner_parameters(ANGLES, HARMONICS, coils=coils), np.random.default_rng(0)
    state = table.ideal(1.0, 0.1, 0.0)
    state.shared[:] += [0.0 if p.group == "tracer" else 0.5 * p.scale * rng.standard_normal() for p in table.shared]
    state.local[:] = [p.scale for p in LOCAL] * rng.standard_normal(state.local.shape)
    coarse, fine = (
        Model(table, Sampling.named("box", factor, GRID.array_shape), GRID, state, tolerance=error)
        for factor, error in ((2, 1e-4), (1, tolerance))
    )
    assert fine.measured.weights.shape[1] == points
    values = coarse.means(state)
    sigma = 3e-3 * np.sqrt(np.mean(np.abs(values) ** 2))
    fit = fit_scanner(coarse, values, np.array(sigma), state, table.groups, 0)
    n, n_gains, n_angles = len(table.shared), state.gains.size, len(ANGLES)

    def columns(model):
        """Derivatives in the phase of the rows, by logarithms of gains, (parameter, angle, coil, harmonic, value)."""
        gains = model.gains(state)
        found = model.jacobian(state) * (gains.conj() / np.abs(gains))[..., None]
        relative = state.gains.ravel()[:, None, None, None, None]
        real, imaginary = found[n : n + n_gains], found[n + n_gains : n + 2 * n_gains]
        amplitudes = real * relative.real + imaginary * relative.imag
        local = found[n + 2 * n_gains :].reshape(n_angles, 4, *found.shape[1:])[:, :3]
        return np.concatenate([found[:n], amplitudes, local.reshape(-1, *found.shape[1:])]).real

    known = columns(coarse).reshape(n + n_gains + 3 * n_angles, -1)
    own = np.broadcast_to(fit.priors.local, (n_angles, 4))[:, :3].ravel()
    precision = np.concatenate([fit.priors.shared**-2.0, np.zeros(n_gains), own**-2.0])
    covariance = np.linalg.inv(2 / sigma**2 * known @ known.T + np.diag(precision))
    wanted = columns(fine)
    expected = np.einsum("i...,ij,j...->...", wanted, covariance, wanted)
    found = variances(fine, fit)
    assert np.abs(found.along - expected).max() < 2e-4 * expected.max()
    assert (found.across > 0).all()
