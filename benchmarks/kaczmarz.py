"""Speed of Kaczmarz sweeps: `python -m benchmarks.kaczmarz [--rows 2000] [--voxels 29403] [--turns 5]`.

The matrix has the size of a calibration of Open MPI after the choice of rows, 2,000 x 29,403 complex64 (470 MB), with
random values. Alternatives take turns in one process on one thread, after a warm-up; ratios are of medians of CPU time.

- The example of the format is the row loop of `kaczmarzReg` in the Python scripts of MDF (github.com/
  MagneticParticleImaging/MDF, python/kaczmarzReg.py), written again here line by line, with NumPy.
- Reading is a compiled sum over all values, on one thread: from the first to the last, and in four parts side by side,
  which lets the memory give more at once. Ratios are to the faster one.
- A sweep of `recon.kaczmarz` takes a tenth of the difference between a call with eleven sweeps and a call with one.
  What else a call does takes the time of a call with one sweep minus that of a sweep.
- Eight images at once likewise.
- With `--threads 2` images are swept by two threads; wall time then says what that gains.
- A sweep must pass through every row twice, for its product and then for its update. A line says how long it takes
  to read each row from the memory and once more from the cache, with additions alone.

The image after three sweeps is compared with that of the example in float64.

On one thread of an Intel Xeon (Sapphire Rapids, AVX-512, 2 MB of L2) that shared its memory and cores with other work,
`--turns 5`: reading gives 11 GB/s, in four parts 14 GB/s, and reading every row twice has 0.76 of that. A sweep is 5.5
to 5.8x as fast as the example, and has 0.87 of the rate of reading from the first value to the last, 0.67 of that in
four parts: the second pass over the rows, from the cache, bounds it. What else a call does takes 0.72 sweeps. 8 images
at once take 3.2 sweeps of one, and 3.6 on two threads, each of which reads the matrix. The image differs from that in
float64 by 1.8e-6.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
from numba import njit

import recon
from benchmarks.timing import Timing, restart_with, taking_turns
from recon.solvers.least_squares import penalty

LAMBDA = 2e-2
SWEEPS = 10


def random_matrix(rows: int, voxels: int) -> np.ndarray:
    """Return a matrix of normal random numbers, complex64, made row by row."""
    rng = np.random.default_rng(0)
    matrix = np.empty((rows, voxels), np.complex64)
    for row in matrix:
        row.real, row.imag = rng.standard_normal((2, voxels), np.float32)
    return matrix


def example(matrix: np.ndarray, y: np.ndarray, level: float, sweeps: int) -> np.ndarray:
    """Do sweeps as the example of the format does: real and non-negative images, rows in their order."""
    x = np.zeros(matrix.shape[1], dtype=y.dtype)
    residual = np.zeros(len(matrix), dtype=y.dtype)
    energy = np.array([np.linalg.norm(row) for row in matrix])
    for _ in range(sweeps):
        for m in range(len(matrix)):
            if energy[m] > 0:
                beta = (y[m] - matrix[m, :].dot(x) - np.sqrt(level) * residual[m]) / (energy[m] ** 2 + level)
                x[:] += beta * matrix[m, :].conjugate()
                residual[m] += np.sqrt(level) * beta
        x.imag = 0
        x = x * (x.real > 0)
    return x


@njit(fastmath=True)
def total(values: np.ndarray) -> float:
    """Return the sum of values (n,), float32."""
    found = values[0] * 0
    for k in range(values.size):
        found += values[k]
    return found


@njit(fastmath=True)
def total_of_parts(values: np.ndarray) -> float:
    """Return the sum of values (n,), float32, of which four parts are read side by side."""
    found, n = values[0] * 0, values.size // 4
    for k in range(n):
        found += values[k] + values[k + n] + values[k + 2 * n] + values[k + 3 * n]
    return found


@njit(fastmath=True, inline="always")
def _four(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> float:
    """Return the sum of four rows of the same length."""
    found = a[0] * 0
    for k in range(a.size):
        found += a[k] + b[k] + c[k] + d[k]
    return found


@njit(fastmath=True)
def twice(values: np.ndarray, tile: int) -> float:
    """Return the sum of values (row, n), float32, where four rows at a time are read again with the next four."""
    found, q = 0.0, 0
    for m in range(0, values.shape[0] - 3, 4):
        for t in range(0, values.shape[1], tile):
            e = t + tile
            found += _four(values[q, t:e], values[q + 1, t:e], values[q + 2, t:e], values[q + 3, t:e])
            found += _four(values[m, t:e], values[m + 1, t:e], values[m + 2, t:e], values[m + 3, t:e])
        q = m
    return found


def difference(long: Timing, short: Timing, count: int) -> Timing:
    """Return the times of one sweep from those of calls that differ by `count` sweeps."""
    return Timing((long.wall - short.wall) / count, (long.cpu - short.cpu) / count)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--voxels", type=int, default=29403)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    restart_with({name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")})
    restart_with({"NUMBA_NUM_THREADS": str(options.threads)})
    matrix = random_matrix(options.rows, options.voxels)
    truth = np.abs(np.random.default_rng(1).standard_normal(options.voxels)).astype(np.complex64)
    y = matrix @ truth
    images = np.stack([y * (k + 1) for k in range(8)], axis=1)
    level = penalty(matrix[:64], LAMBDA) * options.rows / 64

    def sweeps(data: np.ndarray, count: int) -> Callable[[], object]:
        return partial(recon.kaczmarz, matrix, data, level, count, convention="absolute")

    values = matrix.view(np.float32)
    flat = values.ravel()
    works: dict[str, Callable[[], object]] = {
        "read": lambda: total(flat),
        "parts": lambda: total_of_parts(flat),
        "twice": lambda: twice(values, 1024),
        "example": partial(example, matrix, y, level, 1),
        "norms": lambda: [np.linalg.norm(row) for row in matrix],
        "1 sweep": sweeps(y, 1),
        "11 sweeps": sweeps(y, 1 + SWEEPS),
        "8 images, 1 sweep": sweeps(images, 1),
        "8 images, 6 sweeps": sweeps(images, 6),
    }
    times = taking_turns(works, options.turns, every=dict.fromkeys(works, 1))
    sweep = difference(times["11 sweeps"], times["1 sweep"], SWEEPS)
    eight = difference(times["8 images, 6 sweeps"], times["8 images, 1 sweep"], 5)
    theirs = times["example"].cpu - times["norms"].cpu
    read, rest = min(times["read"].cpu, times["parts"].cpu), times["1 sweep"].cpu - sweep.cpu
    size = matrix.nbytes
    lines = {
        "reading the matrix once": (times["read"].cpu, f"{size / times['read'].cpu / 1e9:.1f} GB/s"),
        "in four parts side by side": (times["parts"].cpu, f"{size / times['parts'].cpu / 1e9:.1f} GB/s"),
        "every row again from the cache": (times["twice"].cpu, f"{read / times['twice'].cpu:.2f} of reading"),
        "a sweep of the format's example": (theirs, ""),
        "a sweep": (sweep.cpu, f"{theirs / sweep.cpu:.1f}x as fast as the example, {read / sweep.cpu:.2f} of reading"),
        "what else a call does": (rest, f"{rest / sweep.cpu:.2f} sweeps"),
        "a sweep of 8 images": (eight.cpu, f"{eight.cpu / sweep.cpu:.1f} sweeps of one"),
        f"its wall time, {options.threads} threads": (eight.wall, f"{eight.wall / sweep.wall:.1f} sweeps of one"),
    }
    print(f"{options.rows} x {options.voxels} complex64, {size / 1e6:.0f} MB, medians of CPU ms on one thread:")
    for name, (seconds, ratio) in lines.items():
        print(f"  {name:<34}{seconds * 1e3:8.1f}   {ratio}")
    want = example(matrix.astype(np.complex128), y.astype(np.complex128), level, 3).real
    error = np.linalg.norm(recon.kaczmarz(matrix, y, level, 3, convention="absolute") - want) / np.linalg.norm(want)
    print(f"  image after 3 sweeps against the example's in float64: {error:.1e}")


if __name__ == "__main__":
    main()
