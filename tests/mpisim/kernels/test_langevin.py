"""The Langevin function and its slope against 60 digits, a readable NumPy twin, and their limits."""

import mpmath
import numpy as np
import pytest

from mpisim import langevin, langevin_prime
from mpisim.kernels.equilibrium import langevin_over_argument
from tests.mpisim.kernels import twins

RNG = np.random.default_rng(1)
ARGUMENTS = np.concatenate([np.geomspace(1e-12, 1e3, 301), np.linspace(18.9, 19.1, 41), [19.0, np.nextafter(19, 20)]])


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("function", "reference"),
    [
        (langevin, lambda x: mpmath.coth(x) - 1 / x),
        (langevin_prime, lambda x: 1 / x**2 - 1 / mpmath.sinh(x) ** 2),
    ],
)
def test_langevin_and_its_slope_match_60_digits_to_1e_12(function, reference, sign):
    with mpmath.workdps(60):
        for x in sign * ARGUMENTS:
            expected = reference(mpmath.mpf(float(x)))
            assert abs((mpmath.mpf(float(function(x))) - expected) / expected) < 1e-12, x


def test_langevin_at_zero_and_at_huge_arguments():
    assert langevin(0.0) == 0
    assert langevin_prime(0.0) == pytest.approx(1 / 3, rel=1e-15)
    for x in (1e20, 1e99, 1e160, 1e300, np.inf):
        assert langevin(x) == 1
        assert langevin(-x) == -1
        assert langevin_prime(x) == pytest.approx(x**-2 if x < 1e150 else 0, rel=1e-12)
    assert np.isnan(langevin(np.nan))


@pytest.mark.parametrize("function", [langevin, langevin_over_argument, langevin_prime])
def test_arrays_that_hold_zero_give_no_warning(function):
    """Long enough for the compiler's vectors; warnings are errors in these tests."""
    assert np.ptp(function(np.zeros(100))) == 0
    assert np.isfinite(function(np.r_[np.zeros(33), 1e12, -1e12])).all()


def test_ufuncs_broadcast_and_match_numpy_to_1e_11():
    x = RNG.uniform(-40, 40, (3, 5, 7))
    assert np.allclose(langevin(x), twins.langevin(x), rtol=1e-11, atol=0)
    assert np.allclose(langevin_prime(x), x**-2.0 - np.sinh(x) ** -2.0, rtol=1e-11, atol=0)
    assert langevin(np.zeros((0, 2))).shape == (0, 2)
