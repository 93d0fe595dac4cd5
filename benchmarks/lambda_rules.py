"""What the rules for lambda lose: pSNR of images at the value of each rule, beside the best value of all.

Three scanners (ideal, and the presets medium and strong of imperfect ones) measure tubes, a shape and bars at 20, 30
and 40 dB on twice as fine voxels. Images are made with the exact matrix, and with matrices recovered from block means
at 33.7 dB: by `bicubic-dc` at 2x, and by `linear-bayes` at 4x, whose bundled prior is of another grid, so that it falls
back to `bicubic-dc`. That matrix errs by 16 to 20 %, and stands for a bad one. Recovered matrices state their standard
deviations, by which rows are weighted, and below whose lambda `auto` does not go; `auto, no least` leaves out the
latter. The best value is that of the highest pSNR against the true phantom on a grid of half decades, or among the
rules, in the same weighted rows. Printed is its lead over each rule in dB: the median, the 90 % quantile and the
largest one. With `--ignore-std` the deviations are left aside.
`hands-free image` is the image that the sweeps of Scheffler et al. end with; 0.02 is the default of the methods.

    python -m benchmarks.lambda_rules [--voxels 24] [--angles 30] [--phantoms stenosis] [--methods tikhonov]
        [--out docs/lambda_rules]
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import calib
import mpisim
import recon
from mpisim.data.noise import PROTOCOL_SNR
from recon.preparation import Conditions, prepare
from recon.selection.hands_free import hands_free
from recon.selection.regularisation import RULES, regularisation
from recon.selection.settled import settled_options
from recon.solvers.solver import Problem

SCANNERS = ("ideal", "medium", "strong")
PHANTOMS = ("tubes", "shape", "resolution")
NOISE_LEVELS = (20.0, 30.0, 40.0)
RECOVERIES = (("bicubic-dc", 2), ("linear-bayes", 4))
GROUPS = {
    "good": ("exact", "bicubic-dc 2x"),
    "bad": ("linear-bayes 4x",),
    "all": ("exact", "bicubic-dc 2x", "linear-bayes 4x"),
}
"""Matrices by the value of the column `matrix` of the table."""
METHODS = ("tikhonov", "kaczmarz", "cg", "fista")
GRID = 10.0 ** np.arange(-5, 1.01, 0.5)
DEFAULT = 2e-2
ALONE = "auto, no least"
"""The rule `auto` without the least lambda for the errors that a matrix states."""


def matrices(name: str, voxels: int, angles: int, seed: int) -> dict[str, xr.Dataset]:
    """Return the exact matrix of a scanner and the recovered ones, with their error in the name."""
    scanner = mpisim.read_scanner(name).scanner if name != "ideal" else mpisim.open_sided_ffl(0.7, angles=angles)
    grid = mpisim.Grid((voxels, voxels), (0.032, 0.032))
    fine = mpisim.simulate(scanner, mpisim.Particle(25e-9), grid)
    found = {"exact": fine}
    for method, factor in RECOVERIES:
        recovered = calib.recover(calib.downsample(fine, factor, snr=PROTOCOL_SNR, seed=seed), method)
        found[f"{method} {factor}x"] = recovered
        print(f"{name}: {method} {factor}x, error {100 * calib.nrmse(recovered, fine):.2g} %", flush=True)
    return found


def measured(
    fine: xr.Dataset, seed: int, phantoms: Sequence[str] = PHANTOMS
) -> Iterator[tuple[str, float, xr.Dataset]]:
    """Yield phantom, level in dB and dataset of every measurement."""
    for p, phantom in enumerate(phantoms):
        for n, snr in enumerate(NOISE_LEVELS):
            drawn = int(np.random.SeedSequence([seed, p, n]).generate_state(1)[0])
            yield phantom, snr, recon.measure(fine, getattr(recon.phantoms, phantom)(), snr=snr, seed=drawn)


def images(method: str, problem: Problem, values: np.ndarray) -> np.ndarray:
    """Return images (N, values) of a method from one measurement, for each lambda."""
    solver = recon.METHODS[method]
    repeated = problem.with_data(np.repeat(problem.y, len(values), axis=1))
    return solver.run(repeated, solver.options(regularisation=values)).images


def rows_of(
    matrix: xr.Dataset, y: xr.Dataset, methods: Sequence[str] = METHODS, use_std: bool = True
) -> Iterator[dict[str, Any]]:
    """Yield the pSNR of every rule and of the best value for a measurement, by each method.

    Rows are prepared as `recon.reconstruct` does it: white, and weighted where the matrix states its errors.
    """
    prepared, truth = prepare(matrix, y, Conditions(use_std=use_std), "tikhonov"), y["phantom"].values.ravel()
    problem, (data,) = prepared.problem, prepared.problem.y.T
    chosen = {rule: regularisation(problem.spectrum, data, rule, prepared.noise) for rule in RULES[1:-1]}
    alone = regularisation(problem.spectrum, data)
    options = recon.METHODS["tikhonov"].options(regularisation="auto")
    auto = settled_options(options, problem, prepared.noise, prepared.deviation)[0].regularisation
    swept = hands_free(problem.matrix, data)
    chosen = {"auto": auto, ALONE: alone, **chosen, "hands-free": swept.regularisation, "0.02": DEFAULT}
    errors = 1.0 if prepared.deviation is None else float(np.sqrt(np.mean(prepared.deviation**2)))
    for method in methods:
        found = images(method, problem, np.array([*chosen.values(), *GRID]))
        quality = [float(recon.psnr(x, truth)) for x in found.T]
        best, by_value = max(quality), quality[len(chosen) :]
        own = dict(zip(chosen, quality[: len(chosen)], strict=True))
        own["hands-free image"] = float(recon.psnr(swept.image, truth))
        at = GRID[int(np.argmax(by_value))]
        for name, q in own.items():
            value = chosen.get(name, swept.regularisation)
            row = {"method": method, "matrix_errors": errors, "rule": name, "regularisation": value}
            yield {**row, "psnr": q, "best_psnr": best, "best_regularisation": at, "loss": best - q}


def summary(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return median, 90 % quantile and largest loss."""
    groups = table.groupby(by, sort=False)["loss"]
    return pd.DataFrame(
        {"cases": groups.size(), "median": groups.median(), "q90": groups.quantile(0.9), "worst": groups.max()}
    )


def by_group(table: pd.DataFrame) -> pd.DataFrame:
    """Return the summary of each of `GROUPS`, over matrix, method and rule."""
    parts = {name: table[table["matrix"].isin(kinds)] for name, kinds in GROUPS.items()}
    return pd.concat({name: summary(part, ["method", "rule"]) for name, part in parts.items()}, names=["matrix"])


def main() -> None:
    """Run the cases and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voxels", type=int, default=24)
    parser.add_argument("--angles", type=int, default=30, help="of the ideal scanner")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scanners", nargs="+", default=SCANNERS, choices=["mild", *SCANNERS])
    parser.add_argument("--phantoms", nargs="+", default=PHANTOMS, choices=[*PHANTOMS, "stenosis"])
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--ignore-std", action="store_true")
    parser.add_argument("--out", type=Path, help="folder for lambda_rules.csv (of GROUPS) and lambda_cases.csv")
    options = parser.parse_args()
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for s, name in enumerate(options.scanners):
            made = matrices(name, options.voxels, options.angles, options.seed + s)
            data = list(measured(made["exact"], options.seed + s, options.phantoms))
            for kind, matrix in made.items():
                found = [
                    {"phantom": phantom, "snr": snr, **row}
                    for phantom, snr, y in data
                    for row in rows_of(matrix, y, options.methods, not options.ignore_std)
                ]
                rows += [{"scanner": name, "matrix": kind, **row} for row in found]
                print(summary(pd.DataFrame(found), ["method", "rule"]).round(2).to_string(), flush=True)
    table = pd.DataFrame(rows)
    groups = by_group(table)
    print(summary(table, ["method", "matrix", "rule"]).round(2).to_string(), groups.round(2).to_string(), sep="\n\n")
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        groups.round(3).to_csv(options.out / "lambda_rules.csv")
        table.round(4).to_csv(options.out / "lambda_cases.csv", index=False)


if __name__ == "__main__":
    main()
