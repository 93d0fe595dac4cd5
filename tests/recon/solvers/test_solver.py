from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.sparse.linalg import aslinearoperator

import recon
from mpisim import InputError
from recon import Problem, Solution, Solver
from recon.solvers.solver import starting_images


@dataclass(frozen=True)
class Options:
    scale: float = 1.0


def least_squares(problem: Problem, options: Options) -> Solution:
    stacked = np.vstack([problem.matrix.real, problem.matrix.imag])
    images = np.linalg.lstsq(stacked, np.vstack([problem.y.real, problem.y.imag]))[0] * options.scale
    return Solution(np.maximum(images, 0) if problem.non_negative else images, {"scale": np.full(2, options.scale)})


GOOD = Solver("least squares", Options, least_squares)


EQUATIONS = sorted(name for name, solver in recon.METHODS.items() if solver.direct is None)


@pytest.mark.parametrize("name", EQUATIONS)
@pytest.mark.parametrize("non_negative", [True, False])
def test_every_solver_passes_the_check(name, non_negative):
    recon.check_solver(recon.METHODS[name], non_negative)


def test_a_solver_of_another_package_passes():
    recon.check_solver(GOOD)
    recon.check_solver(GOOD, non_negative=False)


def returning(change):
    """A solver whose solution is changed."""
    return replace(GOOD, solve=lambda problem, options: change(least_squares(problem, options)))


@pytest.mark.parametrize(
    ("solver", "sentence"),
    [
        (least_squares, "solver must be a recon.Solver"),
        (returning(lambda s: s.images), "result of the solver must be a Solution"),
        (returning(lambda s: replace(s, images=s.images.tolist())), "images .* must be a NumPy array"),
        (returning(lambda s: replace(s, images=s.images.T)), r"images .* must be of the shape .*\(12, 2\)"),
        (returning(lambda s: replace(s, images=s.images + 0j)), "images .* must be real"),
        (returning(lambda s: replace(s, images=s.images * np.nan)), "images .* must be finite"),
        (returning(lambda s: replace(s, images=-s.images)), "images .* must be non-negative"),
        (
            returning(lambda s: replace(s, figures={"steps": 3})),
            r"figure steps .* must be an array of the shape \(2,\)",
        ),
    ],
)
def test_a_solver_that_breaks_a_rule_gets_one_sentence(solver, sentence):
    with pytest.raises(InputError, match=rf"^Input {sentence}[^\n]*; instead received [^\n]*\.$"):
        recon.check_solver(solver)


def test_a_problem_for_other_data_keeps_what_was_computed_of_the_matrix():
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((8, 6)) + 1j * rng.standard_normal((8, 6))
    problem = Problem(matrix, matrix @ np.ones((6, 1)), (2, 3))
    other = matrix @ np.ones((6, 2))
    assert "gram" not in problem.with_data(other).__dict__
    stacked = np.concatenate([matrix.real, matrix.imag])
    np.testing.assert_allclose(problem.gram, stacked.T @ stacked)
    assert problem.spectrum.scale == pytest.approx(np.linalg.norm(matrix) ** 2 / 6)
    later = problem.with_data(other)
    assert later.gram is problem.gram and later.spectrum is problem.spectrum and later.y is other
    assert later.factor.shape == (2, 3) and later.with_data(other).factor is later.factor


def test_a_solver_of_two_arguments_takes_no_start():
    problem = Problem(np.eye(3, dtype=complex), np.ones((3, 1), complex), (1, 3))
    alone = replace(GOOD, solve=lambda problem, options: Solution(np.ones((3, 1))))
    assert np.array_equal(alone.run(problem, Options(), callback=print).images, np.ones((3, 1)))
    with pytest.raises(InputError, match="Input start must be left out for the solver, which takes none"):
        alone.run(problem, Options(), np.ones(3))
    both = replace(GOOD, solve=lambda problem, options, start, callback: Solution(starting_images(start, 3, 1)))
    assert np.array_equal(both.run(problem, Options(), np.arange(3)).images[:, 0], [0, 1, 2])
    with pytest.raises(InputError, match="Input matrix must be one in memory"):
        alone.run(replace(problem, matrix=aslinearoperator(problem.matrix)), Options())
