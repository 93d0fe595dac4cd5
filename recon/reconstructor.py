"""A method of reconstruction with its options and conditions, in three steps: prepare, solve, and describe the image.

`recon.reconstruct` does them once. `recon.frames` prepares the matrix once for frames that come one after the other.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.schema import VOXEL_DIMS, build
from mpisim.errors import DataWarning, InputError, one_of, require
from recon.fit import warn_of_misfit
from recon.methods import METHODS
from recon.preparation import Conditions, Prepared, prepare, prepare_direct
from recon.selection.settled import settled_options
from recon.solvers.solver import Solution, Solver, checked
from recon.solving import options_of
from recon.streaming import StoredRows, prepare_stored

__all__ = ["Reconstructor"]


@dataclass(frozen=True)
class Reconstructor:
    """A method, its options, and the conditions on the system of equations; `Reconstructor.of` checks them.

    Parameters
    ----------
    method
        A name of `recon.METHODS`.
    options
        An instance of the options of the method.
    conditions
        What is demanded of the system of equations.
    preset
        Name of the preset that the options are from; None for none.
    """

    method: str
    options: Any
    conditions: Conditions
    preset: str | None = None

    @classmethod
    def of(
        cls, method: str, preset: str | None, conditions: Conditions, options: Mapping[str, object]
    ) -> Reconstructor:
        """Return the record; raise `InputError` for an unknown method, preset or option."""
        solver = METHODS[one_of("method", method, METHODS)]
        return cls(method, options_of(method, _preset(solver, method, preset) | dict(options)), conditions, preset)

    @property
    def solver(self) -> Solver:
        """The record of the method."""
        return METHODS[self.method]

    def prepared(self, matrix: xr.Dataset | StoredRows | None, y: xr.Dataset) -> Prepared:
        """Return the system of equations; see `recon.preparation`."""
        if self.solver.direct is not None:
            return prepare_direct(_dataset(matrix, self.method), y, self.conditions, self.method)
        if matrix is None:
            message = f"Input matrix must be a system matrix for the method {self.method}; instead received None."
            raise InputError(message)
        if isinstance(matrix, StoredRows):
            return prepare_stored(matrix, y, self.conditions, self.method)
        noise_ball, published = self.solver.noise_ball, self.preset is not None
        return prepare(matrix, y, self.conditions, self.method, noise_ball, published, self.solver.streams)

    def prepared_like(self, first: Prepared, header: xr.Dataset, y: xr.Dataset) -> Prepared:
        """Return the system of equations of later frames, with what was computed of the matrix for the first ones.

        Parameters
        ----------
        first
            The system of the first frames, of a matrix whose errors are not used.
        header
            The matrix before it was prepared, with a single voxel.
        y
            A measurement of the same rows, unit, noise and acquisition as the first frames.
        """
        c = replace(self.conditions, eps=None, row_mask=first.kept, row_snr=None, use_std=False, background=None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # they were given for the first frames
            found = prepare(header, y, replace(c, min_frequency=None, max_frequency=None), self.method)
        data, removed = found.problem.y, first.removed
        if removed is not None:
            data, removed = removed.elimination.applied(data), removed.with_data(data)
        return replace(first, problem=first.problem.with_data(data), y=found.y, removed=removed)

    def solved(self, prepared: Prepared) -> Solution:
        """Return images and figures; a `DataWarning` says of images that do not fit their data."""
        if self.solver.direct is not None:
            return self._direct(prepared)
        settled, by_rule = settled_options(self.options, prepared.problem, prepared.noise, prepared.deviation)
        with METHODS.guarded(self.method):
            solution = self.solver.run(prepared.problem, settled, name=f"method {self.method}")
        found = {} if prepared.background is None else {"background_rms": prepared.background_rms(solution.images)}
        solution = replace(solution, figures={**solution.figures, **by_rule, **found})
        warn_of_misfit(solution, prepared.problem)
        return solution

    def _direct(self, prepared: Prepared) -> Solution:
        """Return the images of a method that solves no system of equations."""
        assert self.solver.direct is not None
        data, non_negative = (prepared.matrix, prepared.y), prepared.problem.non_negative
        rows = {"sigma": prepared.sigma, "kept": prepared.kept, "non_negative": non_negative}
        with METHODS.guarded(self.method):
            solution = self.solver.direct(*data, self.options, **rows)
            return checked(solution, prepared.problem, f"method {self.method}")

    def image(self, prepared: Prepared, solution: Solution, stored: StoredRows | None = None) -> xr.Dataset:
        """Return the dataset of the images; `stored` is the matrix where it was read by slabs."""
        problem, matrix, y = prepared.problem, prepared.matrix, prepared.y
        single = "frame" not in y["measurement"].dims
        voxels = [str(d) for d in matrix["system_matrix"].dims if d in VOXEL_DIMS]
        values = solution.images.T.reshape(-1, *problem.shape)
        axes = {d: matrix[d] for d in voxels} if stored is None else stored.coords
        coords = axes | ({"frame": y["frame"]} if "frame" in y.coords else {})
        deviation, c = prepared.deviation, self.conditions
        return build(
            "image",
            values[0] if single else values,
            tuple(voxels if single else ["frame", *voxels]),
            coords,
            units=prepared.unit,
            method=self.method,
            options={**asdict(self.options), "non_negative": c.non_negative},
            preset=self.preset,
            noise_db=c.noise_db,
            whitened=prepared.sigma is not None,
            rows={"used": len(problem.y), "measured": prepared.rows, **c.stated()},
            background=None if prepared.background is None else prepared.background.record(),
            matrix_errors=None if deviation is None else float(np.sqrt(np.mean(deviation**2))),
            **{k: _plain(v, single) for k, v in solution.figures.items()},
            matrix=dict(matrix.attrs),
            measurement=dict(y.attrs),
        )


def _dataset(matrix: xr.Dataset | StoredRows | None, method: str) -> xr.Dataset | None:
    """Return a matrix for a method that uses its voxels only; one that is read by slabs does not have them."""
    if isinstance(matrix, StoredRows):
        must = f"one that fits into the memory for the method {method}"
        raise InputError(f"Input matrix must be {must}; instead received one that is larger.")
    return matrix


def _preset(solver: Solver, method: str, preset: str | None) -> dict[str, object]:
    if preset is None:
        return {}
    require(bool(solver.presets), "preset", f"left out for the method {method}, which has none", preset)
    return dict(solver.presets[one_of("preset", preset, solver.presets)])


def _plain(values: np.ndarray, single: bool) -> object:
    """Return numbers as a file takes them: Python's own, one for a single image, None for NaN."""
    plain = [None if isinstance(v, float) and not math.isfinite(v) else v for v in values.tolist()]
    return plain[0] if single else plain
