"""What the joint estimation of a background costs and gains: mean pSNR of images against the true phantoms.

An ideal scanner measures tubes, a shape and bars at 30 dB. A background that is constant along the frequencies or along
the angles, with random amplitudes of ten times the RMS of the data, is added to them. `clean` are data without it and
without the estimate, `ignored` data with it and without the estimate, and the other columns data with it and with the
estimate of one, two or three cosines.

    python -m benchmarks.background [--voxels 16] [--angles 20] [--methods tikhonov kaczmarz admm]
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd
import xarray as xr

import mpisim
import recon

PHANTOMS = ("tubes", "shape", "resolution")
METHODS = {"tikhonov": {"regularisation": "auto"}, "kaczmarz": {"regularisation": "auto"}, "admm": {}}
TERMS = (1, 2, 3)
SIZE = 10.0


def disturbed(y: xr.Dataset, basis: str, seed: int) -> xr.Dataset:
    """Return a measurement with a background that is constant along one dimension."""
    rng = np.random.default_rng(seed)
    data = y["measurement"]
    shape = [1 if d == basis else n for d, n in data.sizes.items()]
    added = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    level = SIZE * np.sqrt(np.mean(np.abs(data.values) ** 2) / 2)
    return y.assign(measurement=data.copy(data=data.values + level * added))


def main() -> None:
    """Make the images and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voxels", type=int, default=16)
    parser.add_argument("--angles", type=int, default=20)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    grid = mpisim.Grid((options.voxels,) * 2, (0.032, 0.032))
    fine = mpisim.simulate(mpisim.open_sided_ffl(0.7, angles=options.angles), mpisim.Particle(25e-9), grid)
    rows = []
    for seed, phantom in enumerate(PHANTOMS):
        y = recon.measure(fine, getattr(recon.phantoms, phantom)(), snr=30, seed=seed)
        truth = y["phantom"].values
        for basis in ("frequency", "angle"):
            dirty = disturbed(y, basis, seed)
            for method in options.methods:
                chosen = METHODS[method]
                made = {"clean": recon.reconstruct(fine, y, method, **chosen)}
                made["ignored"] = recon.reconstruct(fine, dirty, method, **chosen)
                for terms in TERMS:
                    background = recon.Background(basis, terms)
                    made[f"{terms} terms"] = recon.reconstruct(fine, dirty, method, background=background, **chosen)
                quality = {name: recon.psnr(image["image"].values, truth) for name, image in made.items()}
                rows.append({"background": basis, "method": method, **quality})
    print(pd.DataFrame(rows).groupby(["background", "method"], sort=False).mean().round(1).to_string())


if __name__ == "__main__":
    main()
