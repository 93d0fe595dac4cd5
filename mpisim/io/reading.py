"""Reading a dataset of any format, complete or in blocks."""

from __future__ import annotations

from collections.abc import Iterator

import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.noise_level import with_noise
from mpisim.data.schema import expect, validate
from mpisim.errors import require, with_article
from mpisim.io.contents import ARRAY_FILES
from mpisim.io.formats import FORMATS, FilePath, format_of
from mpisim.memory import limited_memory

__all__ = ["blocks_of", "read", "read_blocks"]


def read(
    path: FilePath,
    variable: str | None = None,
    grid: Grid | None = None,
    coarse: int | None = None,
    *,
    block_means: bool = False,
    fine_shape: tuple[int, int] | None = None,
    order: str | None = None,
    transposed: bool | None = None,
    flip: str | None = None,
    stacked: bool = False,
    frames: str | None = None,
    units: str | None = None,
    average: int | None = None,
    raw: bool = False,
    snr: float | None = None,
    noise_std: float | None = None,
    noiseless: bool = False,
    memory: float | None = None,
) -> xr.Dataset:
    """Read a system matrix, measurement or image.

    A file is known by its content, and by its suffix where the content does not tell. Everything but `average`,
    `raw`, `memory` and the noise is for arrays of other programs: MATLAB (all versions), `.npy`, `.npz` and HDF5.

    Parameters
    ----------
    path
        `.nc` of the schema, `.mdf` (MDF v2), an array of another program, or a file of any other format of `FORMATS`.
    variable
        The array's name, `SM.S` for the field of a structure; None takes the only array of numbers.
    grid
        The voxels of a system matrix; without a grid the array is a measurement.
    coarse
        The sample filled blocks of coarse x coarse voxels of the grid that is to be recovered. The values are taken
        for the signals of such samples, and are divided by coarse^2 to block means.
    block_means
        The values are block means already and are not divided.
    fine_shape
        Voxels of the grid that is to be recovered, along x and y, where `coarse` does not divide them. The last samples
        then reached over its edge and filled n of coarse^2 voxels: their values are divided by n (`block_means`: are
        means over these), and their noise is coarse^2 / n times that of the others. `grid` are the coarse voxels, all
        of them of full size. None stands for whole blocks.
    order
        Axes of the voxels, the fastest first: `xy` (x fastest, as in `reshape(ny, nx)` of NumPy), or `yx`. None
        presumes `xy`; an array with an axis for each of x and y is read as its sizes show.
    transposed
        Whether the array is voxels x rows (True) or rows x voxels (False). None goes by the sizes.
    flip
        Axes along which the array runs downwards: `x`, `y` or `xy`.
    stacked
        Whether the first half of the rows holds real parts, and the second half imaginary ones.
    frames
        Axis of a measurement that numbers its frames: `first` or `last`.
    units
        Unit of the values, such as `V` or `uV`; None leaves it unknown ("1").
    average
        Of a measurement in an MDF file: the mean over so many successive frames (periods, where these are repetitions).
    raw
        Of an MDF file: subtract no background and divide by no transfer function, but keep both beside the data, for
        `mpisim.preprocess`.
    snr, noise_std, noiseless
        The level of the noise, at most one of them: RMS of the values over the complex noise standard deviation in dB;
        that deviation in the unit of the values (of means over whole blocks); none at all. Without them the level stays
        what the file says, or unknown.
    memory
        Largest number of GB (10^9 bytes) that reading may take; None allows half of the free memory.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another kind, needs more memory, or does not fit the grid.
    """
    require(grid is None or isinstance(grid, Grid), "grid", "a mpisim.Grid", repr(grid))
    values = {
        **{"variable": variable, "grid": grid, "coarse": coarse, "block_means": block_means or None, "units": units},
        "fine_shape": fine_shape,
        **{"order": order, "transposed": transposed, "flip": flip, "stacked": stacked or None, "frames": frames},
        "average": average,
        "raw": raw or None,
    }
    given = {name: value for name, value in values.items() if value is not None}
    kind = format_of(path, given)
    entry = FORMATS[kind]
    foreign = [name for name in given if name not in entry.options]
    wanted = "an MDF file" if set(foreign) <= {"average", "raw"} else ARRAY_FILES
    must = f"{wanted} where {' and '.join(foreign)} is given"
    require(not foreign, str(path), must, with_article(f"{kind} file"))
    with limited_memory(memory), FORMATS.guarded(kind):
        data = entry.read(path, **given)
    return with_noise(validate(data, str(path)), snr=snr, noise_std=noise_std, noiseless=noiseless)


def read_blocks(path: FilePath, values: int) -> Iterator[xr.Dataset]:
    """Read a system matrix in blocks along its first dimension, of at most so many values (and of one index at least).

    A format that cannot be read in blocks gives the matrix complete. Raises as `read`, and where the file holds no
    system matrix.
    """
    for block in blocks_of(path, values):
        yield expect(block, "system_matrix", str(path))


def blocks_of(path: FilePath, values: int) -> Iterator[xr.Dataset]:
    """Read a dataset of any kind in blocks, as `read_blocks` reads a system matrix."""
    kind = format_of(path)
    entry = FORMATS[kind]
    if entry.read_blocks is not None:
        with FORMATS.guarded(kind):
            yield from entry.read_blocks(path, values)
    else:
        yield read(path)
