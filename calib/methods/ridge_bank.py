r"""The ridges that are tried for every row of a coarse grid: directions x lengths x parities (`calib.methods.ridge`).

A candidate is a Gaussian process of a length and parity along a direction, in Fourier features, with the root R of its
spectrum. Its block means are those of :math:`M\Phi_\theta R`, whose thin SVD :math:`U s V^T` is computed once for a
grid.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from calib.methods.direction import LENGTHS, Process, features, wave_numbers
from calib.methods.geometry import CENTERED, Geometry

__all__ = ["ANGLES", "Bank", "directions", "ridge_bank"]

ANGLES = 60
"""Directions tried, evenly spaced over 180 degrees from 0; those of the paper's protocol."""


class Bank(NamedTuple):
    """What is precomputed for a grid: candidates are angles x lengths x parities, r singular values."""

    project: Tensor  # U^T: (candidates, r, coarse voxels)
    eigenvalues: Tensor  # s^2, (candidates, r)


def directions(geometry: Geometry) -> Tensor:
    """Return the directions tried, (ANGLES,), where voxels are counted."""
    return torch.from_numpy(geometry.directions(np.pi * np.arange(ANGLES) / ANGLES))


@lru_cache(maxsize=4)
def ridge_bank(height: int, width: int, factor: int, geometry: Geometry = CENTERED) -> Bank:
    """Precompute the candidates of a coarse grid."""
    angles = directions(geometry)
    ones = torch.ones(ANGLES)
    q = wave_numbers(height, width, factor, geometry).size + 1
    share = geometry.share(factor, height, width)
    weights = 1.0 if share is None else share.reshape(-1, 1)
    candidates = []
    for length in LENGTHS:
        for even in (True, False):
            process = Process(angles, length * ones, torch.full((ANGLES,), even))
            of_means = features(process, height, width, factor, geometry=geometry).numpy()
            candidates.append([_candidate(a * weights, q) for a in of_means])
    by_angle = [c for of_angle in zip(*candidates, strict=True) for c in of_angle]
    return Bank(*(torch.from_numpy(np.stack(part).astype(np.float32)) for part in zip(*by_angle, strict=True)))


def _candidate(coarse: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Return U^T and s^2 of one process, given its features (coarse voxels, q)."""
    left, s, _ = np.linalg.svd(coarse, full_matrices=False)
    r = min(rank, s.size)
    return left.T[:r], s[:r] ** 2
