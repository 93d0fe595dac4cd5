"""All methods by one call: arrays in, images and figures out."""

import numpy as np
import pytest

import recon
from mpisim import InputError
from tests.recon.problems import random_problem

EQUATIONS = sorted(name for name, solver in recon.METHODS.items() if solver.direct is None)
ITERATE = sorted(set(EQUATIONS) - {"tikhonov"})


def solved(method, **options):
    S, u, _, eps = random_problem(is_complex=True, noise=0.1)
    ball = {"radius": eps} if recon.METHODS[method].noise_ball else {}
    return recon.solve(S, u, method, shape=(3, 4), **ball, **options)


@pytest.mark.parametrize("method", EQUATIONS)
def test_every_method_is_called_alike(method):
    truth = random_problem()[2]
    found = solved(method)
    assert found.images.shape == (12, 1) and found.images.min() >= 0
    assert np.linalg.norm(found.images[:, 0] - truth) < 0.5 * np.linalg.norm(truth)
    if method in ITERATE:
        assert {"iterations", "converged", "residual"} <= set(found.figures)
        S, u, _, _ = random_problem(is_complex=True, noise=0.1)
        away = np.linalg.norm(S @ found.images[:, 0] - u)
        assert found.figures["residual"][0] == pytest.approx(away, rel=1e-6)


@pytest.mark.parametrize("method", ITERATE)
def test_a_callback_sees_images_and_ends_every_iteration(method):
    seen = []

    def watch(iteration, images, figures):
        assert images.shape == (12, 1) and all(v.shape == (1,) for v in figures.values())
        seen.append(iteration)
        return True

    found = solved(method, callback=watch, **({} if method == "kaczmarz" else {"tolerance": 1e-9}))
    assert len(seen) == 1 and found.figures["iterations"][0] == seen[0]


@pytest.mark.parametrize("method", ["admm", "cg", "fista"])
def test_a_start_at_the_answer_saves_iterations(method):
    tight = solved(method, tolerance=1e-7)
    warm, cold = solved(method, start=tight.images, tolerance=1e-4), solved(method, tolerance=1e-4)
    assert warm.figures["iterations"][0] <= cold.figures["iterations"][0]
    assert np.allclose(warm.images, tight.images, atol=1e-2)
    with pytest.raises(InputError, match=r"^Input start must be "):
        solved(method, start=np.ones(5))


def test_bad_input_gets_one_sentence():
    S, u, _, _ = random_problem(is_complex=True)
    for change, sentence in (
        ({"method": "cgls"}, "method must be one of"),
        ({"mu": 1.0}, "options must be among regularisation"),
        ({"shape": (2, 5)}, "shape must be counts with the product 12"),
        ({"radius": 1.0}, "radius must be left out for the method kaczmarz"),
        ({"method": "fbp"}, "method must be one that solves a system of equations"),
    ):
        with pytest.raises(InputError, match=rf"^Input {sentence}[^\n]*; instead received"):
            recon.solve(S, u, **change)
