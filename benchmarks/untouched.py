"""The bundled weights on matrices that were untouched while the weights were made: a draw of gradients and diameters.

Choices at 8x were made after test errors had been seen, so the test matrices no longer tell how the weights do on
others. Here 34 pairs are drawn uniformly from the ranges of the protocol (0.4 to 1 T/m, 14.1 to 33.4 nm), none of them
on its grid, simulated, measured coarsely with the protocol's noise (33.7 dB) or without noise, and recovered.

    python -m benchmarks.untouched [--methods ridge,transms] [--factors 2,4,8] [--matrices 34] [--seed 2026]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr

import calib
import mpisim
from mpisim.data.noise import PROTOCOL_SNR

GRADIENTS = (0.4, 1.0)  # T/m
DIAMETERS = (14.1e-9, 33.405e-9)  # m


def drawn(count: int, seed: int) -> Iterator[xr.Dataset]:
    """Fine matrices of `count` pairs of gradient and diameter."""
    rng = np.random.default_rng(seed)
    grid = mpisim.Grid((32, 32), (0.032, 0.032))
    for gradient, diameter in zip(rng.uniform(*GRADIENTS, count), rng.uniform(*DIAMETERS, count), strict=True):
        yield mpisim.simulate(mpisim.open_sided_ffl(gradient, fov=grid.fov[0]), mpisim.Particle(diameter), grid)


def errors(matrices: Sequence[xr.Dataset], method: str, factor: int, snr: float | None) -> list[float]:
    """Return the nRMSE in % of every matrix."""
    coarse = [calib.downsample(m, factor, snr=snr, seed=i) for i, m in enumerate(matrices)]
    return [100 * calib.nrmse(calib.recover(c, method), m) for c, m in zip(coarse, matrices, strict=True)]


def main() -> None:
    """Print the errors of all methods at all factors, without noise and with it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", default="bicubic-dc,profile,ridge,srcnn,vdsr,transms")
    parser.add_argument("--factors", default="2,4,8")
    parser.add_argument("--matrices", type=int, default=34)
    parser.add_argument("--seed", type=int, default=2026)
    options = parser.parse_args()
    matrices = list(drawn(options.matrices, options.seed))
    print(f"{options.matrices} matrices, seed {options.seed}: nRMSE in %, mean (least to largest)")
    for factor in map(int, options.factors.split(",")):
        for method in options.methods.split(","):
            for name, snr in (("noiseless", None), ("noisy", PROTOCOL_SNR)):
                result = errors(matrices, method, factor, snr)
                print(
                    f"{factor}x {method:<10} {name:<9} {np.mean(result):7.3f} ({min(result):.3f} to {max(result):.3f})",
                    flush=True,
                )


if __name__ == "__main__":
    main()
