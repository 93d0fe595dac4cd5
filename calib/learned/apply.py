"""Recovery by a trained network: which weights, the model of their file, and its use on a coarse matrix."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from calib.batches import apply_in_batches
from calib.learned.bundled import bundled_weights
from calib.learned.phase import row_phases, turned
from calib.learned.scope import stated_scope
from calib.methods.geometry import Geometry
from calib.methods.record import Recovered
from calib.nets.table import NETS
from mpisim.data.grid import Grid
from mpisim.data.sampling import Sampling
from mpisim.data.views import as_images, noise_per_row, replace_rows
from mpisim.errors import InputError, require

if TYPE_CHECKING:
    from torch import Tensor, device

    from calib.learned.model import RecoveryModel

__all__ = ["apply_model", "load_network", "recover_by_network", "weights_file"]


def recover_by_network(
    method: str,
    coarse: xr.Dataset,
    weights: str | os.PathLike[str] | None = None,
    unit: float | None = None,
) -> Recovered:
    """Recover a coarse matrix by a network of `calib.nets.table.NETS`.

    Rows whose harmonics have other phases than those of an ideal scanner are turned to these before the network, and
    back after it (`calib.learned.phase`), if the weights were trained on ideal scanners or with rows that are turned.

    `weights` and `unit` are those of `calib.recover`. For block means with noise the metadata hold the `misfit`. For a
    row it is the mean square of what the network leaves unexplained of the block means before data consistency, over
    that of the noise; the metadata hold the value that nine of ten rows do not exceed. For `transms` it is about 1 on
    matrices like those of its training. Raises `InputError` if weights are missing or made for another method or
    factor.
    """
    file = weights_file(coarse, method, weights)
    model, metadata = load_network(file, method, Sampling.of(coarse).factor)
    noisy = NETS[method].sampling == "box" and bool(noise_per_row(coarse).all())
    misfits: list[Tensor] = []
    recover_rows = partial(model, geometry=Geometry.of(coarse), misfits=misfits if noisy else None)
    by_ideal = model.config.phase == "ideal" or _knows_ideal_rows(metadata)
    rows = _cut(_applied(recover_rows, coarse, row_phases(coarse) if by_ideal else None, unit=unit), coarse)
    about = {"weights": file.name, "trained": metadata.get("train")}
    return Recovered(rows, {**about, "misfit": _misfit(misfits)} if noisy else about)


def _cut(rows: np.ndarray, coarse: xr.Dataset) -> np.ndarray:
    """Return rows without the voxels beyond the edge of the fine grid, which those of strided samples have."""
    height, width = Sampling.of(coarse).fine_shape(*as_images(coarse).shape[-2:])
    return rows[..., :height, :width]


def _knows_ideal_rows(metadata: Mapping[str, object]) -> bool:
    """Whether weights state that they were trained on the rows of ideal scanners, whose harmonics have no phases."""
    scope = stated_scope(metadata)
    return scope is not None and scope.imperfect is False


def _applied(
    recover_rows: Callable[[Tensor, Tensor], Tensor],
    coarse: xr.Dataset,
    phases: np.ndarray | None,
    device: str | device = "cpu",
    unit: float | None = None,
) -> np.ndarray:
    """Return fine rows (row, H, W); rows are turned by `phases` (row,) to those of an ideal scanner, and back."""
    if phases is None or bool((phases == 1).all()):
        return apply_in_batches(recover_rows, coarse, device, unit)
    rows = apply_in_batches(recover_rows, turned(coarse, phases.conj()), device, unit)
    return rows * phases[:, None, None].astype(rows.dtype)


def _misfit(misfits: Sequence[Tensor]) -> float:
    """Return the misfit that nine of ten rows do not exceed: a few bad rows do not count."""
    rows = np.concatenate([part.numpy() for part in misfits])
    return float(np.quantile(rows, 0.9))


def weights_file(coarse: xr.Dataset, method: str, weights: str | os.PathLike[str] | None = None) -> Path:
    """Return the file with a network's weights: the given one, or the bundled one for this factor and noise.

    Raises `InputError` if none is given and none is bundled.
    """
    factor = Sampling.of(coarse).factor
    file = bundled_weights(method, factor, not noise_per_row(coarse).any()) if weights is None else Path(weights)
    if weights is None and not file.is_file():
        raise InputError(
            f"Input weights must be given for {method} at {factor}x, for which none are bundled; instead received none."
        )
    return file


def load_network(file: Path, method: str, factor: int) -> tuple[RecoveryModel, Mapping[str, object]]:
    """Load the model of a weights file, and the metadata of the file.

    Raises `InputError` if it was made for another method or factor.
    """
    from calib.learned.checkpoint import load_model

    model, metadata = load_model(file)
    fits = (model.config.method, model.config.factor) == (method, factor)
    found = f"{model.config.method} at {model.config.factor}x in {file}"
    require(fits, "weights", f"made for {method} at {factor}x", found)
    return model, metadata


def apply_model(model: RecoveryModel, coarse: xr.Dataset) -> xr.Dataset:
    """Recover a coarse matrix with a model in memory, in bounded batches."""
    recover_rows = partial(model.eval(), geometry=Geometry.of(coarse))
    phases = row_phases(coarse) if model.config.phase == "ideal" else None
    rows = _cut(_applied(recover_rows, coarse, phases, next(model.parameters()).device), coarse)
    grid = Sampling.of(coarse).fine_grid(Grid.of(coarse))
    return replace_rows(coarse, rows, grid, stage="fine", origin="recovered", sampling=None)
