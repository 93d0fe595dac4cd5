"""Errors of linear-bayes and profile-prior on simulated scanners, and against the number of scanners in the prior.

    python benchmarks/linear_bayes.py DATA [--prior FILE] [--members 25,50,100] [--scanners 5]

DATA is a data set of `mpisim dataset --preset realistic` with the splits test and outside and coarse files of 33.7 dB.
Printed are mean and largest error in percent for each level and factor, the ratio of stated to actual error, coverage
of 68 and 95 % intervals, and seconds of CPU a matrix once the prior is read. Set OMP_NUM_THREADS=1 for one core.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

import calib
import mpisim
from calib.methods.linear_bayes.prior_file import read_prior, write_prior
from mpisim.data.coverage import coverage
from mpisim.data.views import as_images
from mpisim.dataset.cases import transms_cases

LEVELS = ("mild", "medium", "strong", "outside", "ideal")


def matrices(data: Path, level: str, count: int, factor: int) -> list[tuple[xr.Dataset, xr.Dataset]]:
    """Return coarse and fine matrices of a level; ideal ones are cases of the preset transms."""
    if level == "ideal":
        cases = [case for case in transms_cases() if case.split == "test"][:: 34 // count][:count]
        fine = [
            mpisim.simulate(mpisim.open_sided_ffl(c.sf_gradient), mpisim.Particle(c.particle_diameter)) for c in cases
        ]
        return [(calib.downsample(m, factor, snr=33.7, seed=i), m) for i, m in enumerate(fine)]
    folder = data / ("outside" if level == "outside" else "test")
    files = sorted(folder.glob(f"*_{level}.nc"))[:count]
    return [(mpisim.read(folder / f"box{factor}" / f.name), mpisim.read(f)) for f in files]


def measured(pairs: list[tuple[xr.Dataset, xr.Dataset]], method: str, prior: Path | None) -> str:
    """Return a line of errors, coverage and time of a method."""
    errors, shares, seconds = [], [], []
    for coarse, fine in pairs:
        start = time.process_time()
        found = calib.recover(coarse, method, prior=prior)
        seconds.append(time.process_time() - start)
        errors.append(100 * calib.nrmse(found, fine))
        if "system_matrix_std" in found:
            std = found["system_matrix_std"].values.reshape(as_images(fine).shape)
            shares.append(coverage(as_images(found), as_images(fine), std))
    line = f"{np.mean(errors):6.3f} {np.max(errors):6.3f}"
    if shares:
        kept = (np.mean([getattr(s, k) for s in shares]) for k in ("std_over_rmse", "within_68", "within_95"))
        line += "  " + " ".join(f"{v:.2f}" for v in kept)
    return f"{line}  {np.median(seconds):.2f} s"


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--prior", type=Path, help="default: the bundled one")
    parser.add_argument("--methods", default="bicubic-dc,linear-bayes,profile-prior")
    parser.add_argument("--members", help="numbers of members of the prior to try with linear-bayes instead")
    parser.add_argument("--factors", default="2,4,8")
    parser.add_argument("--levels", default=",".join(LEVELS))
    parser.add_argument("--scanners", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    family = read_prior(options.prior)
    with tempfile.TemporaryDirectory() as folder:
        runs: list[tuple[str, Path | None, str]] = [
            (m, options.prior if m == "linear-bayes" else None, m) for m in options.methods.split(",")
        ]
        if options.members:
            runs = []
            for n in map(int, options.members.split(",")):
                file = Path(folder) / f"{n}.npz"
                write_prior(replace(family, coefficients=family.coefficients[:n]), file)
                runs.append(("linear-bayes", file, f"{n} members"))
        for factor in map(int, options.factors.split(",")):
            for level in options.levels.split(","):
                pairs = matrices(options.data, level, options.scanners, factor)
                for method, prior, name in runs:
                    print(f"{factor}x {level:8} {name:14} {measured(pairs, method, prior)}", flush=True)


if __name__ == "__main__":
    main()
