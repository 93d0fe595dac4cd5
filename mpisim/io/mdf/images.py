"""Images of an MDF file, in `/reconstruction`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from mpisim.data.schema import build
from mpisim.errors import require, warn
from mpisim.io.mdf.acquisition import positions_of
from mpisim.io.mdf.metadata import gathered
from mpisim.io.mdf.source import MdfFile
from mpisim.memory import require_memory

__all__ = ["image_of", "voxels_of"]


def voxels_of(source: MdfFile) -> int:
    """Return the number P of positions of the images; raises `InputError` unless they are Q x P x S numbers."""
    field = "/reconstruction/data"
    item = source.dataset(field)
    assert item is not None
    require(1 <= item.ndim <= 3, source.name(field), "Q x P x S numbers", f"the shape {item.shape}")
    return int(item.shape[min(1, item.ndim - 1)])


def image_of(source: MdfFile) -> xr.Dataset:
    """Return the images of `/reconstruction`, in the unit that the file has for them."""
    field, voxels = "/reconstruction/data", voxels_of(source)
    item = source.dataset(field)
    assert item is not None
    require_memory(source.name(field), 3 * item.size * 16)
    values = source.numbers(field)
    assert values is not None
    shape = values.shape
    values = values.reshape((1, *shape, 1) if values.ndim == 1 else (*shape, 1) if values.ndim == 2 else shape)
    contrasts = values.shape[2]
    require(contrasts == 1, source.name(field), "of one contrast (images of several are not read)", f"{contrasts}")
    if np.iscomplexobj(values):
        size = float(np.abs(values.imag).max())
        if size > 1e-6 * float(np.abs(values).max()):
            warn(f"{source.name(field)} is complex; its imaginary part is left out.")
        values = values.real
    positions = positions_of(source, "/reconstruction", voxels)
    arranged = positions.arranged(values[..., 0]).astype(np.result_type(values.dtype, np.float32))
    frame = ("frame",) if len(arranged) > 1 else ()
    return build(
        "image",
        arranged if frame else arranged[0],
        (*frame, *positions.grid.dims),
        positions.grid.coords(),
        units=source.text("/reconstruction/_unit") or "1",
        origin="measured",
        grid=positions.described(),
        source=Path(source.path).name,
        mdf=gathered(source),
    )
