r"""How an MDF file was acquired: its voxels, its frequencies, and what its periods are.

Position i of n along an axis of length L centred at c is at c - L/2 + (i - 1/2) L/n, i = 1..n, which is the rule of
`mpisim.Grid`. Bin k of the spectrum of a period has the frequency :math:`f_k = 2 k B / V` with the bandwidth B and V
samples; stored indices are k + 1.

The J periods of a frame are the angles of a field-free line where the gradient turns, and repetitions where the fields
of all are equal. Patches of a field-free point, whose offset fields differ, are refused. The line is where the gradient
matrix :math:`J_{ik} = \partial H_i / \partial x_k` has its null vector. Its normal in the plane of x and y follows from
the line's direction up to its sign; where :math:`H_z` depends on x and y, it is the direction of that gradient.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mpisim.data.grid import AXES, Grid
from mpisim.errors import InputError, require, warn
from mpisim.io.mdf.source import MdfFile

__all__ = ["Positions", "angles_of", "bins_of", "gradient_of", "periods_of", "positions_of"]

_SAME = 1e-6  # relative difference of fields that counts as none
_NO_LINE = 0.05  # smallest over largest singular value of a gradient, above which it has no field-free line
_DEFAULT_VOXEL = 1e-3  # m


@dataclass(frozen=True)
class Positions:
    """The voxels of a calibration or an image.

    Parameters
    ----------
    grid
        Along x, y, and z where it has more than one position.
    order
        Axes of the stored positions, the fastest first.
    thickness
        Field of view along z in m where there is one position; None if the file does not state it.
    """

    grid: Grid
    order: str = "xyz"
    thickness: float | None = None

    @property
    def counts(self) -> tuple[int, int, int]:
        """Positions along x, y, z."""
        nx, ny, *rest = self.grid.shape
        return nx, ny, rest[0] if rest else 1

    def described(self) -> dict[str, Any]:
        """Return the grid for the attributes of a dataset, with the thickness of a plane that the file states."""
        stated = {} if self.thickness is None or len(self.grid.shape) > 2 else {"thickness": self.thickness}
        return {**asdict(self.grid), **stated}

    def arranged(self, values: np.ndarray) -> np.ndarray:
        """Return stored positions (..., O) as (..., [z,] y, x)."""
        sizes = dict(zip(AXES, self.counts, strict=True))
        slowest_first = self.order[::-1]
        lead = values.shape[:-1]
        cube = values.reshape(*lead, *(sizes[a] for a in slowest_first))
        cube = cube.transpose(*range(len(lead)), *(len(lead) + slowest_first.index(a) for a in "zyx"))
        return cube.reshape(*lead, *self.grid.array_shape)


def positions_of(source: MdfFile, group: str, count: int | None) -> Positions:
    """Return the voxels of `/calibration` or `/reconstruction`.

    Parameters
    ----------
    source
        The file.
    group
        Path of the group.
    count
        How many positions the data have; None where they do not tell.

    Raises
    ------
    InputError
        If the group gives no grid, or one that contradicts the data or its own positions.
    """
    sizes = source.real(f"{group}/size")
    must = "given (positions that are no grid are not read)"
    if sizes is None:
        raise InputError(f"Input {source.name(f'{group}/size')} must be {must}; instead received none.")
    good = sizes.size in (2, 3) and bool(np.all((sizes >= 1) & (sizes == np.round(sizes))))
    require(good, source.name(f"{group}/size"), "three counts of positions", sizes.tolist())
    nx, ny, nz = (int(n) for n in [*sizes.ravel(), 1][:3])
    fits = count is None or nx * ny * nz == count
    require(fits, source.name(f"{group}/size"), f"of {count} positions, as the data have", f"{nx} x {ny} x {nz}")
    order = (source.text(f"{group}/order") or "xyz").strip().lower()
    known = sorted(order) == ["x", "y", "z"]
    require(known, source.name(f"{group}/order"), "the letters x, y and z in some order", repr(order))
    lengths = _three(source, f"{group}/fieldOfView")
    center = _three(source, f"{group}/fieldOfViewCenter")
    stored = source.real(f"{group}/positions")
    if lengths is None and stored is None:
        warn(f"{source.name(group)} states no field of view; its voxels are taken to be 1 mm long.")
    if lengths is None:
        lengths, middle = _measured(source, group, stored, (nx, ny, nz))
        center = middle if center is None else center
    center = np.zeros(3) if center is None else center
    thickness = float(lengths[2]) if lengths[2] > 0 else None
    shape = (nx, ny, nz) if nz > 1 else (nx, ny)
    grid = Grid(shape, tuple(float(x) for x in lengths[: len(shape)]), (center[0], center[1], center[2]))
    found = Positions(grid, order, thickness)
    if stored is not None:
        _compare(source, group, stored, found)
    return found


def _three(source: MdfFile, field: str) -> np.ndarray | None:
    values = source.real(field)
    if values is None:
        return None
    require(values.size == 3, source.name(field), "three numbers", f"the shape {values.shape}")
    return values.ravel()


def _measured(
    source: MdfFile, group: str, stored: np.ndarray | None, counts: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return lengths and centre from stored positions, or voxels of 1 mm where there are none."""
    if stored is None:
        return np.array(counts) * _DEFAULT_VOXEL, np.zeros(3)
    field = f"{group}/positions"
    require(stored.shape == (math.prod(counts), 3), source.name(field), "positions x 3", f"the shape {stored.shape}")
    low, high = stored.min(axis=0), stored.max(axis=0)
    lengths = [(h - lo) * n / (n - 1) if n > 1 else _DEFAULT_VOXEL for lo, h, n in zip(low, high, counts, strict=True)]
    return np.array(lengths), (low + high) / 2


def _compare(source: MdfFile, group: str, stored: np.ndarray, found: Positions) -> None:
    """Refuse positions that are not those of the grid."""
    name, grid = source.name(f"{group}/positions"), found.grid
    count = math.prod(found.counts)
    require(stored.shape == (count, 3), name, f"{count} x 3 numbers", f"the shape {stored.shape}")
    placed = found.arranged(stored.T).reshape(3, -1).T
    voxel = np.array([*grid.voxel, found.thickness or _DEFAULT_VOXEL][:3])
    off = float(np.max(np.abs(placed - grid.centers()) / voxel))
    require(off < 0.1, name, "those of its grid (size, fieldOfView, order)", f"some that are {off:.2g} voxels away")


def bins_of(source: MdfFile, count: int | None, samples: int, selected: bool) -> np.ndarray:
    """Return the bins k of the stored frequencies.

    Parameters
    ----------
    source
        The file.
    count
        How many frequencies are stored; None for data in time, which give all.
    samples
        V.
    selected
        Whether frequencies were selected.

    Raises
    ------
    InputError
        If the indices do not fit the data, or are not among those of V samples.
    """
    full = samples // 2 + 1
    if not selected:
        count = full if count is None else count
        must = f"of at most {full} frequencies, which V = {samples} samples give"
        require(count <= full, source.name("/measurement/data"), must, count)
        if count < full:
            warn(f"{source.path} holds {count} of {full} frequencies and names none; it is read as the first {count}.")
        return np.arange(count)
    field = "/measurement/frequencySelection"
    indices = source.real(field)
    if indices is None:
        raise InputError(
            f"Input {source.name(field)} must be given where isFrequencySelection is 1; instead received none."
        )
    bins = indices.ravel().astype(np.int64) - 1
    require(bins.size == count, source.name(field), f"of {count} indices, as the data have frequencies", bins.size)
    good = bool(np.all((bins >= 0) & (bins < full))) and np.unique(bins).size == bins.size
    require(good, source.name(field), f"different indices from 1 to {full}", f"{bins.min() + 1} to {bins.max() + 1}")
    return bins


def periods_of(source: MdfFile) -> int | None:
    """Return the periods of a frame, under the name of the specification or of its drafts; None if not stated."""
    found = source.count("/acquisition/numPeriodsPerFrame")
    return source.count("/acquisition/numPeriods") if found is None else found


def gradient_of(source: MdfFile) -> np.ndarray | None:
    """Return the gradient in T/m, shape (J or 1, Y, 3, 3); files in use also give (3,) or (3, 3) or leave out Y."""
    values = source.real("/acquisition/gradient")
    if values is None:
        return None
    if values.size == 3:
        return np.diag(values.ravel())[None, None]
    good = values.size % 9 == 0 and values.shape[-2:] == (3, 3) and values.ndim <= 4
    require(good, source.name("/acquisition/gradient"), "of the shape J x Y x 3 x 3", f"the shape {values.shape}")
    if values.ndim == 4:
        return values
    return values.reshape(-1, 1, 3, 3)


def _offsets_of(source: MdfFile) -> np.ndarray | None:
    values = source.real("/acquisition/offsetField")
    if values is None:
        return None
    good = values.shape[-1:] == (3,) and values.ndim <= 3
    require(good, source.name("/acquisition/offsetField"), "of the shape J x Y x 3", f"the shape {values.shape}")
    return values if values.ndim == 3 else values.reshape(-1, 1, 3)


def angles_of(source: MdfFile, periods: int) -> np.ndarray | None:
    """Return the angle of the line's normal in rad for every period; None where periods are repetitions.

    Raises `InputError` for patches, and for fields that change within a period.
    """
    own = source.real("/acquisition/_angles")
    if own is not None and own.size == periods:
        return own.ravel()
    gradient, offset = gradient_of(source), _offsets_of(source)
    for name, values in (("gradient", gradient), ("offsetField", offset)):
        if values is None:
            continue
        field = source.name(f"/acquisition/{name}")
        require(values.shape[0] in (1, periods), field, f"one for each of {periods} periods", f"{values.shape[0]}")
        scale = float(np.abs(values).max())
        steady = bool(np.allclose(values, values[:, :1], rtol=0, atol=_SAME * scale))
        require(steady, field, "the same throughout a period (moving fields are not read)", f"{values.shape[1]} values")
    if periods == 1:
        return None
    if offset is not None and not _equal(offset):
        patches = len(np.unique(np.round(offset[:, 0], 9), axis=0))
        must = "the same in all periods of a frame (focus-field patches are not read)"
        raise InputError(f"Input {source.name('/acquisition/offsetField')} must be {must}; instead received {patches}.")
    if gradient is None or _equal(gradient):
        if (source.text("/scanner/topology") or "").upper() == "FFL":
            warn(f"{source.path} states no turning gradient; its {periods} periods are taken to be repetitions.")
        return None
    return np.array([_normal(source, g) for g in gradient[:, 0]])


def _equal(values: np.ndarray) -> bool:
    return bool(np.allclose(values, values[:1], rtol=0, atol=_SAME * float(np.abs(values).max())))


def _normal(source: MdfFile, gradient: np.ndarray) -> float:
    """Return the angle of the normal of the field-free line of a gradient, from 0 to 2 pi."""
    _, sizes, right = np.linalg.svd(gradient)
    line = right[2]
    name = source.name("/acquisition/gradient")
    must = "the same in all periods, or that of a field-free line in the plane of x and y"
    good = sizes[2] < _NO_LINE * sizes[0] and abs(line[2]) < _NO_LINE
    require(good, name, must, np.round(gradient, 4).tolist())
    across = gradient[2, :2]
    if np.linalg.norm(across) > 1e-3 * sizes[0]:
        return float(math.atan2(across[1], across[0]) % (2 * math.pi))
    return float(math.atan2(-line[0], line[1]) % math.pi)
