r"""Sparse matrices: of the cosine transform of every row over its positions, only the largest coefficients are stored.

With the orthonormal transform :math:`\Gamma` of the type that the file names, in as many dimensions as the grid has
with more than one position, and the stored coefficients :math:`\tilde u_b` at the indices :math:`\beta_b`,

.. math:: u = \Gamma^T \tilde v, \qquad \tilde v_{\beta_b} = \tilde u_b, \quad \tilde v_n = 0 \text{ elsewhere.}

Background frames follow the coefficients and are not transformed.
"""

from __future__ import annotations

from dataclasses import dataclass

import h5py
import numpy as np
from scipy.fft import idctn

from mpisim.errors import require
from mpisim.io.mdf.source import MdfFile

__all__ = ["Sparsity"]

_TRANSFORMS = {"DCT-I": 1, "DCT-II": 2, "DCT-III": 3, "DCT-IV": 4}
_INDICES = "/measurement/subsamplingIndices"


@dataclass(frozen=True)
class Sparsity:
    """A sparsity transformation.

    Parameters
    ----------
    name
        What messages call the indices.
    indices
        Where the stored coefficients belong, from 1, shape (J, C, K, B).
    kind
        Type of the cosine transform, 1 to 4.
    shape
        Positions along z, y, x.
    """

    name: str
    indices: h5py.Dataset
    kind: int
    shape: tuple[int, ...]

    @classmethod
    def of(cls, source: MdfFile, sizes: tuple[int, int, int, int], shape: tuple[int, ...]) -> Sparsity:
        """Return the transformation of a file whose data have the sizes J, C, K, B.

        Raises `InputError` if its type is unknown, or its indices are missing or have other sizes.
        """
        kind = (source.text("/measurement/sparsityTransformation") or "").strip()
        name = source.name("/measurement/sparsityTransformation")
        require(kind in _TRANSFORMS, name, f"one of {', '.join(_TRANSFORMS)}", repr(kind))
        indices = source.dataset(_INDICES)
        require(indices is not None, source.name(_INDICES), "given where the data are sparse", "none")
        assert indices is not None
        must = f"J x C x K x B = {' x '.join(map(str, sizes))}"
        require(indices.shape == sizes, source.name(_INDICES), must, f"the shape {indices.shape}")
        return cls(source.name(_INDICES), indices, _TRANSFORMS[kind], shape)

    def dense(self, stored: np.ndarray, j: slice, k: slice) -> np.ndarray:
        """Return all positions and the background frames, shape (J', C, K', O + E), of periods j and frequencies k."""
        raw = stored.astype(np.complex128)
        indices = np.asarray(self.indices[j, :, k, :]).astype(np.int64) - 1
        count, kept = int(np.prod(self.shape)), indices.shape[-1]
        good = bool(np.all((indices >= 0) & (indices < count)))
        require(good, self.name, f"indices from 1 to {count}", f"{indices.min() + 1} to {indices.max() + 1}")
        full = np.zeros((*raw.shape[:3], count), dtype=np.complex128)
        np.put_along_axis(full, indices, raw[..., :kept], axis=-1)
        cube = full.reshape(*raw.shape[:3], *self.shape)
        axes = [3 + i for i, size in enumerate(self.shape) if size > 1]
        if axes:
            cube = idctn(cube, type=self.kind, norm="ortho", axes=axes)
        return np.concatenate([cube.reshape(*raw.shape[:3], count), raw[..., kept:]], axis=-1)
