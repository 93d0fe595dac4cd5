"""Speed of the three ways to simulate one system matrix: a NumPy twin, the general path and the ridge path.

All three compute the same numbers (32 x 32 voxels of 4 x 4 points, 60 angles, harmonics 2..9, 108 samples of half a
drive period) on the same number of threads. The twin is what one would write in NumPy with care: it uses half a period
too, sums the points of a sample before it projects on harmonics, works in blocks that stay in the cache and treats
Langevin arguments near 0 apart only where there are some. NumPy runs it on one thread whatever the thread count.

    python benchmarks/simulator.py [--threads 1 2] [--repeats 15]
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

ROUND = 20  # calls of the ridge path for one of the general path
# Operations of one Langevin value on the general path: xi^2 and p.B as polynomials of the sine (4 + 2), numerator and
# denominator of the ratio (16 + 18), root, subtraction, division (3), product and sum (2), share of the projection (1).
FLOPS_PER_VALUE = 46


def twin_rows(scanner, particle, grid, sample):
    """Rows like `mpisim.rows.general_rows` of an ideal scanner, in NumPy alone; (angle, harmonic, voxel)."""
    import numpy as np

    from mpisim.constants import MU_0

    count = scanner.samples_per_period // 2
    phi = ((np.arange(count) + 0.5) / count - 0.5) * np.pi
    k = np.array(scanner.harmonics)
    omega = 2 * np.pi * scanner.drive_frequency
    wave = np.where(k % 2 == 0, np.cos(np.outer(phi, k)), np.sin(np.outer(phi, k)))
    scale = MU_0 * sample.particles(grid) * particle.moment * scanner.sensitivity[2]
    basis = wave * (-(k * omega / count) * scale)  # (time, harmonic)
    (sx, wx), (sy, wy) = sample.axis_rule(0, grid), sample.axis_rule(1, grid)
    offsets = np.stack([np.repeat(sx, sy.size), np.tile(sy, sx.size)])
    weights = np.repeat(wx, wy.size) * np.tile(wy, wx.size)
    centres = grid.centers()[:, :2]
    out = np.empty((len(scanner.angles), k.size, len(centres)), dtype=complex)
    channel = np.where(k % 2 == 0, 1j, 1)
    drive = particle.beta * scanner.drive_amplitude * np.sin(phi)
    block = 16  # voxels: 16 x 16 points x 108 times x 8 bytes = 0.2 MB for each temporary
    xi, work = np.empty((2, block, weights.size, count))
    for i, angle in enumerate(scanner.angles):
        normal = np.array([np.cos(angle), np.sin(angle)])
        bias = particle.beta * scanner.sf_gradient * ((centres @ normal)[:, None] + normal @ offsets)
        for first in range(0, len(centres), block):
            part = slice(first, min(first + block, len(centres)))
            size = part.stop - first
            x, y = xi[:size], work[:size]
            np.add(bias[part, :, None], drive, out=x)
            near = np.abs(x) < 0.02
            small = x[near]
            x[near] = 1.0
            np.tanh(x, out=y)
            np.divide(1.0, y, out=y)
            np.divide(1.0, x, out=x)
            y -= x
            square = small * small
            y[near] = small / 3 * (1 - square / 15 * (1 - square * 2 / 21 * (1 - square / 10)))
            rows = (weights @ y) @ basis  # (voxel, harmonic)
            out[i, :, part] = (rows * channel).T
    return out


def machine_peak(threads, size=1500):
    """Largest rate of a float64 matrix product on this many threads, in flop/s, measured in a process of its own."""
    code = (
        f"import numpy, time; a = numpy.ones(({size}, {size})); s = []\n"
        "for _ in range(6):\n t = time.perf_counter(); a @ a; s.append(time.perf_counter() - t)\n"
        f"print(2 * {size}**3 / min(s))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS")}
    environment |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    return float(subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout)


def seconds(function, *arguments):
    """Wall time of one call."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def measure(threads, repeats):
    """Print one thread count's lines; the three paths take turns, so that a busy spell meets them all."""
    import numba

    import mpisim
    from mpisim.rows import general_rows, ridge_rows

    numba.set_num_threads(threads)
    case = (mpisim.open_sided_ffl(0.5), mpisim.Particle(25e-9), mpisim.Grid(), mpisim.Sample())
    paths = {"NumPy twin": twin_rows, "general path": general_rows, "ridge path": ridge_rows}
    reference = general_rows(*case)
    errors = {name: mpisim.nrmse(path(*case), reference) for name, path in paths.items()}  # and warm up
    times = {name: [] for name in paths}
    for i in range(repeats):
        for name, path in paths.items():
            if name != "NumPy twin" or i % 5 == 0:
                times[name] += [seconds(path, *case) for _ in range(ROUND if name == "ridge path" else 1)]
    before = None
    for name in paths:
        median = statistics.median(times[name])
        ratio = "" if before is None else f"{before / median:8.1f}x the line above"
        print(f"{threads:7d}  {name:13s} {median * 1e3:10.3f} ms  nRMSE {errors[name]:.0e} {ratio}")
        before = median
    scanner, _, grid, sample = case
    points = grid.shape[0] * grid.shape[1] * sample.points**2
    values = len(scanner.angles) * points * scanner.samples_per_period // 2
    rate = values * FLOPS_PER_VALUE / statistics.median(times["general path"])
    peak = machine_peak(threads)
    print(
        f"         general path: {statistics.median(times['general path']) / values * 1e9:.2f} ns and "
        f"{FLOPS_PER_VALUE} operations a Langevin value, {rate / 1e9:.0f} Gflop/s, {rate / peak:.0%} of the "
        f"{peak / 1e9:.0f} Gflop/s of a float64 matrix product"
    )


def main():
    """Run the benchmark on each number of threads."""
    parser = argparse.ArgumentParser(description="Time the simulator's paths against a NumPy twin.")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for name in [name for name in os.environ if name.startswith("OPENBLAS")]:
        del os.environ[name]
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # for the twin's small products
    print("threads  path             median")
    for threads in options.threads:
        measure(threads, options.repeats)


if __name__ == "__main__":
    main()
