r"""The nearest rows whose block means agree with the measured ones to within the noise.

TranSMS Eq. 20-22: with :math:`b = S\bar b`, :math:`D D^T = I`, :math:`r = b - D a` and
:math:`\epsilon = \sqrt m\,S\sigma` (m complex coarse voxels, :math:`\sigma` the complex noise deviation of the stored
block means, norms per row over real and imaginary part),

.. math:: \hat a = a + \max(0, 1 - \epsilon / \lVert r \rVert)\, D^T r .

Dividing by S, as written here: :math:`r' = \bar b - M a`, :math:`\epsilon' = \sqrt m\,\sigma`, and :math:`D^T r` is
:math:`r'` replicated over the blocks. :math:`\epsilon = 0` makes block means exact.

Where blocks reach over the edge of the grid, the mean of block j has the noise :math:`\sigma / f_j`, with
:math:`f_j = n_j / S^2` (`mpisim.data.sampling`). The noise ball is then
:math:`\sum_j f_j^2 |r'_j|^2 \le m\sigma^2`, and the nearest row in it moves the voxels of block j by

.. math:: d_j = \frac{t f_j}{1 + t f_j}\, r'_j, \qquad t \ge 0: \quad
          \sum_j \frac{f_j^2 |r'_j|^2}{(1 + t f_j)^2} = m\sigma^2

(:math:`t = 0` where the row is in the ball already). It solves for the Lagrange multiplier t by Newton's method on the
reciprocal of the norm, which is concave in t, so that the iteration comes from the left and needs no safeguard
(Moré and Sorensen, 1983, DOI 10.1137/0904038). With all :math:`f_j = 1` it is the closed form above.
"""

from __future__ import annotations

import numpy as np

from mpisim.data.blocks import Rows, as_rows, block_mean, filling, is_partial, replicate
from mpisim.data.noise import norm

__all__ = ["nearest_consistent"]

_ITERATIONS = 15  # after 8 the norm is that of the ball to rounding, with residuals over ten orders of magnitude
_TINY = 1e-37  # keeps the gradient finite where a row of a tensor agrees exactly


def nearest_consistent(
    fine: Rows, block_means: Rows, sigma: Rows, factor: int, share: np.ndarray | None = None
) -> Rows:
    """Project rows on what was measured.

    Parameters
    ----------
    fine
        Rows, complex (B, H, W) or with two real channels (B, 2, H, W); NumPy arrays of any unit, or torch tensors in
        units near one.
    block_means
        Their measured block means, (B, h, w) or (B, 2, h, w).
    sigma
        Complex noise deviation of whole blocks, shape (B,); 0 for exact data.
    factor
        Block edge S.
    share
        f, the share of its voxels that each block has, (h, w). None takes that of the blocks of the fine rows.
    """
    shape = (fine.shape[-2], fine.shape[-1])
    residual = block_means - block_mean(fine, factor)
    coarse_voxels = block_means.shape[-2] * block_means.shape[-1]
    share = filling(shape, factor) if share is None and is_partial(shape, factor) else share
    if share is None:
        fraction = (1 - sigma * coarse_voxels**0.5 / _length(residual)).clip(min=0)
        return fine + replicate(residual * fraction.reshape(-1, *(1,) * (residual.ndim - 1)), factor)
    moved = _moved(residual, sigma * coarse_voxels**0.5, as_rows(share, residual))
    return fine + replicate(moved, factor, shape)


def _moved(residual: Rows, radius: Rows, share: Rows) -> Rows:
    """Return d of the blocks, given their residual (B, ..., h, w), the radius of the ball (B,) and f (h, w)."""
    length = _length(residual * share)
    lead = (-1, *(1,) * (residual.ndim - 1))
    unit = abs(residual * share / length.reshape(lead)) ** 2
    energy = unit.reshape(len(unit), -1, *share.shape).sum(1)
    exact = (radius <= 0).reshape(-1, 1, 1)
    excess = (length / (radius + length * (radius <= 0))).reshape(-1, 1, 1)  # of the norm over the radius
    t = 0 * excess
    for _ in range(_ITERATIONS):
        left = energy / (1 + t * share) ** 2
        square = left.sum((-2, -1)).reshape(-1, 1, 1)
        slope = (left * share / (1 + t * share)).sum((-2, -1)).reshape(-1, 1, 1)
        t = (t + (excess * square**0.5 - 1) * square / (slope + _TINY)).clip(min=0)
    fraction = 1 - (1 / (1 + t * share)) * ~exact
    return residual * fraction.reshape(len(residual), *(1,) * (residual.ndim - 3), *share.shape)


def _length(residual: Rows) -> Rows:
    """Return the norm of every row, (B,), and something above zero where that is zero."""
    if isinstance(residual, np.ndarray):
        length = norm(residual.reshape(len(residual), -1), 1)
        return np.where(length > 0, length, 1)
    return (abs(residual) ** 2).reshape(len(residual), -1).sum(1).clip(min=_TINY) ** 0.5
