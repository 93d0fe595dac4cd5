r"""Which positions to measure next, one after the other by what each tells of all rows.

With the spread F of the rows (`calib.design.spread`), a sample M at a position measures all rows at once. It adds
:math:`J = 2\sum (MF)^T (MF) / \sigma^2` to the information A about the directions (the sum is over all rows; real parts
have half of the noise variance). A starts as the identity, the information of the spread itself. Chosen is the position
for which what remains is least:

- `A`: the variance of all values of all rows, :math:`\mathrm{tr}\,(A + J)^{-1} F^T F`. Grosser and Knopp choose
  positions for sparse recovery by the trace of the inverse of a Bayesian Fisher information too, there about the
  largest coefficients of a cosine transform ("Optimized sampling patterns for the sparse recovery of system matrices in
  Magnetic Particle Imaging", International Journal on Magnetic Particle Imaging;
  https://github.com/IBIResearch/OptimizedSystemMatrixSampling);
- `D`: the volume of the spread, :math:`-\log\det(A + J)`.

All is linear about what is known: positions do not depend on the values that will be measured, so that they may be
computed in advance. One after the other is not the best set. The gain in :math:`\log\det` of criterion `D` never falls
with a further position, and what a position adds never rises with those before it. So the gain is at least 1 - 1/e of
that of the best set of as many candidates (Nemhauser, Wolsey and Fisher, 1978, DOI 10.1007/BF01588971). The variance of
`A` has no such bound (Chamon and Ribeiro, Approximate supermodularity bounds for experimental design, NeurIPS 2017).
"""

from __future__ import annotations

import os

import numpy as np
import xarray as xr

from calib.design.spread import Spread, spread_of_coarse, spread_of_family
from calib.methods.linear_bayes.prior_file import read_prior
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.data.sampling import PositionSampling
from mpisim.errors import decibels, one_of, require, whole

__all__ = ["CRITERIA", "next_positions"]

CRITERIA = ("A", "D")
"""Least variance of the rows, or least volume of the spread."""


def next_positions(
    known: xr.Dataset | str | os.PathLike[str] | None,
    count: int,
    size: int,
    candidates: object = None,
    criterion: str = "A",
    snr: float = PROTOCOL_SNR,
) -> np.ndarray:
    """Choose positions of large samples for a calibration.

    Parameters
    ----------
    known
        A coarse matrix that was measured, whose fit of the scanner tells what is not known yet; or what `recover` takes
        as `prior`, a file of `mpisim prior` or a folder of fine matrices, None for the bundled one.
    count
        Number of positions to choose.
    size
        Edge of the samples in fine voxels.
    candidates
        Rows of x, y, and where it is not `size` voxels the edge or two edges, in m, from which they are chosen. None
        takes samples at every half of their size that lie inside the grid.
    criterion
        `A`, the variance of all rows, or `D`, the volume of what is unknown.
    snr
        Noise of a sample of `size` voxels in dB below the RMS of the values, used with a prior only.

    Returns
    -------
    numpy.ndarray
        Rows of x, y and the two edges of the sample in m, (count, 4), the most telling first: `positions` of
        `calib.downsample`.

    Raises
    ------
    InputError
        If no scanner describes the coarse matrix, there are fewer candidates than positions, or an argument is out of
        range.
    """
    one_of("criterion", criterion, CRITERIA)
    count, size = whole("count", count), whole("size", size)
    if isinstance(known, xr.Dataset):
        spread = spread_of_coarse(known)
    else:
        found = spread_of_family(read_prior(known))
        spread = Spread(found.directions, found.grid, found.left, 10 ** (-decibels("snr", snr) / 20), size)
    sides = spread.grid.shape[:2]
    require(size <= min(sides), "size", f"no larger than the sides of the grid {sides[0]} x {sides[1]}", size)
    table = _everywhere(spread, size) if candidates is None else candidates
    sampling = PositionSampling.stated(size, spread.grid, table)
    available = len(sampling.centers)
    require(count <= available, "count", f"at most the {available} candidates", count)
    chosen = _greedy(spread, sampling, count, criterion)
    return np.concatenate([sampling.centers[chosen], sampling.sizes[chosen]], axis=1)


def _everywhere(spread: Spread, size: int) -> np.ndarray:
    """Centres of samples at every half of their size, and flush with the last voxel, (position, 2)."""
    along = []
    for axis, voxels in enumerate(spread.grid.shape[:2]):
        first = np.unique([*range(0, voxels - size + 1, max(1, size // 2)), voxels - size])
        along.append(spread.grid.edges(axis)[0] + (first + size / 2) * spread.grid.voxel[axis])
    return np.stack([v.ravel() for v in np.meshgrid(*along)], axis=-1)


def _greedy(spread: Spread, sampling: PositionSampling, count: int, criterion: str) -> list[int]:
    """Return the numbers of the chosen candidates, in their order."""
    directions = spread.directions
    seen = sampling.apply(directions.reshape(-1, *directions.shape[-2:])).reshape(
        len(directions), -1, len(sampling.centers)
    )
    assert spread.noise is not None
    own = (spread.factor**2 / sampling.voxels * spread.noise) ** 2 / 2 + spread.left / sampling.voxels
    seen = np.moveaxis(seen, -1, 0) / np.sqrt(own)[:, None, None]  # (candidate, direction, row)
    added = seen @ seen.swapaxes(1, 2)
    flat = directions.reshape(len(directions), -1)
    wanted, known = flat @ flat.T, np.eye(len(flat))
    chosen: list[int] = []
    for _ in range(count):
        if criterion == "A":
            remaining = np.trace(np.linalg.solve(known + added, wanted[None]), axis1=1, axis2=2)
        else:
            remaining = -np.linalg.slogdet(known + added)[1]
        remaining[chosen] = np.inf
        chosen.append(int(np.argmin(remaining)))
        known = known + added[chosen[-1]]
    return chosen
