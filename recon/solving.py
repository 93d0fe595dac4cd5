"""The system of equations of an image, solved by any method of `recon.METHODS`: arrays in, images and figures out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from mpisim.errors import one_of, require
from recon.methods import METHODS
from recon.solvers.matrix import checked_matrix, data_of
from recon.solvers.solver import Callback, Problem, Solution

__all__ = ["options_of", "solve"]


def options_of(method: str, options: Mapping[str, object]) -> Any:
    """Return the record of the options of a method; raise `InputError` for another method or option."""
    solver = METHODS[one_of("method", method, METHODS)]
    known = [f.name for f in fields(solver.options)]
    unknown = sorted(set(options) - set(known))
    require(not unknown, "options", f"among {', '.join(known)} for the method {method}", ", ".join(unknown))
    with METHODS.guarded(method):
        return solver.options(**options)


def solve(
    matrix: np.ndarray | LinearOperator,
    y: np.ndarray,
    method: str = "kaczmarz",
    *,
    shape: tuple[int, ...] | None = None,
    non_negative: bool = True,
    radius: float | None = None,
    start: np.ndarray | None = None,
    callback: Callback | None = None,
    **options: object,
) -> Solution:
    """Solve the system of equations A x = y + n by any method: arrays in, images and figures out.

    Parameters
    ----------
    matrix
        System matrix A, shape (M, N), real or complex, whitened where the noise is known. Methods that stream take a
        `scipy.sparse.linalg.LinearOperator`, too; kaczmarz one with slabs of rows (`recon.solvers.matrix.SlabMatrix`).
    y
        Data, shape (M,) or (M, images).
    method
        A name of `METHODS`; not one that needs the datasets.
    shape
        Image shape (y, x) or (z, y, x), x fastest; None is one line of voxels.
    non_negative
        Demand x >= 0.
    radius
        Radius of the noise ball ||A x - y||_2 of admm; None where the method has none.
    start
        Images to start from, shape (N, images), or (N,) for one. Each solver says what a start does.
    callback
        A function of iteration, images (N, images) and figures (each (images,)); a true answer ends the iteration.
    **options
        Options of the method, such as the fields of `KaczmarzOptions`.

    Returns
    -------
    Solution
        Images (N, images), and for methods that iterate the figures `iterations`, `converged` and `residual`.

    Raises
    ------
    InputError
        For another method or option, shapes that do not fit, or numbers out of range.
    """
    chosen, solver = options_of(method, options), METHODS[method]
    data = data_of(matrix, y)
    must = f"left out for the method {method}, which has no noise ball"
    require(solver.noise_ball or radius is None, "radius", must, radius)
    voxels = int(np.shape(matrix)[1])
    shape = (1, voxels) if shape is None else tuple(int(n) for n in shape)
    require(math.prod(shape) == voxels, "shape", f"counts with the product {voxels}", shape)
    matrix = checked_matrix(matrix)
    if isinstance(matrix, np.ndarray) and not np.iscomplexobj(matrix):
        matrix = matrix.astype(complex)
    problem = Problem(matrix, data, shape, non_negative, radius)
    with METHODS.guarded(method):
        return solver.run(problem, chosen, start, callback, f"method {method}")
