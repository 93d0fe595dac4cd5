r"""The nearest rows whose block means agree with the measured ones to within the noise.

TranSMS Eq. 20-22: with :math:`b = S\bar b`, :math:`D D^T = I`, :math:`r = b - D a` and
:math:`\epsilon = \sqrt m\,S\sigma` (m complex coarse voxels, :math:`\sigma` the complex noise deviation of the stored
block means, norms per row over real and imaginary part),

.. math:: \hat a = a + \max(0, 1 - \epsilon / \lVert r \rVert)\, D^T r .

Dividing by S, as written here: :math:`r' = \bar b - M a`, :math:`\epsilon' = \sqrt m\,\sigma`, and :math:`D^T r` is
:math:`r'` replicated over the blocks. :math:`\epsilon = 0` makes block means exact.
"""

from __future__ import annotations

import numpy as np

from mpisim.data.noise import norm
from mpisim.data.sampling import Rows, block_mean, replicate

__all__ = ["nearest_consistent"]

_TINY = 1e-37  # keeps the gradient finite where a row of a tensor agrees exactly


def nearest_consistent(fine: Rows, block_means: Rows, sigma: Rows, factor: int) -> Rows:
    """Project rows on what was measured.

    Parameters
    ----------
    fine
        Rows, complex (B, H, W) or with two real channels (B, 2, H, W); NumPy arrays of any unit, or torch tensors in
        units near one.
    block_means
        Their measured block means, (B, h, w) or (B, 2, h, w).
    sigma
        Complex noise deviation of those, shape (B,); 0 for exact data.
    factor
        Block edge S.
    """
    residual = block_means - block_mean(fine, factor)
    coarse_voxels = block_means.shape[-2] * block_means.shape[-1]
    fraction = (1 - sigma * coarse_voxels**0.5 / _length(residual)).clip(min=0)
    return fine + replicate(residual * fraction.reshape(-1, *(1,) * (residual.ndim - 1)), factor)


def _length(residual: Rows) -> Rows:
    """Return the norm of every row, (B,), and something above zero where that is zero."""
    if isinstance(residual, np.ndarray):
        length = norm(residual.reshape(len(residual), -1), 1)
        return np.where(length > 0, length, 1)
    return (abs(residual) ** 2).reshape(len(residual), -1).sum(1).clip(min=_TINY) ** 0.5
