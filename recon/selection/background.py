r"""A background that is estimated together with the image: what a scanner receives without tracer.

The data are :math:`y = A x + B b + n` with the unknown image x and the unknown complex amplitudes b of given background
signals, the columns of B (Knopp, Grosser, Graeser, Gerkmann and Moeddel, arXiv:2006.05741; the background dictionary of
MPIReco). With white noise and amplitudes of the standard deviation :math:`\tau` the joint problem is

.. math:: \min_{x, b}\ \lVert A x + B b - y\rVert^2 + \lVert b\rVert^2 / \tau^2 + R(x) .

Over b it is quadratic, whatever R(x) and the constraints of x are. With the singular vectors :math:`B = U D V^H`, its
minimum over b leaves

.. math:: \min_x\ \lVert W (A x - y)\rVert^2 + R(x),\qquad W = I - U (I - T) U^H,\quad T = (I + \tau^2 D^2)^{-1/2},

so that rows and data are multiplied by W once, every solver works as without background, and

.. math:: B b = U (I - T^2) U^H (y - A x) .

This equals extra columns in the matrix exactly. Amplitudes without a limit, :math:`\tau \to \infty`, have
:math:`T = 0`: what the columns span is left out of the data. The expected squared norm of the noise falls from M to
:math:`M - \sum_i (1 - T_i^2)`.

The columns, each of RMS 1 in the unit of the data over the rows that it has:

- `frequency`: for every angle and receive channel the first cosines over the frequencies;
- `angle`: for every receive channel and frequency the first cosines over the angles, the first of which is a constant,
  as the feed-through of the drive field is;
- `frames`: the strongest singular vectors of the background frames that the measurement holds (variable `background`,
  of an MDF file read with `raw=True`).

What signal of the tracer the columns span is lost with the background: as few columns as possible are best.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import xarray as xr

from mpisim.errors import one_of, positive, require, whole
from mpisim.preprocess.rows import one_of_each_row
from mpisim.preprocess.subtraction import background_frames

__all__ = ["BASES", "Background", "Elimination", "Removed", "as_background", "eliminate"]

BASES = ("frequency", "angle", "frames")
"""Names of the bases."""
_RANK = 1e-8  # of the largest singular value


@dataclass(frozen=True)
class Background:
    """Which background is estimated with the image.

    Parameters
    ----------
    basis
        `frequency`, `angle` or `frames`; see `recon.selection.background`.
    terms
        Number of cosines, or of vectors of the frames.
    std
        Standard deviation of the complex amplitudes, in the unit of the data; None for no limit.
    """

    basis: str = "angle"
    terms: int = 1
    std: float | None = None

    def __post_init__(self) -> None:
        one_of("background", self.basis, BASES)
        whole("terms", self.terms)
        if self.std is not None:
            positive("std", self.std)

    def record(self) -> dict[str, object]:
        """Return the fields, for the attributes of an image."""
        return asdict(self)

    def columns(self, y: xr.Dataset) -> np.ndarray:
        """Return B for all rows of a measurement, shape (row, columns), in the unit of the data.

        Raises `InputError` if the measurement has no such dimension, fewer values along it than terms, or no frames.
        """
        if self.basis == "frames":
            frames = background_frames(y).reshape(y.sizes["background_frame"], -1)
            few = f"at least {self.terms} background frames, one for each term"
            require(len(frames) >= self.terms, "y", few, len(frames))
            vectors = np.linalg.svd(frames.T, full_matrices=False)[0][:, : self.terms]
            return vectors * np.sqrt(len(vectors))
        like = one_of_each_row(y)
        must = f"with the dimension {self.basis} where the background lies along it"
        require(self.basis in like.dims, "y", must, like.dims)
        axis, length = like.dims.index(self.basis), like.sizes[self.basis]
        enough = self.terms < length
        require(enough, "terms", f"less than the {length} values along {self.basis}", self.terms)
        phase = np.pi * (np.arange(length)[:, None] + 0.5) * np.arange(self.terms) / length
        cosines = np.cos(phase) * np.where(np.arange(self.terms) > 0, np.sqrt(2), 1)
        others = like.size // length
        blocks = np.einsum("lt,ab->altb", cosines, np.eye(others))  # (other, l, t, other)
        shape = [n for i, n in enumerate(like.shape) if i != axis]
        moved = np.moveaxis(blocks.reshape(*shape, length, -1), len(shape), axis)
        return moved.reshape(like.size, -1)


def as_background(given: Background | str | None) -> Background | None:
    """Return a background from its record or the name of its basis; raise `InputError` for anything else."""
    if given is None or isinstance(given, Background):
        return given
    return Background(one_of("background", given, BASES))


@dataclass(frozen=True)
class Elimination:
    """The factors of the module for one set of rows.

    Parameters
    ----------
    vectors
        U, shape (M, k), orthonormal columns.
    left
        T, shape (k,), what is left of the signal along each of them.
    """

    vectors: np.ndarray
    left: np.ndarray

    @property
    def lost(self) -> float:
        """By how much the expected squared norm of white noise falls."""
        return float(np.sum(1 - self.left**2))

    def applied(self, rows: np.ndarray) -> np.ndarray:
        """Return W times rows or data, shape (M,) or (M, columns)."""
        return rows - self.vectors @ ((1 - self.left) * (self.vectors.conj().T @ rows).T).T

    def along(self, rows: np.ndarray) -> np.ndarray:
        """Return the parts U^H of rows or data along the vectors, shape (k, columns)."""
        return self.vectors.conj().T @ rows


@dataclass(frozen=True)
class Removed:
    """A background that was removed from rows and data, and what its estimate needs of them.

    Parameters
    ----------
    elimination
        What removed it.
    rows
        U^H A, shape (k, N), of the rows before.
    data
        U^H y, shape (k, images), of the data before.
    """

    elimination: Elimination
    rows: np.ndarray
    data: np.ndarray

    @classmethod
    def of(cls, elimination: Elimination, rows: np.ndarray, data: np.ndarray) -> Removed:
        """Return the record for rows (M, N) and data (M, images) that are not multiplied by W."""
        return cls(elimination, elimination.along(rows), elimination.along(data))

    def with_data(self, data: np.ndarray) -> Removed:
        """Return the record for other data (M, images) and the same rows."""
        return Removed(self.elimination, self.rows, self.elimination.along(data))

    def estimate(self, images: np.ndarray) -> np.ndarray:
        """Return the background B b (M, images) for images (N, images)."""
        amplitudes = (1 - self.elimination.left**2)[:, None] * (self.data - self.rows @ images)
        return self.elimination.vectors @ amplitudes


def eliminate(columns: np.ndarray, std: float | None) -> Elimination:
    """Return what removes the span of background signals from white rows.

    Parameters
    ----------
    columns
        B, shape (M, columns), in units of the noise.
    std
        Standard deviation tau of their amplitudes; None for no limit.

    Raises
    ------
    InputError
        If the columns leave nothing of the rows, or are zero.
    """
    vectors, singular, _ = np.linalg.svd(columns, full_matrices=False)
    require(bool(singular[:1].any()), "background", "different from zero in the rows that are used", "all zeros")
    chosen = singular > _RANK * singular[0]
    count = int(np.count_nonzero(chosen))
    require(count < len(columns), "background", f"of fewer signals than the {len(columns)} rows", count)
    left = np.zeros(count) if std is None else 1 / np.sqrt(1 + (std * singular[chosen]) ** 2)
    return Elimination(vectors[:, chosen].astype(complex), left)
