import numpy as np
import pytest
from scipy.optimize import minimize

from mpisim import InputError
from recon.solvers import prox
from recon.solvers.operators import gradient, total_variation

V = np.random.default_rng(0).standard_normal(6) * 2


def brute_force(function, v, start, **options):
    found = minimize(
        lambda x: function(x) + 0.5 * np.sum((x - v) ** 2),
        start,
        method="SLSQP",
        tol=1e-14,
        options={"maxiter": 2000, "ftol": 1e-14},
        **options,
    )
    return found.x


def is_least(function, v, x, admissible=lambda x: True, trials=4000):
    """No admissible point near x does better at the definition of the prox."""
    rng = np.random.default_rng(1)
    value = function(x) + 0.5 * np.sum((x - v) ** 2)
    for scale in (1e-4, 1e-2, 1.0):
        for step in rng.standard_normal((trials // 3, *x.shape)) * scale:
            if admissible(x + step) and function(x + step) + 0.5 * np.sum((x + step - v) ** 2) < value - 1e-12:
                return False
    return True


@pytest.mark.parametrize("t", [0.0, 0.3, 1.5])
def test_shrink_minimises_its_definition(t):
    assert is_least(lambda x: t * np.abs(x).sum(), V, prox.shrink(V, t))


@pytest.mark.parametrize("t", [0.0, 0.3, 1.5])
def test_non_negative_shrink_minimises_its_definition(t):
    found = brute_force(lambda x: t * x.sum(), V, np.ones(6), bounds=[(0, None)] * 6)
    assert np.allclose(prox.non_negative_shrink(V, t), found, atol=1e-6)


def test_non_negative_part_is_the_nearest_point():
    found = brute_force(lambda x: 0.0, V, np.ones(6), bounds=[(0, None)] * 6)
    assert np.allclose(prox.non_negative_part(V), found, atol=1e-6)


@pytest.mark.parametrize("t", [0.2, 1.0, 50.0])
def test_group_shrink_minimises_its_definition(t):
    v = V.reshape(2, 3)
    found = prox.group_shrink(v, t, axis=0)
    assert is_least(lambda x: t * np.sqrt((x**2).sum(axis=0)).sum(), v, found)
    assert np.all(prox.group_shrink(0 * v, t) == 0)


@pytest.mark.parametrize("radius", [0.0, 0.5, 100.0])
def test_ball_projection_is_the_nearest_point(radius):
    center = np.linspace(-1, 1, 6)
    found = prox.project_ball(V, center, radius)
    ball = {"type": "ineq", "fun": lambda x: radius**2 - np.sum((x - center) ** 2)}
    wanted = center if radius == 0 else brute_force(lambda x: 0.0, V, center, constraints=[ball])
    assert np.allclose(found, wanted, atol=1e-5)
    assert np.linalg.norm(found - center) <= radius * (1 + 1e-12)


@pytest.mark.parametrize("t", [0.1, 0.7])
def test_total_variation_prox_minimises_its_definition(t):
    v = np.random.default_rng(2).standard_normal((3, 4))
    found = prox.total_variation_prox(v, t, iterations=5000)
    assert is_least(lambda x: t * float(total_variation(x)), v, found)
    smooth = brute_force(
        lambda x: t * np.sqrt((gradient(x.reshape(3, 4)) ** 2).sum(axis=0) + 1e-10).sum(), v.ravel(), v.ravel()
    )
    assert np.allclose(found.ravel(), smooth, atol=1e-3)


def test_total_variation_prox_has_its_limits():
    v = np.random.default_rng(3).standard_normal((4, 5))
    assert np.allclose(prox.total_variation_prox(v, 0.0), v)
    assert np.allclose(prox.total_variation_prox(v, 1e3, iterations=3000), v.mean(), atol=1e-3)
    with pytest.raises(InputError, match="Input t must be"):
        prox.total_variation_prox(v, -1.0)
