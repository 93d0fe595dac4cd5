r"""Large samples at any positions, overlapping or not, each of its own size.

The sample i is a rectangle about a position in the plane. With the shares :math:`w^x_{ij}` and :math:`w^y_{ij}` of the
voxel j that it covers along x and y, a value is the mean over its n voxels,

.. math:: \bar b_i = \frac{1}{n_i}\sum_{jl} w^y_{ij}\,w^x_{il}\,a_{jl}, \qquad n_i = \sum_{jl} w^y_{ij}\,w^x_{il} .

Where edges of the sample lie on faces of voxels, all shares are 0 or 1, and this is the mean over a block. Between
faces it is **simplified**: a voxel that is covered in part counts as if the tracer were thinned there. That is exact
where rows are linear across a voxel; choose a fine grid whose faces the edges meet where it matters. Samples lie inside
the fine grid: what a sample beyond it receives is no mean over its voxels.

A sample of n voxels gives n times the signal of one. The noise of its mean is therefore :math:`S^2 / n` times
`noise_std`, which refers to a sample of S x S voxels with the factor S of the file; `filling` is :math:`n / S^2`, above
1 for larger samples.

The coarse file has the dimension `position` in place of y and x, with the coordinates `x`, `y` (centres in m), `size_x`
and `size_y` (edges in m), and states the fine grid in `sampling["grid"]`. As images, its rows are one value high.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import xarray as xr

from mpisim.data.blocks import Rows, block_mean
from mpisim.data.grid import Grid
from mpisim.data.sampling_operator import Sampling
from mpisim.errors import finite, require

__all__ = ["PositionSampling"]

_SNAP = 1e-6  # voxels: what rounding leaves of a face
_EDGES = (0.1, 1000.0)  # of a sample, in voxels
_FIELDS = ("x", "y", "size_x", "size_y")


@dataclass(frozen=True, eq=False)
class PositionSampling(Sampling):
    """Large samples at any positions: means over the voxels that each covers.

    Parameters
    ----------
    factor
        Edge S, in fine voxels, of the sample whose noise `noise_std` states.
    grid
        The fine grid, x and y.
    centers, sizes
        Centres of the samples and their edges along x and y in m, (position, 2).

    Raises
    ------
    InputError
        If there are no positions, or a sample is smaller than a tenth of a voxel or not inside the grid.
    """

    grid: Grid
    centers: np.ndarray
    sizes: np.ndarray
    scheme: ClassVar[str] = "positions"
    small_sample: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require(len(self.grid.shape) == 2, "grid", "of two axes, x and y", f"one of {len(self.grid.shape)}")
        centers, sizes = (finite(n, np.asarray(getattr(self, n), dtype=float)) for n in ("centers", "sizes"))
        good = centers.ndim == 2 and centers.shape[1] == 2 and len(centers) > 0 and sizes.shape == centers.shape
        must = "centres (x, y) of one sample or more, and as many sizes"
        require(good, "positions", must, f"arrays of shape {centers.shape} and {sizes.shape}")
        object.__setattr__(self, "centers", centers)
        object.__setattr__(self, "sizes", sizes)
        object.__setattr__(self, "shape", (self.grid.shape[1], self.grid.shape[0]))
        voxels = sizes / np.array(self.grid.voxel)
        (odd,) = np.nonzero(~np.all((voxels >= _EDGES[0]) & (voxels <= _EDGES[1]), axis=1))
        must = f"of edges from {_EDGES[0]:g} to {_EDGES[1]:g} voxels, in m"
        if odd.size:
            require(False, f"size of the sample at position {odd[0]}", must, f"{sizes[odd[0]].tolist()} m")
        (out,) = np.nonzero(np.any((self.low < 0) | (self.high > np.array(self.grid.shape)), axis=1))
        if out.size:
            first = out[0]
            received = (
                f"edges of {_mm(sizes[first])} mm about {_mm(centers[first])} mm on a grid of "
                f"{_mm(self.grid.fov)} mm about {_mm(self.grid.center[:2])} mm"
            )
            require(False, f"sample at position {first}", "completely inside the fine grid", received)

    @classmethod
    def blocks(cls, factor: int, grid: Grid, which: np.ndarray | None = None) -> PositionSampling:
        """Return the blocks of factor x factor voxels of a grid, all or those of these numbers, x fastest.

        The last ones of a side that the factor does not divide are smaller.
        """
        coarse = grid.coarsened(factor, partial=True)
        half = np.array(coarse.voxel[:2]) / 2
        centers = coarse.centers()[:, :2]
        centers = centers if which is None else centers[which]
        end = np.array(grid.center[:2]) + np.array(grid.fov[:2]) / 2
        low, high = centers - half, np.minimum(centers + half, end)
        return cls(factor, grid, (low + high) / 2, high - low)

    @classmethod
    def stated(cls, factor: int, grid: Grid, positions: object) -> PositionSampling:
        """Return the sampling of a table (position, 2 to 4) of x, y, and where given the edge, or two, in m.

        Samples without an edge have `factor` voxels along x and y.
        """
        table = np.atleast_2d(finite("positions", np.asarray(positions, dtype=float)))
        must = "rows of x, y in m, with no, one or two edges of the sample in m"
        good = table.ndim == 2 and table.shape[1] in (2, 3, 4) and len(table) > 0
        require(good, "positions", must, f"an array of shape {table.shape}")
        own = np.broadcast_to(factor * np.array(grid.voxel[:2]), (len(table), 2))
        sizes = {2: own, 3: table[:, [2, 2]] if table.shape[1] > 2 else own, 4: table[:, 2:]}[table.shape[1]]
        return cls(factor, grid, table[:, :2], sizes)

    @classmethod
    def _of(cls, coarse: xr.Dataset, factor: int) -> Sampling:
        missing = [n for n in _FIELDS if n not in coarse.coords]
        require(not missing, "coarse", f"a dataset with the coordinates {', '.join(_FIELDS)}", f"no {missing}")
        x, y, size_x, size_y = (coarse[n].values.astype(float) for n in _FIELDS)
        grid = Grid.of(coarse)
        return cls(factor, grid, np.stack([x, y], axis=-1), np.stack([size_x, size_y], axis=-1))

    @cached_property
    def low(self) -> np.ndarray:
        """First face of every sample along x and y in voxels from that of the grid, (position, 2)."""
        return self._faces(-0.5)

    @cached_property
    def high(self) -> np.ndarray:
        """Last face of every sample, as `low`."""
        return self._faces(0.5)

    def _faces(self, half: float) -> np.ndarray:
        first = np.array([self.grid.center[i] - self.grid.fov[i] / 2 for i in (0, 1)])
        faces = (self.centers + half * self.sizes - first) / np.array(self.grid.voxel)
        near = np.rint(faces)
        return np.where(np.abs(faces - near) < _SNAP, near, faces)

    def shares(self, axis: int) -> np.ndarray:
        """Share of every voxel along x (0) or y (1) that the samples cover, (position, voxel)."""
        voxel = np.arange(self.grid.shape[axis])
        low, high = self.low[:, axis, None], self.high[:, axis, None]
        return np.clip(np.minimum(high, voxel + 1) - np.maximum(low, voxel), 0, 1)

    @cached_property
    def voxels(self) -> np.ndarray:
        """Number n of voxels that every sample covers, (position,)."""
        return np.asarray(np.prod(self.high - self.low, axis=1))

    @property
    def carried_noise(self) -> float:
        """Noise of a mean, as `noise_std` states it, over that of fine values: that of the largest sample counts."""
        squares = [np.sum(self.shares(axis) ** 2, axis=1) for axis in (0, 1)]
        return float(np.sqrt(np.max(squares[0] * squares[1])) / self.factor**2)

    @property
    def noise_gain(self) -> int:
        """One: `noise_std` is that of a sample of S x S voxels."""
        return 1

    @property
    def filling(self) -> np.ndarray | None:
        """Voxels of every sample over S^2, (1, position); None where all are 1. Larger samples have more than 1."""
        filling = self.voxels / self.factor**2
        return None if np.all(np.abs(filling - 1) < _SNAP) else filling[None]

    @property
    def reduction(self) -> float:
        """Square root of the number of fine voxels over that of positions."""
        return float(np.sqrt(np.prod(self.grid.shape) / len(self.centers)))

    @property
    def coords(self) -> dict[str, tuple[str, np.ndarray]]:
        """Coordinates of the dimension `position` of a coarse dataset."""
        values = (*self.centers.T, *self.sizes.T)
        return {name: ("position", v) for name, v in zip(_FIELDS, values, strict=True)}

    def described(self) -> dict[str, object]:
        """Return what the attribute `sampling` of a file states: `scheme`, `factor` and the fine `grid`."""
        return {"scheme": self.scheme, "factor": self.factor, "grid": asdict(self.grid)}

    def apply(self, fine: Rows) -> Rows:
        """Means over the samples, (..., H, W) -> (..., 1, position)."""
        if self._lattices is not None:  # the same sums as those of other block means
            out = None
            for (size, x, y), members in self._lattices.items():
                means = block_mean(fine[..., y:, x:], size)
                rows, columns = (((self.low[members, i] - (x, y)[i]) // size).astype(int) for i in (1, 0))
                if out is None:
                    shape = (*fine.shape[:-2], 1, len(self.centers))
                    out = np.empty(shape, means.dtype) if isinstance(means, np.ndarray) else means.new_empty(shape)
                out[..., 0, members] = means[..., rows, columns]
            return out
        along_x, along_y = (_like(self.shares(i), fine) for i in (0, 1))
        summed = ((fine @ along_x.T) * along_y.T).sum(-2)[..., None, :]
        return summed / _like(self.voxels, fine)

    def adjoint(self, coarse: Rows) -> Rows:
        """Values spread evenly over the voxels of their samples, (..., 1, position) -> (..., H, W)."""
        along_x, along_y = (_like(self.shares(i), coarse) for i in (0, 1))
        return (along_y.T * (coarse / _like(self.voxels, coarse))) @ along_x

    @cached_property
    def _lattices(self) -> dict[tuple[int, int, int], np.ndarray] | None:
        """Samples that are square blocks of whole voxels, by edge and first voxel modulo it; None if any is not."""
        sizes = self.high - self.low
        if np.any(sizes[:, 0] != sizes[:, 1]) or np.any(np.rint(self.low) != self.low) or np.any(sizes % 1):
            return None
        keys = np.column_stack([sizes[:, :1], self.low % sizes[:, :1]]).astype(int)
        return {tuple(key): np.flatnonzero((keys == key).all(1)) for key in np.unique(keys, axis=0).tolist()}

    def coarse_grid(self, fine: Grid) -> Grid:
        """The fine grid."""
        return fine

    def fine_grid(self, coarse: Grid) -> Grid:
        """The grid that the samples lie on."""
        return self.grid

    def fine_shape(self, height: int, width: int) -> tuple[int, int]:
        """Shape (H, W) of the fine grid."""
        return self.grid.shape[1], self.grid.shape[0]


def _mm(lengths: object) -> str:
    return " x ".join(f"{1e3 * float(n):.4g}" for n in np.asarray(lengths).tolist())


def _like(values: np.ndarray, rows: Rows) -> Rows:
    """Return real values as an array or a tensor of the type of rows."""
    return values.astype(rows.dtype) if isinstance(rows, np.ndarray) else rows.new_tensor(values)
