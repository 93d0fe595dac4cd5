r"""How images fit their data, and what is warned of where one does not.

The misfit of an image x is :math:`\lVert A x - y\rVert_2 / \lVert y\rVert_2`, with the matrix and the data as the
method sees them. The empty image has the misfit 1. It lies in the noise ball where :math:`\lVert y\rVert_2 \le
\epsilon`, and a large regularisation leaves little else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from mpisim.errors import warn
from recon.solvers.solver import Problem, Solution

__all__ = ["warn_of_misfit"]

_REACHED = 0.01  # of eps: an image farther than this outside the noise ball is reported
_EXPLAINED = 0.01  # of the norm of the data: an image that explains less is reported as empty


def warn_of_misfit(solution: Solution, problem: Problem) -> None:
    """Warn of images that do not lie in their noise ball, and of those that explain nothing of the data.

    One `DataWarning` for each cause, with the numbers of the first of the images.
    """
    _warn_of_empty_images(solution, problem)
    figures = solution.figures
    if not {"feasible", "converged", "eps", "residual", "least_residual"} <= set(figures):
        return
    feasible, proven = np.asarray(figures["feasible"], dtype=bool), np.isfinite(figures["least_residual"])
    outside = figures["residual"] > (1 + _REACHED) * figures["eps"]
    advice = "a larger eps, or eps = auto, allows for the errors of the matrix"
    _say("no image lies in the noise ball", advice, ~feasible & proven, figures)
    _say("no image was found in the noise ball", advice, ~feasible & ~proven, figures)
    missed = feasible & ~np.asarray(figures["converged"], dtype=bool) & outside
    _say("the noise ball was not reached", "more iterations may reach it", missed, figures)


def _warn_of_empty_images(solution: Solution, problem: Problem) -> None:
    """Warn of images that are empty although there are data: eps holds the empty image, or too much is regularised."""
    size = np.linalg.norm(problem.y, axis=0)
    eps = solution.figures.get("eps", np.full(size.shape, -1.0))
    inside = (size > 0) & (size <= eps)
    if inside.any():
        first = int(np.argmax(inside))
        warn(
            f"With eps = {eps[first]:.4g} the empty image already fits the measurement{_frames(inside)}: its norm is "
            f"{size[first]:.4g} in the unit of eps. The image is zero. If something was measured, eps must be smaller."
        )
    if isinstance(problem.matrix, np.ndarray) or "residual" not in solution.figures:
        misfit = np.linalg.norm(problem.matrix @ solution.images - problem.y, axis=0)
    else:  # a pass over a file less
        misfit = solution.figures["residual"]
    unexplained = (size > 0) & ~inside & (misfit > (1 - _EXPLAINED) * size) & (misfit <= (1 + _EXPLAINED) * size)
    if unexplained.any():
        explained = 100 * (1 - misfit[unexplained][0] / size[unexplained][0])
        cause = "eps is too large" if problem.radius is not None else "the regularisation is too strong"
        warn(
            f"The image explains {max(explained, 0.0):.2g} % of the measurement{_frames(unexplained)} and is nearly "
            f"empty. If something was measured, {cause}."
        )


def _say(what: str, advice: str, images: np.ndarray, figures: Mapping[str, np.ndarray]) -> None:
    """Warn of the chosen images (image,), with the numbers of the first of them."""
    if images.any():
        first = int(np.argmax(images))
        eps, residual, least = (float(figures[name][first]) for name in ("eps", "residual", "least_residual"))
        lowest = f"the least possible residual is {least:.4g}, " if math.isfinite(least) else ""
        warn(f"With eps = {eps:.4g} {what}{_frames(images)}: {lowest}that of the image {residual:.4g}; {advice}.")


def _frames(images: np.ndarray) -> str:
    """Return in words in how many of several frames something is so; empty for a single image."""
    return f" in {np.count_nonzero(images)} of {images.size} frames" if images.size > 1 else ""
