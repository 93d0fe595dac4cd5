"""The benchmark's dense matrices in space, integrated by SciPy, are what the compiled loop computes."""

import numpy as np
from scipy.integrate import solve_ivp

from benchmarks.fokker_planck import real_matrices
from mpisim.kernels.fokker_planck import STAGE_TIMES
from mpisim.kernels.fokker_planck_vector import advance_vector, couplings


def test_a_field_that_turns_against_an_easy_axis_with_precession():
    """Coefficients after a period; to 3e-5."""
    degree, alpha, steps, turns = 5, 1.2, 80, 3.0

    def xi(t):
        return np.stack([0.5 + 0.2 * np.cos(t), 0.3 * np.sin(t), 1.5 * np.sin(t)], axis=-1)

    first, along, across = couplings(degree, alpha, 5.0)
    times = 2 * np.pi * (np.arange(steps) + np.array(STAGE_TIMES)[:, None]) / steps
    start = np.eye(1, int(first[-1]), dtype=complex)
    end, direction = np.empty_like(start), np.empty((steps, 1, 3))
    advance_vector(xi(times)[:, :, None], turns * 2 * np.pi / steps, first, along, across, start, end, direction)
    still, *drift = real_matrices(degree, alpha, 5.0)

    def matrix(t, c=None):
        return turns * (still + sum(x * d for x, d in zip(xi(t), drift, strict=True)))

    begin = np.eye(1, len(still))[0]
    solved = solve_ivp(lambda t, c: matrix(t) @ c, (0, 2 * np.pi), begin, "BDF", jac=matrix, rtol=1e-7, atol=1e-9)
    real, imaginary = np.split(solved.y[:, -1], 2)
    assert np.abs(end[0] - real - 1j * imaginary).max() < 3e-5
    assert np.abs(end[0].imag).max() > 1e-3
