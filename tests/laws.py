"""Laws that tests of all packages share."""

from collections.abc import Callable

import numpy as np

__all__ = ["assert_adjoint", "assert_prox"]

Array = np.ndarray


def random_array(rng: np.random.Generator, shape: tuple[int, ...], is_complex: bool) -> Array:
    """Draw standard normal numbers, real or complex."""
    values = rng.standard_normal(shape)
    return values + 1j * rng.standard_normal(shape) if is_complex else values


def assert_adjoint(
    forward: Callable[[Array], Array],
    adjoint: Callable[[Array], Array],
    x_shape: tuple[int, ...],
    y_shape: tuple[int, ...],
    is_complex: bool = False,
    rtol: float = 1e-10,
) -> None:
    """Assert <forward(x), y> = <x, adjoint(y)> for random x and y, and the shapes of both results.

    Parameters
    ----------
    forward, adjoint
        Linear maps of arrays.
    x_shape, y_shape
        Shape of the argument of `forward`, and of its result.
    is_complex
        Draw complex numbers.
    rtol
        Largest difference, relative to the product of the norms.
    """
    rng = np.random.default_rng(0)
    x, y = random_array(rng, x_shape, is_complex), random_array(rng, y_shape, is_complex)
    image, back = np.asarray(forward(x)), np.asarray(adjoint(y))
    assert image.shape == y_shape and back.shape == x_shape
    assert np.any(image != 0), "the map is zero, of which every map is an adjoint"
    size = np.linalg.norm(image) * np.linalg.norm(y) + np.linalg.norm(x) * np.linalg.norm(back)
    assert abs(np.vdot(y, image) - np.vdot(back, x)) <= rtol * size


def assert_prox(
    prox: Callable[[Array], Array], function: Callable[[Array], float], v: Array, trials: int = 4000
) -> None:
    """Assert that prox(v) minimises function(x) + ||x - v||^2 / 2, against random points near and far.

    Parameters
    ----------
    prox
        The proximal map.
    function
        A convex function of an array; infinite outside its domain.
    v
        Where the map is evaluated.
    trials
        Number of points that the answer is compared with.
    """
    rng = np.random.default_rng(1)
    x = prox(v)
    assert x.shape == v.shape

    def value(point: Array) -> float:
        return float(function(point)) + 0.5 * float(np.sum((point - v) ** 2))

    least = value(x)
    assert np.isfinite(least), "the answer lies outside the domain of the function"
    others = [v, np.zeros_like(v), 0.5 * (x + v), 0.999 * x + 0.001 * v]  # a convex function falls towards its minimum
    for scale in (1e-4, 1e-2, 1.0):
        others += list(x + scale * rng.standard_normal((trials // 3, *x.shape)))
    tolerance = 1e-9 * max(1.0, abs(least))
    assert all(value(point) >= least - tolerance for point in others)
