"""Receive coils one by one: a method for one coil makes one for several."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from calib.methods.record import Recovered
from mpisim.errors import warn

__all__ = ["recover_coils"]


def recover_coils(coarse: xr.Dataset, one: Callable[[xr.Dataset], tuple[Recovered, str]]) -> Recovered:
    """Recover each receive coil by itself, and say in one warning what there is to say.

    Parameters
    ----------
    coarse
        A coarse matrix, with the dimension `receive` or without it.
    one
        Recovers the matrix of one coil; returns the result and what a warning should say, empty for nothing.

    Returns
    -------
    Recovered
        The result of one coil, or rows of all coils; metadata are then lists with a value for each coil, and
        `rows_refitted` are added up. There is a `std` if all coils have one.
    """
    dims, shape = coarse["system_matrix"].dims, coarse["system_matrix"].shape
    if "receive" not in dims:
        recovered, said = one(coarse)
        if said:
            warn(said)
        return recovered
    axis = dims.index("receive")
    coils = [one(coarse.isel(receive=i)) for i in range(shape[axis])]
    said = " ".join(f"Receive channel {i}: {words}" for i, (_, words) in enumerate(coils) if words)
    if said:
        warn(said)
    results = [recovered for recovered, _ in coils]
    if len(results) == 1:
        return results[0]
    lead = [n for i, n in enumerate(shape[:-2]) if i != axis]

    def together(parts: list[np.ndarray]) -> np.ndarray:
        return np.stack([p.reshape(*lead, *p.shape[-2:]) for p in parts], axis=axis).reshape(-1, *parts[0].shape[-2:])

    names = {str(name): None for result in results for name in result.metadata if name != "rows_refitted"}
    metadata: dict[str, object] = {name: [result.metadata.get(name) for result in results] for name in names}
    counts: dict[str, int] = {}
    for result in results:
        refitted = result.metadata.get("rows_refitted", {})
        assert isinstance(refitted, dict)
        for name, count in refitted.items():
            counts[name] = counts.get(name, 0) + int(count)
    if counts:
        metadata["rows_refitted"] = counts
    stds = [result.std for result in results if result.std is not None]
    return Recovered(
        together([result.rows for result in results]),
        metadata,
        together(stds) if len(stds) == len(results) else None,
    )
