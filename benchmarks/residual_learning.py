"""Whether what `physical` leaves can be learned: a linear estimator and a small network on its residual.

    python -m benchmarks.residual_learning DATA CACHE --factor 4

DATA is a data set of `mpisim dataset --preset realistic` with coarse files of 33.7 dB. Matrices recovered by `physical`
and `linear-bayes` are kept in CACHE, so that a second run only trains. Both estimators see, for each row, maps of
`benchmarks.residual_features`, and give the error of `physical` in units of the noise. They are trained on scanners of
the split `train` and on scanners drawn here as those of `outside` are, with other seeds. Matrices on which they are
judged:

- the splits `test` and `outside`; the latter are of a kind that was seen in training;
- three kinds that were not seen, scanners of the level `medium` with one thing more: relaxation that depends on the
  field, a dipole, or positions with a jitter of .05 mm.

Printed are mean nRMSE in percent. `guarded` adds the network's correction only where its RMS over the matrix is above a
share of the stated standard deviation, which training scanners that were held back fix. The last columns bound what
any correction can reach: the errors of two draws of the noise share what the model lacks (`model`); the rest is noise
(`noise`), which no residual tells.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

import calib
import mpisim
from benchmarks.residual_features import SIGNED, features
from mpisim.data.schema import STD
from mpisim.dataset.outside import draw_outside
from mpisim.dataset.realistic import draw_setup
from mpisim.simulation.setup import Setup

SEED = 777
SNR = 33.7
COUNTS = {"train": 24, "like outside": 32, "test": 18, "outside": 10, "relaxation": 4, "dipole": 4, "jitter": 4}
HELD = {"train": 3, "like outside": 4}
"""Scanners of the training that are held back: the last ones."""
ROWS = 64  # of each training scanner
WIDTH = 24
SHARES = np.linspace(0, 1, 21)


def drawn(kind: str, number: int) -> Setup:
    """Draw a scanner of a kind that is in no data set."""
    rng = np.random.default_rng([SEED, list(COUNTS).index(kind), number])
    if kind == "like outside":
        return draw_outside(rng, number)
    setup = draw_setup("medium", rng)
    if kind == "relaxation":
        cores = replace(setup.particle.particle, nodes=3)  # type: ignore[attr-defined, type-var]
        tracer = mpisim.FieldDependentRelaxation(cores, rng.uniform(1e-6, 5e-6))
        return replace(setup, particle=tracer, sample=replace(setup.sample, points=2))
    if kind == "dipole":
        dipole = draw_outside(rng, 0).scanner.selection[-1]  # type: ignore[attr-defined]
        scanner = setup.scanner
        return replace(setup, scanner=replace(scanner, selection=(*scanner.selection, dipole)))  # type: ignore
    return replace(setup, sample=replace(setup.sample, jitter=0.05e-3, seed=number))


def matrices(data: Path, cache: Path, kind: str, number: int, factor: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Return the fine matrix of a scanner and its block means."""
    if kind in ("train", "test", "outside"):
        file = sorted((data / kind).glob("*.nc"))[number]
        return mpisim.read(file), mpisim.read(file.parent / f"box{factor}" / file.name)
    file = cache / f"{kind.replace(' ', '_')}_{number:03d}.nc"
    if not file.exists():
        mpisim.write(drawn(kind, number).simulate(), file)
    fine = mpisim.read(file)
    return fine, calib.downsample(fine, factor, snr=SNR, seed=1000 * factor + number)


def recovered(data: Path, cache: Path, kind: str, number: int, factor: int) -> dict[str, np.ndarray]:
    """Return fine, coarse and recovered rows of a scanner, from the cache if they are there."""
    file = cache / f"{factor}_{kind.replace(' ', '_')}_{number:03d}.npz"
    if not file.exists():
        fine, coarse = matrices(data, cache, kind, number, factor)
        physical, linear = (calib.recover(coarse, method) for method in ("physical", "linear-bayes"))
        rows = {"fine": fine, "coarse": coarse, "physical": physical, "linear": linear}
        if kind == "outside":
            rows["again"] = calib.recover(calib.downsample(fine, factor, snr=SNR, seed=900_000 + number), "physical")
        found = {name: m["system_matrix"].values.astype(np.complex64) for name, m in rows.items()}
        found["std"] = physical[STD].values.astype(np.float32)
        found["sigma"] = np.sqrt(np.mean(coarse["noise_std"].values.astype(float) ** 2))
        found["level"] = np.array(fine.attrs.get("scanner_level", kind))
        np.savez(file, **found)  # type: ignore[arg-type]
    with np.load(file) as known:
        return dict(known)


class Net(nn.Module):
    """A linear map of the channels, and four convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Conv2d(channels, 2, 1, bias=False)
        self.first = nn.Conv2d(channels, WIDTH, 3, padding=1)
        self.wide = nn.Conv2d(WIDTH, WIDTH, 3, padding=2, dilation=2)
        self.third = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.last = nn.Conv2d(WIDTH, 2, 3, padding=1)
        for zero in (self.last.weight, self.last.bias):
            nn.init.zeros_(zero)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Return errors (row, 2, y, x) of channels (row, channel, y, x)."""
        h = nn.functional.gelu(self.first(x))
        h = h + nn.functional.gelu(self.wide(h))
        h = h + nn.functional.gelu(self.third(h))
        found: Tensor = self.linear(x) + self.last(h)
        return found


class Rows:
    """Rows of some scanners; each scanner counts alike, but for those with next to no error."""

    def __init__(self, scanners: Iterator[dict[str, np.ndarray]], factor: int, rng: np.random.Generator) -> None:
        channels, errors, weights = [], [], []
        for known in scanners:
            x, y = features(known, factor)
            chosen = rng.permutation(len(x))[:ROWS]
            channels.append(x[chosen].astype(np.float16))
            errors.append(y[chosen])
            weights.append(np.full(len(chosen), 1 / (np.mean(y**2) + 0.1), np.float32))
        self.x, self.y, self.w = (torch.from_numpy(np.concatenate(v)) for v in (channels, errors, weights))


def fit_linear(rows: Rows) -> Tensor:
    """Return the weights (2, channel) of least squares; channels without a sign have none."""
    n = rows.x.shape[1]
    gram, pull = torch.zeros(n, n, dtype=torch.float64), torch.zeros(n, 2, dtype=torch.float64)
    for x, y, w in zip(rows.x.split(256), rows.y.split(256), rows.w.split(256), strict=True):
        root = w.sqrt()[:, None, None, None]
        a, b = ((v.float() * root).swapaxes(0, 1).flatten(1) for v in (x, y))
        gram, pull = gram + (a @ a.T).double(), pull + (a @ b.T).double()
    signed = gram[:SIGNED, :SIGNED] + 1e-3 * torch.diag(gram.diagonal()[:SIGNED])
    weights = torch.zeros(2, n)
    weights[:, :SIGNED] = torch.linalg.solve(signed, pull[:SIGNED]).T.float()
    return weights


def train(rows: Rows, linear: Tensor, steps: int, rng: np.random.Generator) -> Net:
    """Train a network that starts as the linear estimator, on rows that are reflected and change their sign."""
    net = Net(rows.x.shape[1])
    with torch.no_grad():
        net.linear.weight[:] = linear[:, :, None, None]
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    for _ in range(steps):
        chosen = torch.from_numpy(rng.integers(0, len(rows.x), 32))
        x, y, w = rows.x[chosen].float(), rows.y[chosen], rows.w[chosen]
        sign = torch.from_numpy(rng.choice([-1.0, 1.0], (32, 1, 1, 1))).float()
        x[:, :SIGNED] *= sign
        y = y * sign
        for axis in (-1, -2):
            if rng.random() < 0.5:
                x, y = x.flip(axis), y.flip(axis)
        if rng.random() < 0.5:
            x, y = x.mT, y.mT
        loss = ((net(x) - y).square().mean((1, 2, 3)) * w).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return net.eval()


def judged(known: dict[str, np.ndarray], factor: int, linear: Tensor, net: Net) -> dict[str, float]:
    """Return the nRMSE in percent of all estimators, and the RMS of the net's correction over the stated deviation."""
    x, y = features(known, factor)
    size = float(np.sqrt(np.mean(np.abs(known["fine"]) ** 2)))
    unit = float(known["sigma"]) / 10 / size  # of the errors, over the RMS of the rows
    with torch.no_grad():
        parts = torch.from_numpy(x).split(96)
        by_linear = np.concatenate([torch.einsum("oc,rcyx->royx", linear, part).numpy() for part in parts])
        by_net = np.concatenate([net(part).numpy() for part in parts])

    def percent(error: np.ndarray) -> float:
        return 100 * unit * float(np.sqrt(2 * np.mean(error.astype(float) ** 2)))

    stated = np.sqrt(np.mean(known["std"].astype(float) ** 2)) / size
    return {
        "linear-bayes": 100 * float(np.sqrt(np.mean(np.abs(known["linear"] - known["fine"]) ** 2))) / size,
        "physical": percent(y),
        "linear": percent(y - by_linear),
        "net": percent(y - by_net),
        "share": unit * float(np.sqrt(np.mean(by_net.astype(float) ** 2)) / stated),
    } | _bound(known, size)


def _bound(known: dict[str, np.ndarray], size: float) -> dict[str, float]:
    """RMS of what the errors of two draws of the noise share, and of the rest, in percent."""
    if "again" not in known:
        return {}
    one, two = (known[name].astype(complex) - known["fine"] for name in ("physical", "again"))
    shared, rest = np.mean((one * two.conj()).real), np.mean(np.abs(one - two) ** 2) / 2
    return {"model": 100 * float(np.sqrt(max(shared, 0))) / size, "noise": 100 * float(np.sqrt(rest)) / size}


def guard(held: list[dict[str, float]]) -> float:
    """Return the least share of the stated deviation from which the network's correction counts."""
    ratio = [[h["net" if h["share"] > s else "physical"] / h["physical"] for h in held] for s in SHARES]
    return float(SHARES[int(np.argmin(np.mean(np.log(ratio), axis=1)))])


def main() -> None:
    """Recover, train and print the table of one factor."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--factor", type=int, default=4)
    parser.add_argument("--steps", type=int, default=2000, help="steps of the training (default 2000)")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    options.cache.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)

    def known(kind: str, numbers: range) -> Iterator[dict[str, np.ndarray]]:
        for number in numbers:
            yield recovered(options.data, options.cache, kind, number, options.factor)

    for kind, count in COUNTS.items():
        for number in range(count):
            recovered(options.data, options.cache, kind, number, options.factor)
        print(f"recovered {count} of {kind}", flush=True)
    used = (k for kind in HELD for k in known(kind, range(COUNTS[kind] - HELD[kind])))
    rows = Rows(used, options.factor, rng)
    linear = fit_linear(rows)
    net = train(rows, linear, options.steps, rng)
    print(f"{len(rows.x)} rows, {sum(p.numel() for p in net.parameters())} weights")
    held = [
        judged(k, options.factor, linear, net)
        for kind, count in HELD.items()
        for k in known(kind, range(COUNTS[kind] - count, COUNTS[kind]))
    ]
    least = guard(held)
    print(f"{options.factor}x: the correction counts from {least:.2f} of the stated deviation")
    found: dict[str, list[dict[str, float]]] = {}
    for kind in list(COUNTS)[2:]:
        for k in known(kind, range(COUNTS[kind])):
            one = judged(k, options.factor, linear, net)
            one["guarded"] = one["net" if one["share"] > least else "physical"]
            one["worst"] = one["guarded"] / one["physical"]
            found.setdefault(str(k["level"]) if kind == "test" else kind, []).append(one)
    for name, ones in found.items():
        means = {key: np.mean([one[key] for one in ones]) for key in ones[0] if key != "worst"}
        worst = max(one["worst"] for one in ones)
        print(
            f"{name:11} {len(ones):3} "
            + " ".join(f"{k} {v:.3f}" for k, v in means.items())
            + f" worst guarded/physical {worst:.3f}"
        )


if __name__ == "__main__":
    main()
