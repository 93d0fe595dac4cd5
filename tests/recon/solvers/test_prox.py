import numpy as np
import pytest

from recon.solvers.prox import project_ball
from tests.laws import assert_prox

V = np.random.default_rng(0).standard_normal(6) * 2
CENTER = np.linspace(-1, 1, 6)


@pytest.mark.parametrize("radius", [0.0, 0.5, 100.0])
def test_ball_projection_is_the_nearest_point(radius):
    def indicator(x):
        return 0.0 if np.linalg.norm(x - CENTER) <= radius * (1 + 1e-12) else np.inf

    assert_prox(lambda v: project_ball(v, CENTER, radius), indicator, V)


def test_every_vector_has_its_own_ball():
    radii = np.array([0.0, 0.5, 100.0])
    together = project_ball(np.stack([V] * 3), CENTER, radii)
    assert np.array_equal(together, np.stack([project_ball(V, CENTER, r) for r in radii]))
    assert np.allclose(np.linalg.norm(together - CENTER, axis=1)[:2], radii[:2]) and np.allclose(together[2], V)
