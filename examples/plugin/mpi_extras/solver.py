r"""A solver: projected Landweber iteration.

.. math:: x \leftarrow \left[x + \frac{1}{\lVert A\rVert^2}\,\mathrm{Re}\,A^H (y - A x)\right]_{(+)}
"""

from dataclasses import dataclass

import numpy as np

from recon import Problem, Solution, Solver

__all__ = ["LANDWEBER", "Options"]


@dataclass(frozen=True)
class Options:
    """Options of the solver: the number of steps."""

    iterations: int = 200


def landweber(problem: Problem, options: Options) -> Solution:
    """Minimise ||A x - y|| from zero, stopped early."""
    matrix, y = problem.matrix, problem.y
    step = 1 / np.linalg.norm(matrix, 2) ** 2
    images = np.zeros((matrix.shape[1], y.shape[1]))
    for _ in range(options.iterations):
        images += step * (matrix.conj().T @ (y - matrix @ images)).real
        if problem.non_negative:
            images = np.maximum(images, 0)
    return Solution(images, {"iterations": np.full(y.shape[1], options.iterations)})


LANDWEBER = Solver("projected Landweber iteration", Options, landweber)
