"""Every method of recovery on one coarse matrix, compared with a reference: errors, times, and why others do not apply.

A method applies if it takes the sampling of the matrix, and if the file holds what it needs, such as angles. A network
also needs weights for the factor. Errors are those of `calib.evaluation`; the time is that of `calib.recover` alone,
without the loading of libraries.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr

from calib.evaluation import Evaluation, evaluate, part_of
from calib.learned.bundled import bundled_weights
from calib.recovery import METHODS, recover
from mpisim.data.grid import Grid
from mpisim.data.noise_level import GivenNoise, NoiseLevel, level_of
from mpisim.data.sampling import Sampling
from mpisim.data.schema import expect
from mpisim.data.views import require_same_rows
from mpisim.errors import DataWarning, InputError, one_of, require, warn
from mpisim.progress import progress

__all__ = ["Compared", "Comparison", "compare"]


@dataclass(frozen=True)
class Compared:
    """What a method made of a coarse matrix.

    Parameters
    ----------
    method
        Its name.
    errors
        Errors against the reference; None for a method that does not apply.
    seconds
        Time that the recovery took; None for a method that does not apply.
    reason
        Why the method does not apply, in words; empty where it does.
    notes
        What was warned of while it recovered the matrix.
    """

    method: str
    errors: Evaluation | None = None
    seconds: float | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Methods of recovery on one coarse matrix.

    Parameters
    ----------
    results
        Methods that apply, from the smallest error to the largest, then those that do not.
    matrices
        Recovered matrices by method, in the order of `results`.
    noise
        Noise level of the coarse matrix that was given or estimated; None for that of the file.
    """

    results: tuple[Compared, ...]
    matrices: Mapping[str, xr.Dataset] = field(default_factory=dict, repr=False)
    noise: NoiseLevel | None = None

    @property
    def applied(self) -> tuple[Compared, ...]:
        """The methods that apply."""
        return tuple(result for result in self.results if result.errors is not None)


def compare(
    coarse: xr.Dataset,
    reference: xr.Dataset,
    methods: Sequence[str] | None = None,
    weights: Sequence[str | os.PathLike[str]] = (),
    snr: float | None = None,
    noise_std: float | None = None,
    noiseless: bool = False,
) -> Comparison:
    """Recover a coarse system matrix by every method that applies and compare each with a reference.

    Parameters
    ----------
    coarse
        A coarse system matrix.
    reference
        The fine matrix of the same scanner and tracer.
    methods
        Names of `calib.METHODS`; by default all.
    weights
        Weights files of `mpisim train`, each for its own method in place of bundled ones.
    snr, noise_std, noiseless
        Noise of the coarse matrix, as `calib.recover` takes it; at most one. A level that is neither known nor given is
        estimated once, for all methods.

    Returns
    -------
    Comparison
        Errors and times by method, and the recovered matrices.

    Raises
    ------
    InputError
        If a method is unknown, the reference is not of the coarse matrix's rows and voxels, a weights file is damaged,
        the noise level is given twice, or no method applies.
    """
    expect(coarse, "system_matrix", "coarse", stage="coarse")
    reference = _checked_reference(coarse, reference)
    names = tuple(METHODS) if methods is None else tuple(dict.fromkeys(methods))
    for name in names:
        one_of("methods", name, METHODS)
    given = {_method_of(file): file for file in weights}
    import torch  # noqa: F401 - loaded before the first method is timed

    level = _level(coarse, GivenNoise(snr, noise_std, noiseless))
    known = coarse if level is None else level.applied(coarse)
    matrices: dict[str, xr.Dataset] = {}
    results = [_compared(name, known, reference, given, matrices) for name in progress(names, unit="method")]
    ordered = sorted(results, key=lambda r: (r.errors is None, r.errors.nrmse if r.errors else 0.0))
    reasons = "; ".join(f"{r.method}: {r.reason}" for r in results)
    require(bool(matrices), "coarse", "a matrix to which one of the methods applies", f"none ({reasons})")
    for note in dict.fromkeys(note for result in ordered for note in result.notes):
        warn(note)
    found = {r.method: matrices[r.method] for r in ordered if r.errors is not None}
    return Comparison(tuple(ordered), found, level)


def _level(coarse: xr.Dataset, given: GivenNoise) -> NoiseLevel | None:
    """Return the noise level that was given or estimated; None if the file states it or it cannot be estimated."""
    if given != GivenNoise():
        return level_of(coarse, given)
    try:
        return level_of(coarse, given)
    except InputError:
        return None  # methods that need it say so


def _checked_reference(coarse: xr.Dataset, reference: xr.Dataset) -> xr.Dataset:
    """Return a reference on the fine voxels of a coarse matrix, or raise `InputError` if it lacks them or its rows."""
    expect(reference, "system_matrix", "reference", stage="fine")
    require_same_rows(reference, coarse, "reference")
    grid = Sampling.of(coarse).fine_grid(Grid.of(coarse))
    reference = part_of(reference, grid)
    found = Grid.of(reference)
    require(found.shape == grid.shape, "reference", f"of the voxels {grid.shape} that are recovered", found.shape)
    off = max(float(np.max(np.abs(found.axis(i) - grid.axis(i)) / grid.voxel[i])) for i in range(len(grid.shape)))
    require(off < 1e-3, "reference", "at the voxel centres that are recovered", f"centres up to {off:.3g} voxels off")
    return reference


def _method_of(file: str | os.PathLike[str]) -> str:
    """Return the method for which a weights file was trained."""
    from calib.learned.checkpoint import load_model

    return str(load_model(Path(file))[0].config.method)


def _compared(
    name: str,
    coarse: xr.Dataset,
    reference: xr.Dataset,
    weights: Mapping[str, str | os.PathLike[str]],
    matrices: dict[str, xr.Dataset],
) -> Compared:
    """Recover by a method and compare; add the matrix to `matrices`, or say why the method does not apply."""
    reason = _obstacle(name, coarse, weights)
    if reason:
        return Compared(name, reason=reason)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        start = time.perf_counter()
        try:
            found = recover(coarse, name, weights.get(name))
        except InputError as error:
            return Compared(name, reason=str(error))
        seconds = time.perf_counter() - start
    matrices[name] = found
    notes = tuple(dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, DataWarning)))
    return Compared(name, evaluate(found, reference), round(seconds, 3), notes=notes)


def _obstacle(name: str, coarse: xr.Dataset, weights: Mapping[str, str | os.PathLike[str]]) -> str:
    """Return why a method does not apply, as far as its record tells; an empty text if nothing is in the way."""
    method, sampling = METHODS[name], coarse.attrs["sampling"]
    scheme, factor = sampling["scheme"], sampling["factor"]
    if scheme not in method.samplings:
        return f"it needs {' or '.join(method.samplings)} sampling, this matrix has {scheme} sampling"
    if method.learned and name not in weights and not bundled_weights(name, factor).is_file():
        return f"no weights are bundled for {factor}x"
    return ""
