"""Speed of bands of lines around the harmonics, beside the obvious way: a simulation of the whole frame in time.

A frame of 10 ms holds 232 periods of 23.2 kHz and 50 000 samples at 5 MS/s. The obvious way takes 1 / 10 ms as the base
frequency, the drive as its tone 232, and keeps the recorded bins of the transformation of all samples
(`mpisim.DriveTones`, the engine for several tones). `mpisim.Bands` combines the harmonics of a period at the nodes of
the frame. Both give the same lines; the table says how far they differ. With a rotating line there is no obvious way in
this package; its time is that of the eight nodes.

    python -m benchmarks.bands [--voxels 8] [--angles 2] [--repeats 3]
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np

import mpisim
from benchmarks.timing import taking_turns

HARMONICS = tuple(range(2, 12))
PERIODS = 232
PARTICLE = mpisim.Particle(25e-9)


def scanners(angles: int) -> dict[str, mpisim.ImperfectFFL]:
    """Return the scanners by name: the frame in time, bands at rest, and bands of a rotating line."""
    line = mpisim.open_sided_ffl(0.5, angles=angles, harmonics=HARMONICS)
    bands = {name: mpisim.Bands(500.0, 10e-3, rotation=r) for name, r in (("at rest", 0.0), ("rotating", 5.0))}
    bins = tuple(PERIODS * k + j for k in HARMONICS for j in range(-2, 3))
    whole = mpisim.ImperfectFFL.of(
        line, tones=mpisim.DriveTones(PERIODS), harmonics=bins, samples_per_period=216 * PERIODS
    )
    return {"frame in time": whole} | {n: mpisim.ImperfectFFL.of(line, bands=b) for n, b in bands.items()}


def main() -> None:
    """Print the times and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voxels", type=int, default=8, help="along each side")
    parser.add_argument("--angles", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    grid, machines = mpisim.Grid((options.voxels, options.voxels)), scanners(options.angles)
    found = {name: mpisim.simulate(machine, PARTICLE, grid) for name, machine in machines.items()}
    values = {name: matrix["system_matrix"].values for name, matrix in found.items()}
    difference = np.abs(values["frame in time"] - values["at rest"]).max() / np.abs(values["at rest"]).max()
    assert np.allclose(found["frame in time"]["frequency"], found["at rest"]["frequency"], rtol=1e-12)
    works = {name: partial(mpisim.simulate, machine, PARTICLE, grid) for name, machine in machines.items()}
    times = taking_turns(works, options.repeats)
    rows = options.angles * len(found["at rest"]["frequency"])
    print(f"{rows} rows of {options.voxels} x {options.voxels} voxels; largest difference at rest {difference:.1e}")
    for name, timing in times.items():
        ratio = times["frame in time"].cpu / timing.cpu
        print(f"{name:14} {timing.wall:9.3f} s wall  {timing.cpu:9.3f} s CPU  {ratio:9.1f} times the speed")


if __name__ == "__main__":
    main()
