"""Data consistency: the closed form of Eq. 20-22 is the projection it claims to be."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from calib.methods.consistency import nearest_consistent
from mpisim.data.blocks import block_mean, filling


def draw(seed, *shape):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def residual_norm(fine, means, factor):
    """||b - D a|| in the paper's convention, per row over both channels."""
    return (factor * (means - block_mean(fine, factor))).square().sum((1, 2, 3)).sqrt()


@pytest.mark.parametrize("factor", [2, 4])
def test_exact_data_are_met(factor):
    fine, means = draw(0, 3, 2, 2 * factor, 3 * factor), draw(1, 3, 2, 2, 3)
    projected = nearest_consistent(fine, means, torch.zeros(3, dtype=torch.float64), factor)
    assert torch.allclose(block_mean(projected, factor), means, atol=1e-13)


def test_the_result_lies_on_the_ball_or_is_left_alone():
    factor, m = 4, 6
    fine, means = draw(0, 3, 2, 8, 12), draw(1, 3, 2, 2, 3)
    sigma = torch.tensor([0.01, 0.3, 50.0], dtype=torch.float64)
    projected = nearest_consistent(fine, means, sigma, factor)
    epsilon = m**0.5 * factor * sigma
    assert torch.allclose(residual_norm(projected, means, factor)[:2], epsilon[:2], rtol=1e-12)
    assert torch.equal(projected[2], fine[2])


def nearest_by_solver(fine, slack_of):
    """Minimise ||a - fine||^2 where `slack_of(a)` is zero or more, by a general solver; return a as one vector."""

    def slack(a):
        a = torch.from_numpy(a.reshape(fine.shape)).requires_grad_()
        value = slack_of(a)
        return value.item(), torch.autograd.grad(value, a)[0].numpy().ravel()

    start = fine.numpy().ravel()
    solved = minimize(
        lambda a: np.sum((a - start) ** 2),
        start,
        jac=lambda a: 2 * (a - start),
        constraints={"type": "ineq", "fun": lambda a: slack(a)[0], "jac": lambda a: slack(a)[1]},
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    return solved.x  # on some processors it ends by rounding, hence not its own word


def test_it_is_the_nearest_such_row():
    """Against a general solver of min ||a - a0||^2 s.t. ||b - D a|| <= eps on a row of 2 x 4 x 4 (1e-5)."""
    factor = 2
    fine, means = draw(2, 1, 2, 4, 4), draw(3, 1, 2, 2, 2)
    sigma = torch.tensor([0.2], dtype=torch.float64)
    projected = nearest_consistent(fine, means, sigma, factor).numpy().ravel()
    epsilon = 4**0.5 * factor * 0.2

    solved = nearest_by_solver(fine, lambda a: epsilon**2 - residual_norm(a, means, factor)[0] ** 2)
    assert np.allclose(projected, solved, atol=1e-5)


def test_projecting_twice_changes_nothing_and_gradients_flow():
    fine, means = draw(4, 2, 2, 8, 8).requires_grad_(), draw(5, 2, 2, 2, 2)
    sigma = torch.tensor([0.1, 0.0], dtype=torch.float64)
    once = nearest_consistent(fine, means, sigma, 4)
    assert torch.allclose(nearest_consistent(once, means, sigma, 4), once, atol=1e-13)
    assert torch.autograd.gradcheck(lambda a: nearest_consistent(a, means, sigma, 4), (fine,))


def test_rows_that_already_agree_have_finite_gradients():
    fine = draw(6, 1, 2, 4, 4).requires_grad_()
    means = block_mean(fine.detach(), 2)
    nearest_consistent(fine, means, torch.zeros(1, dtype=torch.float64), 2).sum().backward()
    assert torch.isfinite(fine.grad).all()


def weighed_norm(fine, means, factor):
    """Norm of the residual in units of the noise of each block mean over that of a whole block."""
    share = torch.from_numpy(filling(tuple(fine.shape[-2:]), factor))
    return ((means - block_mean(fine, factor)) * share).square().sum((1, 2, 3)).sqrt()


@pytest.mark.parametrize(("shape", "factor"), [((13, 23), 2), ((13, 23), 8), ((33, 33), 8)])
def test_partial_blocks_are_met_exactly_or_to_their_own_noise(shape, factor):
    fine = draw(0, 4, 2, *shape)
    means = block_mean(fine, factor) + draw(1, *block_mean(fine, factor).shape)
    sigma = torch.tensor([0.0, 1e-6, 0.1, 50.0], dtype=torch.float64)
    projected = nearest_consistent(fine, means, sigma, factor)
    assert torch.allclose(block_mean(projected, factor)[0], means[0], atol=1e-13)
    radius = (means[0, 0].numel() ** 0.5) * sigma
    assert torch.allclose(weighed_norm(projected, means, factor)[1:3], radius[1:3], rtol=1e-8)
    assert torch.equal(projected[3], fine[3])
    complex_rows = (torch.complex(v[:, 0], v[:, 1]).numpy() for v in (fine, means))
    found = nearest_consistent(*complex_rows, sigma.numpy(), factor)
    assert np.allclose(found, torch.complex(projected[:, 0], projected[:, 1]).numpy(), atol=1e-12)


def test_with_partial_blocks_it_is_the_nearest_such_row():
    """Against a general solver of min ||a - a0||^2 in the ball of unequal noise, on a row of 2 x 5 x 3 (1e-5)."""
    fine, means = draw(2, 1, 2, 5, 3), draw(3, 1, 2, 3, 2)
    projected = nearest_consistent(fine, means, torch.tensor([0.2], dtype=torch.float64), 2).numpy().ravel()

    solved = nearest_by_solver(fine, lambda a: 6 * 0.2**2 - weighed_norm(a, means, 2)[0] ** 2)
    assert np.allclose(projected, solved, atol=1e-5)


def test_equal_shares_are_the_closed_form_and_gradients_flow():
    fine, means = draw(4, 2, 2, 8, 8), draw(5, 2, 2, 2, 2)
    sigma = torch.tensor([0.1, 0.0], dtype=torch.float64)
    wanted = nearest_consistent(fine, means, sigma, 4)
    assert torch.allclose(nearest_consistent(fine, means, sigma, 4, np.ones((2, 2))), wanted, atol=1e-12)
    odd, of_odd = draw(6, 2, 2, 5, 3).requires_grad_(), draw(7, 2, 2, 3, 2)
    assert torch.autograd.gradcheck(lambda a: nearest_consistent(a, of_odd, sigma, 2), (odd,))
