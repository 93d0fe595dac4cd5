"""The subcommand `convert`."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from mpisim.cli.command import Result, argument_type, as_typed, in_flags
from mpisim.cli.info import KEYS as INFO_KEYS
from mpisim.cli.info import MDF_KEYS, Tally, described
from mpisim.cli.noise_options import NOISE_FLAGS, add_noise_options
from mpisim.cli.options import at_least, counts, lengths_mm
from mpisim.data.grid import Grid
from mpisim.data.sampling import BoxSampling
from mpisim.errors import DataWarning, require, warn

__all__ = ["KEYS", "add_arguments", "run"]

_OF_INFO_ALONE = {"format", "bytes", "arrays", "attributes", *MDF_KEYS}
KEYS = {
    **{name: text for name, text in INFO_KEYS.items() if name not in _OF_INFO_ALONE},
    "divided_by": "with --coarse: S^2, by which the values of whole blocks were divided; 1 with --block-means",
    "out": "the file that was written",
}
"""What `--json` prints."""

_NAMES = ("variable", "grid", "coarse", "order", "flip", "stacked", "frames", "units", "average")
_FLAGS = {name: f"--{name}" for name in _NAMES} | {
    "block_means": "--block-means",
    "fine_shape": "--fine-grid",
    "transposed": "--transposed or --no-transposed",
    **NOISE_FLAGS,
}
"""Flag by parameter of `mpisim.read`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("source", metavar="IN", help="MDF, MATLAB (.mat, any version), .npy, .npz, HDF5 or NetCDF file")
    parser.add_argument("out", metavar="OUT", help="NetCDF (.nc) or MDF (.mdf) file to write")
    parser.add_argument(
        "--variable",
        help="array in the file, a field of a structure as SM.S; default: the only one (see `mpisim info`)",
    )
    _add_voxels(parser)
    _add_layout(parser)
    parser.add_argument(
        "--average",
        type=argument_type("average", at_least(1)),
        metavar="N",
        help="measurement of an MDF file: mean over so many successive frames (periods, where these are repetitions)",
    )
    parser.add_argument("--units", metavar="UNIT", help="unit of the values, such as V or uV; default: not known (1)")
    add_noise_options(parser)


def _add_voxels(parser: argparse.ArgumentParser) -> None:
    grid, fov = argument_type("grid", counts), argument_type("fov", lengths_mm(0.1, 2000))
    coarse = argument_type("coarse", at_least(1))
    parser.add_argument(
        "--grid",
        type=grid,
        help="voxels of a system matrix along x, y[, z]: 32x24. A row runs through them with x fastest, then y (see "
        "--order). Without --grid the array is a measurement",
    )
    parser.add_argument("--fov", type=fov, help="field of view in mm along x, y[, z]; default: 1 mm per voxel")
    parser.add_argument(
        "--coarse",
        type=coarse,
        metavar="S",
        help="the sample filled S x S voxels of the grid to be recovered. The values are taken for signals of that "
        "sample, the sum over its voxels, and are DIVIDED BY S^2 to block means (--noise-std is that of the means); "
        "--block-means keeps them",
    )
    parser.add_argument(
        "--block-means", action="store_true", help="with --coarse: the values are block means, do not divide"
    )
    parser.add_argument(
        "--fine-grid",
        type=argument_type("fine-grid", counts),
        metavar="NXxNY",
        help="with --coarse: voxels of the grid to be recovered, such as 33x33, where S does not divide them. The last "
        "samples reached over its edge and filled n of S x S voxels: their values are divided by n. --fov is then that "
        "of this grid",
    )


def _add_layout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--order", metavar="xy|yx", help="which of x and y runs fastest in a row, named first; default: xy"
    )
    parser.add_argument(
        "--transposed",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="the array is voxels x rows, or rows x voxels; default: as its sizes show (a square one: rows x voxels)",
    )
    parser.add_argument(
        "--flip", metavar="x|y|xy", help="axes along which the array runs downwards, such as images stored top down"
    )
    parser.add_argument(
        "--stacked", action="store_true", help="the upper half of the rows is real parts, the lower half imaginary ones"
    )
    parser.add_argument(
        "--frames",
        metavar="AXIS",
        help="axis of a measurement that numbers its frames: first or last (rows x frames is last)",
    )


@contextmanager
def _warnings_as_typed() -> Iterator[None]:
    """Name flags, not parameters, in what the library warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        yield
    for warning in caught:
        warn(in_flags(str(warning.message), _FLAGS))


def _over_the_edge(grid: Grid, options: argparse.Namespace) -> Grid:
    """Return the coarse voxels where the last ones reach over the edge; as they are where counts do not fit."""
    count = len(options.fine_grid)
    require(count == 2, "--fine-grid", "two counts (x, y)", "x".join(map(str, options.fine_grid)))
    factor, fine = options.coarse, tuple(options.fine_grid)
    lengths = options.fov or (*(n * 1e-3 / factor for n in fine), *grid.fov[2:])
    sampling = BoxSampling(factor, shape=(fine[1], fine[0]))
    found = sampling.coarse_grid(Grid((*fine, *grid.shape[2:]), lengths))
    return found if found.shape == grid.shape else grid  # which `read` refuses


def run(options: argparse.Namespace) -> Result:
    """Convert a file."""
    import mpisim
    from mpisim.io.writing import expect_output

    expect_output(options.out, options.source)
    grid = None
    if options.grid is not None:
        grid = mpisim.Grid(options.grid, options.fov or tuple(n * 1e-3 for n in options.grid))
    if grid is not None and options.fine_grid is not None and options.coarse is not None:
        grid = _over_the_edge(grid, options)
    require(options.fine_grid is None or options.coarse is not None, "--fine-grid", "given with --coarse", "it without")
    for name in ("coarse", "fov"):
        without = getattr(options, name) is None or grid is not None
        require(without, f"--{name}", "given together with --grid", "it without")
    if _needs_slabs(options):
        return _by_slabs(options)
    with as_typed(_FLAGS), _warnings_as_typed():
        data = mpisim.read(
            options.source,
            options.variable,
            grid,
            options.coarse,
            block_means=options.block_means,
            fine_shape=options.fine_grid,
            order=options.order,
            transposed=options.transposed,
            flip=options.flip,
            stacked=options.stacked,
            frames=options.frames,
            units=options.units,
            average=options.average,
            snr=options.snr,
            noise_std=options.noise_std,
            noiseless=options.noiseless,
        )
    mpisim.write(data, options.out)
    divided = {} if options.coarse is None else {"divided_by": 1 if options.block_means else options.coarse**2}
    return {**described(data), **divided, "out": options.out}


def _needs_slabs(options: argparse.Namespace) -> bool:
    """Whether the source is a matrix of an MDF file that is too large to be read at once."""
    from pathlib import Path

    from mpisim.io.mdf.reading import is_too_large
    from mpisim.io.mdf.source import holds_mdf

    others = ("snr", "noise_std", "noiseless", "transposed", "block_means", "fine_grid")
    given = [name for name in (*_NAMES, *others) if getattr(options, name) not in (None, False)]
    plain = not given and Path(options.out).suffix.lower() == ".nc"
    return plain and Path(options.source).is_file() and holds_mdf(options.source) and is_too_large(options.source)


def _by_slabs(options: argparse.Namespace) -> Result:
    """Convert a matrix of an MDF file by slabs of frequencies, with bounded memory."""
    from mpisim.io.mdf.reading import matrix_slabs
    from mpisim.io.netcdf import write_netcdf_blocks

    tally = Tally("frequency")
    write_netcdf_blocks(map(tally.add, matrix_slabs(options.source)), options.out, along="frequency")
    return {**tally.described(), "out": options.out}
