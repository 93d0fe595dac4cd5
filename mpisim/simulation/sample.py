r"""The tracer sample that a calibration moves over the voxels, and where it really is.

Its signal is that of the whole sample: its number of particles, concentration times volume, times the mean over its
points. The mean over an edge is a composite Gauss-Legendre rule with :math:`n` points on each voxel's length, exact for
polynomials of degree :math:`2n - 1`; over the rectangle or the cuboid it is the product of these. Discs and spheres
have rules that are exact to the same total degree with :math:`n` times the voxels across
(`mpisim.simulation.quadrature`).

A robot that means to put the sample at the voxel's centre :math:`r_i` puts it at

.. math:: r_i' = R\,(r_i + \epsilon_i) + t,

where :math:`t` is the offset and :math:`R` the rotation about z of the robot's coordinates against the scanner's, both
the same at every position, and :math:`\epsilon_i` the error of this position, normal with the standard deviation
`jitter` along x, y and z. The sample itself turns with the robot. Every position is visited once, for all angles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from itertools import product

import numpy as np

from mpisim.data.grid import Grid
from mpisim.errors import numbers_of, one_of, positive, require, seed_number, warn, whole, within
from mpisim.scanner.parts import checked_flag, rotated, vector_of
from mpisim.simulation.quadrature import ball_rule, disc_rule, edge_rule

__all__ = ["SHAPES", "Sample"]

SHAPES = ("box", "cylinder", "sphere")
"""Shapes of a sample; the axis of a cylinder is along z."""
_LENGTHS = (1e-6, 0.5)  # m
_FARTHEST_OFFSET = 0.1  # m
_LARGEST_JITTER = 5e-3  # m
_HEIGHT = 1e-3  # m
_HIGHEST_CONCENTRATION = 1e30  # particles per m^3; a solid has fewer atoms
_MOST_POINTS = 1000
_FILLING = {"box": 1.0, "cylinder": math.pi / 4, "sphere": math.pi / 6}  # volume over that of the box around it
_SINCE_0_2 = ("shape", "offset", "rotation", "jitter", "seed")
_AROUND = 32  # points on a circle, which leave 1 - cos(pi/32) = .5 % of its radius out
_DRAWS = 20_231  # names the random numbers of the positions, so that no other use of the seed shares them


@dataclass(frozen=True)
class Sample:
    """The tracer sample whose signal is one column of a system matrix.

    Parameters
    ----------
    size
        Edge lengths, or diameters, along x and y in m, from 1e-6 to 0.5; None, the default, fills one voxel of the
        grid. A sample that is larger than a voxel makes an overlapping grid: rows are then sums over several voxels,
        and a sample of two voxels' edge a grid of half steps.
    height
        Edge length along z in m, from 1e-6 to 0.5. It scales the volume; the field is averaged over it only where
        `thick` is set. That of a sphere is its diameter.
    concentration
        Particles per m^3. 1e20 is about 3 mg of iron per ml for magnetite cores of 25 nm.
    thick
        Whether the mean is over the height too (off the plane the selection field has other components than z); the
        default is the mean over the rectangle or the disc in the plane of the grid. A sphere is always thick.
    points
        Gauss-Legendre points along each edge of a voxel. With n points times the voxels across, the mean over a disc
        or a sphere is exact to the degree 2 n - 1.
    shape
        `box`, `cylinder` (its axis along z; an ellipse where `size` has two diameters) or `sphere`.
    offset
        Offset (x, y, z) of the calibration's coordinates against the scanner's in m, each at most 0.1: every position
        is off by it. Robots are aligned to some .1 mm.
    rotation
        Rotation of the calibration's coordinates about the scanner's z axis in rad, from -pi to pi: positions and
        sample turn about the origin of the scanner, counterclockwise as seen from +z.
    jitter
        Standard deviation of the error of each position along x, y and z in m, from 0 to 0.005, independent from
        position to position and the same at every angle. Positioning of robots: .05 to .1 mm.
    seed
        Seed of these errors. They depend on the seed and the number of voxels only, and are proportional to `jitter`.

    Raises
    ------
    InputError
        If a length is not in its range, the concentration is not positive or above 1e30, `thick` is no truth value,
        `points` is not from 1 to 1000, the shape is unknown, or a sphere has two diameters or a height of its own.
    """

    size: tuple[float, float] | None = None
    height: float = _HEIGHT
    concentration: float = 1e20
    thick: bool = False
    points: int = 4
    shape: str = "box"
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rotation: float = 0.0
    jitter: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.size is not None:
            require(len(numbers_of("sample size", self.size)) == 2, "sample size", "two lengths (x, y)", self.size)
            object.__setattr__(self, "size", tuple(within("sample size", s, *_LENGTHS, "m") for s in self.size))
        object.__setattr__(self, "height", within("sample height", self.height, *_LENGTHS, "m"))
        object.__setattr__(self, "concentration", positive("sample concentration", self.concentration))
        within("sample concentration", self.concentration, 0, _HIGHEST_CONCENTRATION, "particles per m^3")
        object.__setattr__(self, "points", whole("sample points", self.points))
        require(self.points <= _MOST_POINTS, "sample points", f"at most {_MOST_POINTS}", self.points)
        one_of("sample shape", self.shape, SHAPES)
        thick = checked_flag("sample thick", self.thick)
        object.__setattr__(self, "thick", thick or self.shape == "sphere")
        offset = vector_of("sample offset", self.offset, "three lengths (x, y, z)")
        low, high = -_FARTHEST_OFFSET, _FARTHEST_OFFSET
        object.__setattr__(self, "offset", tuple(within("sample offset", o, low, high, "m") for o in offset))
        object.__setattr__(self, "rotation", within("sample rotation", self.rotation, -math.pi, math.pi, "rad"))
        object.__setattr__(self, "jitter", within("sample jitter", self.jitter, 0, _LARGEST_JITTER, "m"))
        object.__setattr__(self, "seed", seed_number(self.seed, "sample seed"))
        if self.shape == "sphere":
            self._check_sphere()

    def _check_sphere(self) -> None:
        """Refuse a sphere of two diameters or with a height of its own."""
        diameters = set(self.size or ())
        require(len(diameters) <= 1, "size of a sphere", "one diameter, twice", self.size)
        own = self.height not in {_HEIGHT, *diameters}
        require(not own, "height of a sphere", "left out, since it is the diameter", self.height)

    def as_mapping(self) -> dict[str, object]:
        """Fields as a file holds them; those that version 0.1 did not have only where they say something."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        silent = {f.name for f in fields(self) if f.name in _SINCE_0_2 and values[f.name] == f.default}
        return {k: v for k, v in values.items() if k not in silent or (k == "seed" and self.jitter > 0)}

    # -- size ---------------------------------------------------------------------------------------------------------

    def edges(self, grid: Grid) -> tuple[float, float, float]:
        """Edge lengths or diameters (x, y, z) in m on this grid; raise `InputError` for a sphere in oblong voxels."""
        along_x, along_y = self.size or grid.voxel[:2]
        if self.shape == "sphere":
            round_ = math.isclose(along_x, along_y, rel_tol=1e-9)
            require(round_, "size of a sphere", "given where the voxels are no squares", f"voxels of {grid.voxel} m")
            return along_x, along_y, along_x
        height = grid.voxel[2] if len(grid.shape) == 3 and self.size is None else self.height
        return along_x, along_y, height

    def warn_beyond(self, grid: Grid) -> None:
        """Warn of a sample that is larger than the field of view of a grid."""
        if any(edge > (1 + 1e-9) * length for edge, length in zip(self.edges(grid), grid.fov[:2], strict=False)):
            sample, fov = (" x ".join(f"{1e3 * n:.6g}" for n in sizes[:2]) for sizes in (self.edges(grid), grid.fov))
            warn(f"The sample of {sample} mm is larger than the field of view of {fov} mm.")

    def volume(self, grid: Grid) -> float:
        """Volume of the sample in m^3."""
        return _FILLING[self.shape] * math.prod(self.edges(grid))

    def particles(self, grid: Grid) -> float:
        """Number of particles in the sample."""
        return self.concentration * self.volume(grid)

    # -- points -------------------------------------------------------------------------------------------------------

    def axis_rule(self, index: int, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        """Offsets in m and weights with the sum 1 of a box's mean along x (0), y (1) or z (2), shape (point,) each.

        `points` Gauss-Legendre points on each voxel's length make a sample of several voxels exactly the mean of those
        voxels. The rule along z is that of a cylinder, too.
        """
        if index == 2 and not self.thick:
            return np.zeros(1), np.ones(1)
        return edge_rule(self.edges(grid)[index], self._panels(index, grid), self.points)

    def _panels(self, index: int, grid: Grid) -> int:
        """Voxels that the sample spans along an axis, at least one."""
        edge = self.edges(grid)[index]
        return max(1, round(edge / grid.voxel[index])) if index < len(grid.shape) else 1

    def rule(self, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        """Offsets in m, shape (point, 3), and weights with the sum 1, shape (point,), of the mean over the sample.

        The offsets are those from the positions of the sample, turned by its rotation.
        """
        offsets, weights = {"box": self._box, "cylinder": self._cylinder, "sphere": self._sphere}[self.shape](grid)
        return self._turned(offsets), weights

    def _box(self, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        offsets, weights = zip(*(self.axis_rule(i, grid) for i in range(3)), strict=True)
        points = np.stack([o.ravel() for o in np.meshgrid(*offsets, indexing="ij")], axis=-1)
        return points, np.einsum("i,j,k->ijk", *weights).ravel()

    def _cylinder(self, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        flat, flat_weights = disc_rule(self._points_across(grid))
        z, z_weights = self.axis_rule(2, grid)
        x, y = (np.repeat(0.5 * self.edges(grid)[i] * flat[:, i], z.size) for i in (0, 1))
        return np.stack([x, y, np.tile(z, len(flat))], axis=-1), np.outer(flat_weights, z_weights).ravel()

    def _sphere(self, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        points, weights = ball_rule(self._points_across(grid))
        return 0.5 * self.edges(grid)[0] * points, weights

    def _points_across(self, grid: Grid) -> int:
        """Points n of a disc or a sphere, whose mean is exact to the degree 2 n - 1."""
        return self.points * max(self._panels(0, grid), self._panels(1, grid))

    def panels(self, grid: Grid) -> list[tuple[float, int]]:
        """Length in m of each piece of the mean along x, y and z, and how many times `points` it has; 0 if flat.

        The pieces of a box are voxels; a disc and a sphere are one piece with more points.
        """
        edges, counts = self.edges(grid), [self._panels(i, grid) for i in range(3)]
        pieces = [(edge / count, 1) for edge, count in zip(edges, counts, strict=True)]
        if self.shape != "box":
            pieces[:2] = [(edge, max(counts[:2])) for edge in edges[:2]]
        if self.shape == "sphere":
            pieces[2] = pieces[0]
        return pieces if self.thick else [*pieces[:2], (edges[2], 0)]

    # -- positions ----------------------------------------------------------------------------------------------------

    @property
    def is_aligned_box(self) -> bool:
        """Whether the sample is a box with the axes of the grid, exactly at its voxels."""
        return self.shape == "box" and not (any(self.offset) or self.rotation or self.jitter)

    def positions(self, grid: Grid) -> np.ndarray:
        """Centres of the sample for each voxel in the scanner's coordinates in m, shape (voxel, 3), x fastest.

        They are exactly the voxels' centres without offset, rotation and jitter.
        """
        centers = grid.centers()
        if self.jitter > 0:
            draws = np.random.default_rng([_DRAWS, self.seed]).standard_normal(centers.shape)
            centers = centers + self.jitter * draws
        return self.placed(centers)

    def placed(self, positions: np.ndarray) -> np.ndarray:
        """Where positions (..., 3) in m of the calibration's coordinates are in the scanner's, without jitter."""
        turned = self._turned(positions)
        return turned + self.offset if any(self.offset) else turned

    def _turned(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (..., 3) of the calibration's coordinates along the scanner's axes."""
        return rotated(vectors, self.rotation) if self.rotation else vectors

    def region(self, grid: Grid) -> np.ndarray:
        """Points in m, shape (point, 3), that lie all over what the sample reaches, its outermost points among them."""
        positions = self.positions(grid)
        half = 0.5 * np.array(self.edges(grid)) * [1, 1, self.thick]
        corners = self._turned(half * _outermost(self.shape))
        return np.concatenate([positions, (positions[_at_faces(grid)][:, None] + corners).reshape(-1, 3)])

    # -- phantoms -----------------------------------------------------------------------------------------------------

    def filling_voxels(self, grid: Grid) -> Sample:
        """Return what a phantom is made of: a box that fills a voxel of any grid, exactly there.

        It has the height, the concentration and the points of this sample on `grid`, and is flat where this is; a
        phantom has neither the misalignment nor the jitter of the calibration.
        """
        height = self.edges(grid)[2] if self.shape == "sphere" else self.height
        return Sample(None, height, self.concentration, self.thick, self.points)


def _outermost(shape: str) -> np.ndarray:
    """Outermost points of a shape in units of half its edges, shape (point, 3)."""
    if shape == "box":
        return np.array(list(product((-1, 1), repeat=3)))
    turns = 2 * np.pi * np.arange(_AROUND) / _AROUND
    heights = (0,) if shape == "sphere" else (-1, 1)
    around = [(x, y, z) for x, y in zip(np.cos(turns), np.sin(turns), strict=True) for z in heights]
    return np.array([*around, (0, 0, -1), (0, 0, 1)])


def _at_faces(grid: Grid) -> np.ndarray:
    """Whether a voxel lies at a face of the field of view, shape (voxel,), x fastest."""
    faces = np.zeros(grid.array_shape, dtype=bool)
    for axis in range(faces.ndim):
        faces.swapaxes(0, axis)[[0, -1]] = True
    return faces.ravel()
