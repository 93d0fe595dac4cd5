"""Means over edges, discs and balls against closed forms of every monomial."""

from itertools import pairwise, product
from math import gamma, pi

import numpy as np
import pytest

from mpisim.simulation.quadrature import ball_rule, disc_rule, edge_rule


def mean_over_ball(powers):
    """Mean of the monomial with these powers over the unit disc (two powers) or ball (three), in closed form."""
    if any(n % 2 for n in powers):
        return 0.0
    dimension, degree = len(powers), sum(powers)
    on_surface = gamma(dimension / 2) / gamma((degree + dimension) / 2)
    for n in powers:
        on_surface *= gamma((n + 1) / 2) / pi**0.5
    return dimension / (degree + dimension) * on_surface


def monomials(dimension, degree):
    return [p for p in product(range(degree + 1), repeat=dimension) if sum(p) <= degree]


@pytest.mark.parametrize(("rule", "dimension"), [(disc_rule, 2), (ball_rule, 3)])
@pytest.mark.parametrize("points", [1, 2, 3, 4, 7])
def test_a_rule_is_exact_up_to_its_degree(rule, dimension, points):
    """All monomials of the total degree 2 n - 1 to 1e-14, and not all of the degree 2 n; points lie inside."""
    offsets, weights = rule(points)
    assert offsets.shape == (weights.size, dimension) and np.all(weights > 0)
    assert np.linalg.norm(offsets, axis=1).max() < 1
    errors = {
        powers: abs(weights @ np.prod(offsets ** np.array(powers), axis=1) - mean_over_ball(powers))
        for powers in monomials(dimension, 2 * points)
    }
    assert max(error for powers, error in errors.items() if sum(powers) < 2 * points) < 1e-14
    assert max(errors.values()) > 1e-7


def test_second_moments():
    """r^2 / 4 over a disc, r^2 / 5 over a ball, and edge^2 / 12 over an edge in any number of pieces."""
    disc, disc_weights = disc_rule(2)
    assert disc_weights @ disc**2 == pytest.approx([1 / 4, 1 / 4], rel=1e-14)
    ball, ball_weights = ball_rule(2)
    assert ball_weights @ ball**2 == pytest.approx([1 / 5, 1 / 5, 1 / 5], rel=1e-14)
    for pieces in (1, 3):
        edge, edge_weights = edge_rule(0.7, pieces, 2)
        assert edge_weights @ edge**2 == pytest.approx(0.7**2 / 12, rel=1e-14)


@pytest.mark.parametrize(("rule", "along"), [(disc_rule, [0.6, 0.8]), (ball_rule, [0.6, 0.0, 0.8])])
def test_a_function_that_is_no_polynomial_converges(rule, along):
    """The mean of exp(i k.r) over a disc is 2 J_1(k) / k, over a ball 3 (sin k - k cos k) / k^3; for k = 3."""
    from scipy.special import j1

    k = 3.0
    exact = 2 * j1(k) / k if rule is disc_rule else 3 * (np.sin(k) - k * np.cos(k)) / k**3
    errors = []
    for points in (1, 3, 5, 7, 9):
        offsets, weights = rule(points)
        errors.append(abs(weights @ np.exp(1j * k * offsets @ along) - exact))
    assert errors[-1] < 1e-13
    assert all(later < earlier / 5 for earlier, later in pairwise(errors))
