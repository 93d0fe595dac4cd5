r"""The direction of a ridge, searched between the directions that `calib.methods.ridge` tries.

The process there, :math:`f(u) = \sum_k r_k c_k\,a_k\cos(2\pi\nu_k u - \varphi)` with :math:`u = x\cos\theta +
y\sin\theta`, :math:`\varphi = 0` for even and :math:`\pi/2` for odd f, :math:`a_0 = 1`, :math:`a_k = \sqrt 2` and
:math:`r_k^2 \propto e^{-(2\pi\ell\nu_k)^2/2}`, has block means in closed form at any :math:`\theta`,

.. math:: A_{jk} = r_k a_k\,D(\nu_k\cos\theta)\,D(\nu_k\sin\theta)\,\cos(2\pi\nu_k u_j - \varphi), \qquad
          D(\nu) = \frac{\sin\pi\nu S}{S\sin\pi\nu},

with u_j of the blocks' centres, all in voxels counted from the scanner's axis (`calib.methods.geometry`). A block over
the edge of the grid that holds n of S voxels along an axis has its own centre and :math:`\sin\pi\nu n / (n\sin\pi\nu)`
along it, and features and block means are weighed by its share of voxels, which makes their noise equal. The direction
with the largest evidence (`calib.methods.gaussian_process`) is found by steps to either side, each half as long as the
one before; then length and parity are chosen again. A direction that was not among those tried costs
`_EVIDENCE_PENALTY` (Akaike).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from calib.methods.gaussian_process import posterior, spectrum
from calib.methods.geometry import CENTERED, Geometry

__all__ = ["LENGTHS", "Process", "features", "refined", "wave_numbers"]

LENGTHS = (1.5, 2.0, 2.8, 4.0, 5.6, 8.0)
"""Correlation lengths tried, in fine voxels."""
_HALVINGS = 6  # from half the spacing of the directions tried to 1/64 of it
_EVIDENCE_PENALTY = 2.0  # what twice the log evidence must gain


class Process(NamedTuple):
    """The processes of B rows."""

    angle: Tensor  # (B,), rad, where voxels are counted
    length: Tensor  # (B,), fine voxels
    even: Tensor  # (B,), bool


def wave_numbers(height: int, width: int, factor: int, geometry: Geometry = CENTERED) -> np.ndarray:
    """Return the wave numbers of a coarse grid's processes, in cycles per fine voxel, without zero."""
    period = geometry.period(*geometry.fine_shape(factor, height, width))
    return np.arange(1, int(np.ceil(period * 5 / (2 * np.pi * LENGTHS[0]))) + 1) / period


def features(
    process: Process,
    height: int,
    width: int,
    factor: int,
    block: int | None = None,
    geometry: Geometry = CENTERED,
) -> Tensor:
    """Return A (B, voxels, q), in double precision, of the block means of a coarse grid.

    The wave numbers' grid is `factor` times finer. `block` 1 gives the fine rows themselves, on `factor` times as many
    voxels, without those beyond the edge.
    """
    block = factor if block is None else block
    counts = geometry.fine_shape(factor, height, width) if block == 1 else (height, width)
    y, x = (torch.from_numpy(p)[:, None] for p in geometry.places(*counts, block))
    angle, length, even = (t.to(y.device) for t in (process.angle.double(), process.length.double(), process.even))
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    nu = torch.from_numpy(np.concatenate([[0.0], wave_numbers(height, width, factor, geometry)]))
    density = spectrum(length[:, None], nu)
    density[:, 0] *= even
    size = (density / density.sum(1, keepdim=True)).sqrt() * torch.where(nu > 0, 2**0.5, 1.0)
    whole = block == 1 or not any(geometry.over)
    size *= _averaged(nu * cos, block) * _averaged(nu * sin, block) if whole else 1.0
    shift = torch.where(even, 0.0, np.pi / 2).double()
    along_x = 2 * np.pi * x * (nu * cos)[:, None]  # (B, w, q): cos(x + y) needs cosines of sides, not of areas
    along_y = 2 * np.pi * y * (nu * sin)[:, None] - shift[:, None, None]
    size = size[:, None]
    if whole:
        waves = (size * along_x.cos())[:, None] * along_y.cos()[:, :, None]
        return waves.sub_((size * along_x.sin())[:, None] * along_y.sin()[:, :, None]).flatten(1, 2)
    of_y, of_x = (_held(n, block, over) for n, over in zip(counts, geometry.over, strict=True))
    of_x, of_y = size * _averaged((nu * cos)[:, None], of_x), _averaged((nu * sin)[:, None], of_y)
    waves = (of_x * along_x.cos())[:, None] * (of_y * along_y.cos())[:, :, None]
    return waves.sub_((of_x * along_x.sin())[:, None] * (of_y * along_y.sin())[:, :, None]).flatten(1, 2)


def _held(count: int, block: int, over: int) -> Tensor:
    """Return how many voxels every block along an axis holds, (count, 1)."""
    held = torch.full((count, 1), float(block), dtype=torch.double)
    held[-1] -= over
    return held


def _averaged(nu: Tensor, block: int | Tensor) -> Tensor:
    """D: what the mean over `block` voxels leaves of a wave."""
    below = block * torch.sin(np.pi * nu)
    return torch.where(nu.abs() < 1e-12, torch.ones_like(nu), torch.sin(np.pi * nu * block) / below)


def refined(
    starts: Sequence[Process],
    means: Tensor,
    variance: Tensor,
    noise: Tensor,
    factor: int,
    step: float,
    geometry: Geometry = CENTERED,
) -> tuple[Process, Tensor]:
    """Find the most likely processes near others.

    Parameters
    ----------
    starts
        Processes of the directions tried; the first remain where no other is likelier by the penalty.
    means, variance, noise
        Block means (B, 2, h, w), v and n (B, 2).
    factor
        Block edge S.
    step
        Half the spacing of the directions tried, in rad.
    geometry
        Where the voxels lie.

    Returns
    -------
    tuple[Process, Tensor]
        The processes, and the posterior means of their coefficients (B, 2, q).
    """
    height, width = means.shape[-2:]
    share = geometry.share(factor, height, width)
    weights = None if share is None else torch.from_numpy(share)
    means = means if weights is None else means * weights.to(means)
    b, v, n = (t.cpu().double() for t in (means.flatten(2), variance.clamp(min=1e-30), noise))

    def fitted(process: Process) -> tuple[Tensor, Tensor]:
        of_means = features(process, height, width, factor, geometry=geometry)
        return posterior(of_means if weights is None else of_means * weights.reshape(1, -1, 1), b, v, n)

    def evidence(process: Process) -> Tensor:
        return fitted(process)[1]

    first, *others = (_Scored(p, evidence(p)) for p in (Process(*(t.cpu() for t in start)) for start in starts))
    ends = [_climbed(start, step, evidence) for start in (first, *others)]
    found = _likeliest([first, *ends], _EVIDENCE_PENALTY).process
    return found, fitted(found)[0]


class _Scored(NamedTuple):
    """Processes of B rows and twice their log evidence, (B,)."""

    process: Process
    evidence: Tensor


def _likeliest(candidates: Sequence[_Scored], penalty: float = 0.0) -> _Scored:
    """Return of every row the likeliest of candidates, or the first where none gains more than the penalty."""
    evidence = torch.stack([c.evidence for c in candidates])
    chosen = torch.where(evidence.amax(0) - evidence[0] > penalty, evidence.argmax(0), 0)[None]
    fields = zip(*(c.process for c in candidates), strict=True)
    return _Scored(Process(*(torch.stack(f).gather(0, chosen)[0] for f in fields)), evidence.gather(0, chosen)[0])


def _climbed(start: _Scored, step: float, evidence: Callable[[Process], Tensor]) -> _Scored:
    """Turn processes where that makes them likelier, then choose length and parity again."""

    def likeliest(found: _Scored, others: Iterable[Process]) -> _Scored:
        return _likeliest([found, *(_Scored(p, evidence(p)) for p in others)])

    found = start
    for halving in range(_HALVINGS):
        turns = (side * step / 2**halving for side in (-1, 1))
        found = likeliest(found, [found.process._replace(angle=found.process.angle + turn) for turn in turns])
    of_length = [found.process._replace(length=torch.full_like(found.process.length, length)) for length in LENGTHS]
    return likeliest(found, [p._replace(even=torch.full_like(p.even, e)) for p in of_length for e in (True, False)])
