r"""Complex Gaussian noise, and the convention of its level.

A level in decibels compares root mean squares, :math:`\mathrm{SNR} = 20 \log_{10}(\mathrm{RMS}/\sigma)`, where
:math:`\sigma^2 = E|n|^2` counts the real and the imaginary part together.
"""

from __future__ import annotations

from typing import overload

import numpy as np

from mpisim.errors import decibels

__all__ = ["PROTOCOL_SNR", "complex_gaussian", "norm", "rms", "sigma_from_snr"]

PROTOCOL_SNR = 33.7
"""RMS of the block means over the noise in dB in the simulated protocol of TranSMS."""


@overload
def rms(values: np.ndarray, axis: None = None) -> float: ...
@overload
def rms(values: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray: ...
def rms(values: np.ndarray, axis: int | tuple[int, ...] | None = None) -> float | np.ndarray:
    """Root mean square of the magnitude, in the unit of `values`: over everything, or over some axes."""
    size, exponent = _scaled(values, axis)
    mean = np.sqrt(np.mean(size**2, axis=axis))
    return np.ldexp(mean, exponent.reshape(np.shape(mean)))


def norm(values: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    """Euclidean norm of the magnitude over some axes, in the unit of `values`."""
    size, exponent = _scaled(values, axis)
    length = np.sqrt(np.sum(size**2, axis=axis))
    return np.ldexp(length, exponent.reshape(length.shape))


def _scaled(values: np.ndarray, axis: int | tuple[int, ...] | None) -> tuple[np.ndarray, np.ndarray]:
    """Return magnitudes over a power of two near their largest, and its exponent: their squares stay in range."""
    size = np.abs(values)
    exponent = np.frexp(size.max(axis=axis, keepdims=True, initial=0))[1]
    return np.ldexp(size, -exponent), exponent


def sigma_from_snr(values: np.ndarray, snr: float) -> float:
    """Complex noise standard deviation (the unit of `values`) that puts `snr` dB below their RMS.

    Raises `InputError` if `snr` is not a finite number between -1000 and 1000.
    """
    level = decibels("snr", snr)
    return float(rms(np.asarray(values, dtype=complex)) * 10 ** (-level / 20))


def complex_gaussian(shape: tuple[int, ...], sigma: float, seed: int | np.random.Generator) -> np.ndarray:
    """Draw complex128 noise of `shape` with E|n|^2 = sigma^2, from a seed or a generator."""
    rng = np.random.default_rng(seed)
    draw = rng.standard_normal((*shape, 2))
    return (draw[..., 0] + 1j * draw[..., 1]) * (sigma / np.sqrt(2))
