"""A training step of batch 64 beside the published layers written straightforwardly, per factor and precision.

    python -m benchmarks.training [--quick] [--threads 2] [--profile]

Layers only, the same work on both sides: forward, L1 loss, backward and Adam on random rows; all take turns in one run
after a warm-up, and the median over the turns counts. Beside them stand the whole step of our recipe (rows drawn, ridge
fit, data consistency, Muon) and the rate of the layers against that of a large matrix product, the peak.

`--profile` shows instead where the time of a step of our layers goes, by kind of operation (each without what it
calls), and at what rate the products among them (convolutions and matrices) run.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

import mpisim
from benchmarks.released_layers import ReleasedTranSMS
from benchmarks.timing import taking_turns
from calib.nets.table import NETS
from calib.training.recipe import recipe
from calib.training.train import Run

GFLOP = {2: 0.385, 4: 0.119, 8: 0.074}  # of one row's forward pass; backward twice as much


class Way(Protocol):
    """Something that can be trained by one step."""

    def step(self) -> None:
        """Take one step."""


class Layers:
    """Steps of bare layers."""

    def __init__(self, net: nn.Module, factor: int, batch: int, precision: str, channels_last: bool) -> None:
        self.net, self.precision = net.train(), precision
        if channels_last:
            self.net.to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.Adam(net.parameters(), fused=channels_last)
        self.rows = torch.randn(batch, 2, 32 // factor, 32 // factor)
        self.fine = torch.randn(batch, 2, 32, 32)

    def step(self) -> None:
        """Forward, L1, backward, Adam."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
            rows = self.net(self.rows)
        self.optimiser.zero_grad(set_to_none=True)
        nn.functional.l1_loss(rows.float(), self.fine).backward()
        self.optimiser.step()


class Whole:
    """Steps of the recipe on simulated rows."""

    def __init__(self, factor: int, batch: int, precision: str, folder: Path) -> None:
        matrix = mpisim.simulate(mpisim.open_sided_ffl(0.7), mpisim.Particle(24e-9))
        config = recipe("transms", factor, batch=batch, precision=precision)
        self.run = Run(config, [matrix], [matrix], folder, False, "cpu")

    def step(self) -> None:
        """One step of the training loop."""
        self.run.advance()


def peak(dtype: torch.dtype) -> float:
    """GFLOP/s of a large matrix product."""
    a = torch.randn(2048, 2048).to(dtype)
    return 2 * 2048**3 / taking_turns({"product": lambda: a @ a}, 5)["product"].wall / 1e9


KINDS = {  # by what the name of an operation contains; the first that fits
    "convolutions, backward": ("convolution_backward",),
    "convolutions, forward": ("convolution", "conv2d", "mkldnn_conv"),
    "attention": ("attention",),
    "matrix products": ("addmm", "bmm", "aten::mm", "linear"),
    "norms": ("norm",),
    "copies, joins, shapes": ("copy", "cat", "clone", "contiguous", "slice", "shuffle", "empty", "zero", "fill"),
    "optimiser": ("adam",),
}
PRODUCTS = ("convolutions, backward", "convolutions, forward", "attention", "matrix products")
OTHERS = "elementwise and others"


def kind_of(name: str) -> str:
    """Kind of an operation of PyTorch."""
    return next((kind for kind, parts in KINDS.items() if any(p in name for p in parts)), OTHERS)


def profile(layers: Layers, steps: int = 5) -> tuple[dict[str, float], int]:
    """Seconds of a step by kind of operation, and the number of operations of a step."""
    layers.step()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        for _ in range(steps):
            layers.step()
    seconds, calls = dict.fromkeys([*KINDS, OTHERS], 0.0), 0
    for event in profiler.key_averages():
        seconds[kind_of(event.key.lower())] += event.self_cpu_time_total / 1e6 / steps
        calls += event.count // steps
    return seconds, calls


def print_profile(factor: int, batch: int, precision: str, rate: float) -> None:
    """Print where the time of a step goes; `rate` is the peak in GFLOP/s."""
    seconds, calls = profile(Layers(NETS["transms"].build(factor), factor, batch, precision, True))
    total, products = sum(seconds.values()), sum(seconds[kind] for kind in PRODUCTS)
    speed = 3 * GFLOP[factor] * batch / products
    print(
        f"{factor}x, {precision}: {total:.3f} s and {calls} operations a step; products alone run at "
        f"{speed:.0f} GFLOP/s, {100 * speed / rate:.0f} % of peak"
    )
    for kind, t in sorted(seconds.items(), key=lambda item: -item[1]):
        print(f"    {kind:<26}{1e3 * t:>8.1f} ms{100 * t / total:>6.0f} %")


def ways(factor: int, batch: int, precisions: Sequence[str], folder: Path) -> dict[str, Way]:
    """All that is compared at a factor, by name."""
    compared: dict[str, Way] = {
        "published layers, float32": Layers(ReleasedTranSMS(factor), factor, batch, "float32", False)
    }
    for precision in precisions:
        net = NETS["transms"].build(factor)
        compared[f"our layers, {precision}"] = Layers(net, factor, batch, precision, True)
        compared[f"whole step, {precision}"] = Whole(factor, batch, precision, folder / precision)
    return compared


def print_steps(factor: int, batch: int, turns: int, rates: Mapping[str, float]) -> None:
    """Print the time of a step of all that is compared at a factor."""
    with tempfile.TemporaryDirectory() as folder:
        compared = ways(factor, batch, list(rates), Path(folder))
        times = taking_turns({name: way.step for name, way in compared.items()}, turns)
    first = times["published layers, float32"].wall
    for name, (seconds, cpu) in times.items():
        rate = 3 * GFLOP[factor] * batch / seconds
        share = rate / rates[name.split(", ")[1]]
        print(
            f"{factor}x   {name:<34}{seconds:>9.3f}{cpu:>9.3f}{first / seconds:>6.2f}x{rate:>9.0f}{100 * share:>8.0f}%"
        )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="batch 8, three turns, 4x")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--profile", action="store_true", help="where the time of our layers goes")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    batch, turns, factors = (8, 3, (4,)) if options.quick else (64, 7, (2, 4, 8))
    rates = {"float32": peak(torch.float32), "bfloat16": peak(torch.bfloat16)}
    print(
        f"torch {torch.__version__}, {options.threads} threads, batch {batch}; matrix product "
        + ", ".join(f"{r:.0f} GFLOP/s in {p}" for p, r in rates.items())
    )
    if not options.profile:
        print(f"{'':<5}{'way':<34}{'s a step':>9}{'s CPU':>9}{'ratio':>7}{'GFLOP/s':>9}{'of peak':>9}")
    for factor in factors:
        if options.profile:
            for precision, rate in rates.items():
                print_profile(factor, batch, precision, rate)
        else:
            print_steps(factor, batch, turns, rates)


if __name__ == "__main__":
    main()
