"""Speed of the ways to simulate one system matrix: two NumPy twins, the general path and the ridge path.

All compute the same numbers (32 x 32 voxels of 4 x 4 points, 60 angles, harmonics 2..9, 108 samples of half a
drive period) on the same number of threads. The twins are what one would write in NumPy with care: they use half a
period too, sum a sample's points before they project on harmonics, work in blocks that stay in the cache and treat
Langevin arguments near 0 apart only where there are some. One takes any field, as the general path does; the other
knows that in the plane of an ideal scanner the field is a scalar. NumPy runs both on one thread in any case.

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
# denominator of the ratio (16 + 18), three products and half a division (3.5), product and sum (2), share of the
# projection (1). Points that saturate take a root and a division of their own instead.
FLOPS_PER_VALUE = 46.5


def twin_rows(scanner, particle, grid, sample):
    """Rows like `mpisim.simulation.equilibrium.general_rows` of an ideal scanner, in NumPy alone; (angle, harmonic, voxel)."""
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
    xi, work, z = np.empty((3, block, weights.size, count))
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
            np.multiply(x, y, out=z[:size])  # L(x) = (x - tanh x) / (x tanh x): one division, not two
            np.subtract(x, y, out=y)
            y /= z[:size]
            square = small * small
            y[near] = small / 3 * (1 - square / 15 * (1 - square * 2 / 21 * (1 - square / 10)))
            rows = (weights @ y) @ basis  # (voxel, harmonic)
            out[i, :, part] = (rows * channel).T
    return out


def vector_twin_rows(scanner, particle, grid, sample):
    """Rows like `mpisim.simulation.equilibrium.general_rows` of any scanner, in NumPy alone: fields are vectors.

    As in the kernel, p.B and xi^2 are polynomials in the drive's sine.
    """
    import numpy as np

    from mpisim.constants import MU_0
    from mpisim.simulation.equilibrium import half_period_basis

    sine, basis, channel = half_period_basis(scanner)
    basis = basis * (MU_0 * sample.particles(grid) * particle.moment)
    rules = [sample.axis_rule(i, grid) for i in range(3)]
    offsets = np.stack([o.ravel() for o in np.meshgrid(*(r[0] for r in rules), indexing="ij")], axis=-1)
    weights = np.einsum("i,j,k->ijk", *(r[1] for r in rules)).ravel()
    points = grid.centers()[:, None, :] + offsets
    d, p = particle.beta * scanner.drive_field(points), scanner.receive_sensitivity(points)
    out = np.empty((len(scanner.angles), len(basis), len(points)), dtype=complex)
    power = np.where(channel == 1, 1j, 1)
    block = 16
    x, y, along = np.empty((3, block, weights.size, sine.size))
    projection = (basis * power[:, None]).T
    dd, pd = np.einsum("vqi,vqi->vq", d, d), np.einsum("vqi,vqi->vq", p, d)
    for i, angle in enumerate(scanner.angles):
        b = particle.beta * scanner.selection_field(points, angle)
        bb, bd, pb = (np.einsum("vqi,vqi->vq", *pair) for pair in ((b, b), (b, d), (p, b)))
        for first in range(0, len(points), block):
            part = slice(first, min(first + block, len(points)))
            size = part.stop - first
            s, f, g = x[:size], y[:size], along[:size]
            np.multiply(dd[part, :, None], sine, out=s)
            s += 2 * bd[part, :, None]
            s *= sine
            s += bb[part, :, None]
            near = s < 4e-4
            some = near.any()
            if some:
                small = s[near]
                s[near] = 1.0
            np.sqrt(s, out=s)
            np.tanh(s, out=f)
            np.multiply(s, f, out=g)  # L(x)/x = (x - tanh x) / (x^2 tanh x): one division, not two
            g *= s
            np.subtract(s, f, out=f)
            f /= g
            if some:
                f[near] = (1 - small / 15 * (1 - small * 2 / 21 * (1 - small / 10))) / 3
            np.multiply(pd[part, :, None], sine, out=g)
            g += pb[part, :, None]
            f *= g
            out[i, :, part] = ((weights @ f) @ projection).T
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
    from mpisim.simulation.equilibrium import general_rows
    from mpisim.simulation.line_profile import ridge_rows

    numba.set_num_threads(threads)
    case = (mpisim.open_sided_ffl(0.5), mpisim.Particle(25e-9), mpisim.Grid(), mpisim.Sample())
    paths = {
        "NumPy, any field": vector_twin_rows,
        "NumPy, in plane": twin_rows,
        "general path": general_rows,
        "ridge path": ridge_rows,
    }
    reference = general_rows(*case)
    errors = {name: mpisim.nrmse(path(*case), reference) for name, path in paths.items()}  # and warm up
    times = {name: [] for name in paths}
    for i in range(repeats):
        for name, path in paths.items():
            if not name.startswith("NumPy") or i % 5 == 0:
                times[name] += [seconds(path, *case) for _ in range(ROUND if name == "ridge path" else 1)]
    general = statistics.median(times["general path"])
    for name in paths:
        median = statistics.median(times[name])
        ratio = f"{general / median:8.1f}x as fast" if median < general else f"{median / general:8.1f}x as slow"
        beside = "" if name == "general path" else f"{ratio} as the general path"
        print(f"{threads:7d}  {name:17s} {median * 1e3:10.3f} ms  nRMSE {errors[name]:.0e} {beside}")
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
