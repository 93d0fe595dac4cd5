r"""What an estimator of the error of `physical` sees of a matrix, as channels on the fine voxels of each row.

With the residual r of the block means, the recovered rows a, and columns :math:`D_j` that are a times 1 and i, its
derivatives across the line (first, second, and the first times the distance u), and along x and y,

- static maps: :math:`\sum_j c_j(r) D_j`, where the real :math:`c_j` are least-squares coefficients of all angles and
  harmonics together in a Gaussian window about a block, with a prior of .003;
- turning maps: the same with coefficients over (u, v), which turn with the line;
- profiles: r of a harmonic averaged over all angles at equal u, or at equal (u, v);
- r itself at five neighbouring angles; a and its derivative; the stated deviation; the number of the harmonic.

Rows are turned to the phase of their harmonic. All but the last two channels change their sign with the row.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from mpisim.data.blocks import block_mean

__all__ = ["SIGNED", "features"]

SIZE, ANGLES = 32, np.pi * np.arange(60) / 60
SIGNED = 26
"""Channels that change their sign with the row: the first ones."""
_PRIOR = 0.003  # deviation of the coefficients of maps
_WINDOWS = {2: (0.7, 1.6), 4: (0.7, 1.6), 8: (0.5, 1.0)}  # of maps, blocks
_PROFILES = ((0.08, False), (0.2, True))  # windows of profiles over u, and over (u, v), in half fields of view
_BINS, _REACH = 24, 1.35
_NEIGHBOURS = (-2, -1, 0, 1, 2)
_X = (np.arange(SIZE) - (SIZE - 1) / 2) / (SIZE / 2)
_COS, _SIN = np.cos(ANGLES)[:, None, None], np.sin(ANGLES)[:, None, None]
_U = _COS * _X + _SIN * _X[:, None]
_V = _COS * _X[:, None] - _SIN * _X


def features(known: dict[str, np.ndarray], factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Return channels (row, channel, y, x), and errors (row, 2, y, x) in tenths of the noise of block means."""
    rows, sigma = known["physical"].astype(complex), float(known["sigma"])
    phase = np.exp(0.5j * np.angle(np.sum(rows**2, axis=(0, 2, 3))))[:, None, None]
    rows, means, fine = rows / phase, known["coarse"] / phase, known["fine"] / phase
    residual, columns = means - block_mean(rows, factor), _columns(rows)
    windows = _WINDOWS[factor]
    maps = [_maps(columns, residual, sigma, factor, window, turning) for turning in (False, True) for window in windows]
    maps += [_profiles(residual, factor, *profile) for profile in _PROFILES]
    places = [np.clip(np.arange(len(rows)) + away, 0, len(rows) - 1) for away in _NEIGHBOURS]
    spread = residual.repeat(factor, axis=-2).repeat(factor, axis=-1) / sigma
    size = np.sqrt(np.mean(np.abs(rows) ** 2, axis=(0, 2, 3), keepdims=True))
    complex_ones = [*(10 * m / sigma for m in maps), *(spread[p] for p in places), rows / size, columns[2] / size]
    channels = [part for z in complex_ones for part in (z.real, z.imag)]
    number = np.broadcast_to(np.linspace(0.2, 1, rows.shape[1])[:, None, None], rows.shape)
    x = np.stack([*channels, 10 * known["std"] / sigma, number], axis=2)
    error = 10 * (fine - rows) / sigma
    y = np.stack([error.real, error.imag], axis=2)
    return tuple(v.reshape(-1, *v.shape[2:]).astype(np.float32) for v in (x, y))  # type: ignore[return-value]


def _columns(rows: np.ndarray) -> np.ndarray:
    """Derivatives of rows by local changes, (column, angle, harmonic, y, x), each about as large as the rows."""
    by_y, by_x = np.gradient(rows, _X[1] - _X[0], axis=(-2, -1))
    across = _COS[:, None] * by_x + _SIN[:, None] * by_y
    twice = np.gradient(across, _X[1] - _X[0], axis=(-2, -1))
    width = np.sqrt(np.mean(np.abs(rows) ** 2) / np.mean(np.abs(across) ** 2))
    second = _COS[:, None] * twice[1] + _SIN[:, None] * twice[0]
    found = [rows, 1j * rows, width * across, width * _U[:, None] * across, width**2 * second]
    return np.stack([*found, width * by_x, width * by_y])


def _maps(
    columns: np.ndarray, residual: np.ndarray, sigma: float, factor: int, window: float, turning: bool
) -> np.ndarray:
    """Rows of maps of coefficients."""
    means = block_mean(columns, factor)
    n, count = means.shape[-1], len(columns)
    gram = np.einsum("jakyx,lakyx->ajlyx", means, means.conj(), optimize=True).real
    pull = np.einsum("jakyx,akyx->ajyx", means.conj(), residual, optimize=True).real
    sums = np.concatenate([gram.reshape(len(gram), -1, n, n), pull], axis=1) * 2 / sigma**2
    if turning:
        sums = np.stack([_turned(s, -angle) for s, angle in zip(sums, ANGLES, strict=True)])
    total = gaussian_filter(sums.sum(0), (0, window, window), mode="constant") * (2 * np.pi * window**2)
    matrix = np.moveaxis(total[: count**2].reshape(count, count, n, n), (2, 3), (0, 1)) + np.eye(count) / _PRIOR**2
    right = np.moveaxis(total[count**2 :], 0, -1)[..., None]
    found = np.moveaxis(np.linalg.solve(matrix, right)[..., 0], -1, 0)
    at = [_turned(found, angle) for angle in ANGLES] if turning else [found] * len(ANGLES)
    return np.stack(
        [np.einsum("jyx,jkyx->kyx", _upsampled(m, factor), columns[:, a], optimize=True) for a, m in enumerate(at)]
    )


def _turned(maps: np.ndarray, angle: float) -> np.ndarray:
    """Take maps over (u, v) to the blocks of an angle; by -angle back."""
    middle = (maps.shape[-1] - 1) / 2
    y, x = np.mgrid[: maps.shape[-2], : maps.shape[-1]] - middle
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    return np.stack([map_coordinates(m, [v + middle, u + middle], order=1, mode="nearest") for m in maps])


def _upsampled(maps: np.ndarray, factor: int) -> np.ndarray:
    """Values between the centres of blocks, linear, on fine voxels."""
    places = ((np.arange(SIZE) + 0.5) / factor - 0.5).clip(0, maps.shape[-1] - 1)
    grid = np.meshgrid(places, places, indexing="ij")
    return np.stack([map_coordinates(m, grid, order=1) for m in maps])


def _profiles(residual: np.ndarray, factor: int, window: float, modulated: bool) -> np.ndarray:
    """Rows of the mean residual of each harmonic at equal u, or (v, u)."""
    step = 2 * _REACH / (_BINS - 1)
    coordinates = (_V, _U) if modulated else (_U,)
    places = [(block_mean(c, factor).ravel() + _REACH) / step for c in coordinates]
    bins = tuple(np.rint(p).astype(int).clip(0, _BINS - 1) for p in places)
    fine = [(c + _REACH) / step for c in coordinates]

    def smooth(values: np.ndarray) -> np.ndarray:
        total = np.zeros((_BINS,) * len(bins))
        np.add.at(total, bins, values)
        return np.asarray(gaussian_filter(total, window / step, mode="constant"))

    weight = smooth(np.ones(bins[0].size)) + 1e-3
    found = []
    for rows in residual.swapaxes(0, 1):
        real, imaginary = (
            map_coordinates(smooth(part.ravel()) / weight, fine, order=1, mode="nearest")
            for part in (rows.real, rows.imag)
        )
        found.append(real + 1j * imaginary)
    return np.stack(found, axis=1)
