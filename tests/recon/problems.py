"""Small problems that several tests share."""

import functools

import numpy as np
import xarray as xr

import mpisim
import recon


@functools.cache
def small_matrix(gradient: float = 1.0, diameter: float = 25e-9, angles: int = 12) -> xr.Dataset:
    scanner = mpisim.open_sided_ffl(gradient, angles=angles, harmonics=(2, 3, 4, 5))
    return mpisim.simulate(scanner, mpisim.Particle(diameter), mpisim.Grid((16, 16), (0.032, 0.032)))


@functools.cache
def small_measurement(seed: int = 0, snr: float = 30.0) -> xr.Dataset:
    return recon.measure(small_matrix(), recon.phantoms.tubes(), snr=snr, seed=seed)


def random_problem(rows=15, shape=(3, 4), noise=0.02, seed=0, is_complex=False):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((rows, int(np.prod(shape))))
    if is_complex:
        matrix = matrix + 1j * rng.standard_normal(matrix.shape)
    truth = np.zeros(shape)
    truth[..., 1:, 1:3] = 1.0
    clean = matrix @ truth.ravel()
    draw = rng.standard_normal(rows) + (1j * rng.standard_normal(rows) if is_complex else 0)
    y = clean + noise * np.linalg.norm(clean) / np.linalg.norm(draw) * draw
    return matrix, y, truth.ravel(), 1.5 * noise * float(np.linalg.norm(clean))
