"""What a reconstruction method is: a record that turns a problem into a solution, and the check of what it returns.

Another package adds a method as an entry point of the group `mpisim.solvers`, or with `recon.METHODS.register`:

    def solve(problem, options, start=None, callback=None) -> Solution:
        images = np.linalg.lstsq(problem.matrix, problem.y)[0].real
        return Solution(images)

    record = Solver("plain least squares", Options, solve)

where `Options` is a frozen dataclass with a default for every field. `recon.check_solver(record)` belongs in its tests.

All solvers have this signature. `start` holds the images that the iteration starts from, shape (N, images) or (N,).
`callback(iteration, images, figures)` sees the images (N, images) and numbers about them after every iteration, or
after every few; a true answer ends the iteration. A method that does not iterate leaves both aside.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from mpisim.errors import InputError, finite, require
from recon.solvers.factor import Factorisation, factorise
from recon.solvers.operators import stack_real
from recon.solvers.spectrum import Spectrum

__all__ = ["Callback", "Problem", "Solution", "Solver", "check_solver", "checked", "starting_images"]

Callback: TypeAlias = Callable[[int, np.ndarray, Mapping[str, np.ndarray]], object]
"""A function of iteration, images (N, images) and figures, each (images,); a true answer ends the iteration."""


@dataclass(frozen=True)
class Problem:
    """The system of equations A x = y + n for one image or several.

    Parameters
    ----------
    matrix
        System matrix A, shape (M, N), complex. Rows are white, E|n_i|^2 = 1, where the noise is known. For a solver
        that `streams` it may be a `recon.solvers.matrix.SlabMatrix`, which reads its rows from a file.
    y
        Data, shape (M, images), complex128, white like the matrix.
    shape
        Image shape (y, x) or (z, y, x), x fastest, with the product N.
    non_negative
        Whether images must be non-negative.
    radius
        Radius of the noise ball ||A x - y||_2 <= radius; None for a method without one.
    radius_from_data
        Whether the method estimates the radius from the data, with `radius` as the least value.
    radius_limit
        Largest radius that is taken from the data, and `radius` where the data give none; None for any.
    """

    matrix: Any
    y: np.ndarray
    shape: tuple[int, ...]
    non_negative: bool = True
    radius: float | None = None
    radius_from_data: bool = False
    radius_limit: float | None = None

    @cached_property
    def factor(self) -> Factorisation:
        """The factorisation of the matrix that ADMM takes."""
        return factorise(self.matrix, self.shape)

    @cached_property
    def spectrum(self) -> Spectrum:
        """The singular values and vectors of the matrix, from which rules choose lambda."""
        return Spectrum.of(self.matrix)

    @cached_property
    def gram(self) -> np.ndarray:
        """S^T S of the stacked real matrix S, shape (N, N)."""
        rows = stack_real(self.matrix)
        return rows.T @ rows

    def with_data(self, y: np.ndarray) -> Problem:
        """Return the problem for other data (M, images), with what was computed of the matrix so far."""
        found = replace(self, y=y)
        kept = {name: self.__dict__[name] for name in ("factor", "spectrum", "gram") if name in self.__dict__}
        vars(found).update({str(name): value for name, value in kept.items()})
        return found


@dataclass(frozen=True)
class Solution:
    """Images, and numbers about them.

    Parameters
    ----------
    images
        Concentrations relative to the sample's, shape (N, images), real.
    figures
        Numbers for the attributes of the image by name, each with one value for every image, shape (images,). Methods
        that iterate give `iterations`, `converged` and `residual`, ||A x - y||_2.
    """

    images: np.ndarray
    figures: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Solver:
    """A reconstruction method.

    Parameters
    ----------
    summary
        One line for users.
    options
        Frozen dataclass with the options of the method; every field has a default. The command line has a flag for
        each number and word, with the text `help` of the field's `metadata`.
    solve
        Function from the problem and an instance of `options`, and a start and a callback or None, to the solution (see
        the module). It raises `InputError` for options out of range. A function of the first two alone works, too.
    noise_ball
        Whether the method takes a radius of the noise ball (`eps`).
    version
        Whoever changes the numbers of the method raises it; studies then compute their cached images again.
    presets
        Values of the options by name of the preset, such as those of a publication.
    streams
        Whether `solve` takes a matrix that is read from a file slab by slab.
    direct
        Function from the datasets of matrix and measurement and an instance of `options` to the solution, for a method
        that solves no system of equations; `recon.reconstruct` then calls it in place of `solve`.
    """

    summary: str
    options: type
    solve: Callable[..., Solution]
    noise_ball: bool = False
    version: int = 1
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    streams: bool = False
    direct: Callable[..., Solution] | None = None

    def __post_init__(self) -> None:
        require(callable(self.solve), "solve of the solver", "a function", type(self.solve).__name__)
        must = "a dataclass with a default for every field"
        good = isinstance(self.options, type) and is_dataclass(self.options)
        require(good, "options of the solver", must, repr(self.options))
        bare = [f.name for f in fields(self.options) if f.default is MISSING and f.default_factory is MISSING]
        require(not bare, "options of the solver", must, f"none for {', '.join(bare)}")
        known = {f.name for f in fields(self.options)}
        for name, values in self.presets.items():
            must, foreign = f"made of {', '.join(sorted(known))}", sorted(set(values) - known)
            require(not foreign, f"preset {name} of the solver", must, ", ".join(foreign))

    def run(
        self,
        problem: Problem,
        options: object,
        start: np.ndarray | None = None,
        callback: Callback | None = None,
        name: str = "solver",
    ) -> Solution:
        """Solve a problem and check the result; `name` is how messages call the method.

        Raises `InputError` as `solve` and `checked`, and if the method takes no start and one is given.
        """
        must = "one in memory for this method"
        require(isinstance(problem.matrix, np.ndarray) or self.streams, "matrix", must, "one that is read by slabs")
        if len(inspect.signature(self.solve).parameters) > 2:
            return checked(self.solve(problem, options, start, callback), problem, name)
        require(start is None, "start", f"left out for the {name}, which takes none", "images")
        return checked(self.solve(problem, options), problem, name)


def starting_images(start: np.ndarray | None, voxels: int, count: int) -> np.ndarray:
    """Return the images that an iteration starts from, shape (N, images), float64; zeros for None.

    Raises `InputError` unless they are finite, real and of the shape (N, images), or (N,) for one image.
    """
    if start is None:
        return np.zeros((voxels, count))
    images = np.asarray(finite("start", start))
    fits = images.shape == (voxels, count) or (count == 1 and images.shape == (voxels,))
    require(fits, "start", f"images of the shape ({voxels}, {count})", images.shape)
    require(images.dtype.kind in "fiu", "start", "real", f"values of type {images.dtype}")
    return images.reshape(voxels, count).astype(float)


def checked(solution: object, problem: Problem, name: str = "solver") -> Solution:
    """Return what a solver returned for a problem.

    Raises `InputError` if it is no `Solution`, its images have another shape than (N, images), are not real or not
    finite, or are negative where the problem excludes that, or a figure does not have one value for every image.
    """
    what = f"result of the {name}"
    if not isinstance(solution, Solution):
        raise InputError(f"Input {what} must be a Solution; instead received {type(solution).__name__}.")
    images, count = solution.images, problem.y.shape[1]
    require(isinstance(images, np.ndarray), f"images in the {what}", "a NumPy array", type(images).__name__)
    wanted = (problem.matrix.shape[1], count)
    require(images.shape == wanted, f"images in the {what}", f"of the shape (voxels, images) {wanted}", images.shape)
    require(images.dtype.kind == "f", f"images in the {what}", "real floating-point numbers", images.dtype)
    require(bool(np.isfinite(images).all()), f"images in the {what}", "finite everywhere", "NaN or infinite values")
    least = float(images.min())
    require(least >= 0 or not problem.non_negative, f"images in the {what}", "non-negative", f"values down to {least}")
    for key, values in solution.figures.items():
        fits = isinstance(values, np.ndarray) and values.shape == (count,)
        require(fits, f"figure {key} in the {what}", f"an array of the shape ({count},)", repr(values))
    return solution


def check_solver(solver: Solver, non_negative: bool = True) -> None:
    """Run a solver with its default options on a problem of 3 x 4 voxels, 20 rows and two images.

    Parameters
    ----------
    solver
        The record.
    non_negative
        Whether the problem demands x >= 0; False for a method that cannot.

    Raises
    ------
    InputError
        If the record or what the solver returns is of another type or shape, or not finite; see `Solver`, `Solution`.
    """
    require(isinstance(solver, Solver), "solver", "a recon.Solver", type(solver).__name__)
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((20, 12)) + 1j * rng.standard_normal((20, 12))
    noise = (rng.standard_normal((20, 2)) + 1j * rng.standard_normal((20, 2))) / np.sqrt(2)
    y = matrix @ rng.uniform(5, 10, (12, 2)) + noise
    radius = float(np.sqrt(20)) if solver.noise_ball else None
    problem = Problem(matrix, y, (3, 4), non_negative, radius)
    solver.run(problem, solver.options())
