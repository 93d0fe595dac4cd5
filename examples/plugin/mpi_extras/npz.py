"""A file format: datasets of the schema as NumPy archives (.npz)."""

import json
import os

import numpy as np
import xarray as xr

import mpisim
from mpisim.io.atomic import replacing

__all__ = ["NPZ"]


def write(data: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """Write every variable as an array, and dimensions and attributes as JSON."""
    header = {
        "attrs": data.attrs,
        "variables": {str(k): [list(v.dims), dict(v.attrs), k in data.coords] for k, v in data.variables.items()},
    }
    arrays = {str(name): variable.values for name, variable in data.variables.items()}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, __header__=np.array(json.dumps(header)), **arrays)


def read(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read what `write` wrote."""
    try:
        with np.load(path) as archive:
            header = json.loads(str(archive["__header__"]))
            made = {n: (d, archive[n], a) for n, (d, a, _) in header["variables"].items()}
    except (OSError, ValueError, KeyError) as error:
        raise mpisim.InputError(f"Input {path} must be an archive of this format; instead received {error}.") from None
    coords = {n for n, (_, _, is_coordinate) in header["variables"].items() if is_coordinate}
    variables = {n: v for n, v in made.items() if n not in coords}
    return xr.Dataset(variables, {n: made[n] for n in coords}, header["attrs"])


NPZ = mpisim.FileFormat((".npz",), read, write)
