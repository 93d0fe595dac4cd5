"""A training step of batch 64 beside the published layers written straightforwardly, per factor and precision.

    python benchmarks/training.py [--quick] [--threads 2] [--profile]

Layers only, the same work on both sides: forward, L1 loss, backward and Adam on random rows; all ways take turns in one
run after a warm-up, and the median over the turns counts. Beside them stand the whole step of our recipe (rows drawn,
ridge fit, data consistency, Muon) and the rate of the layers against that of a large matrix product, the peak.

`--profile` tells instead where the time of a step of our layers goes, by kind of operation (each without what it
calls), and at what rate the products among them (convolutions and matrices) run.
"""

import argparse
import statistics
import time

import torch
from released_layers import ReleasedTranSMS
from torch import nn

import mpisim
from calib.nets import NETS
from calib.training.recipe import recipe
from calib.training.train import Run

GFLOP = {2: 0.385, 4: 0.119, 8: 0.074}  # of one row's forward pass; backward twice as much


class Layers:
    """Steps of bare layers."""

    def __init__(self, net, factor, batch, precision, channels_last):
        self.net, self.precision = net.train(), precision
        if channels_last:
            self.net.to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.Adam(net.parameters(), fused=channels_last)
        self.rows = torch.randn(batch, 2, 32 // factor, 32 // factor)
        self.fine = torch.randn(batch, 2, 32, 32)

    def step(self):
        """Forward, L1, backward, Adam."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
            found = self.net(self.rows)
        self.optimiser.zero_grad(set_to_none=True)
        nn.functional.l1_loss(found.float(), self.fine).backward()
        self.optimiser.step()


class Whole:
    """Steps of the recipe on simulated rows."""

    def __init__(self, factor, batch, precision, folder):
        matrix = mpisim.simulate(mpisim.open_sided_ffl(0.7), mpisim.Particle(24e-9))
        config = recipe("transms", factor, batch=batch, precision=precision)
        self.run = Run(config, [matrix], [matrix], folder, False, "cpu")

    def step(self):
        """One step of the training loop."""
        self.run.advance()


def medians(ways, turns):
    """Median seconds of a step of every way, taken in turns."""
    for way in ways.values():
        way.step()
    times = {name: [] for name in ways}
    for _ in range(turns):
        for name, way in ways.items():
            start = time.perf_counter()
            way.step()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(t) for name, t in times.items()}


def peak(dtype):
    """GFLOP/s of a large matrix product."""
    a = torch.randn(2048, 2048).to(dtype)
    a @ a
    times = []
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - start)
    return 2 * 2048**3 / statistics.median(times) / 1e9


KINDS = {  # by what the name of an operation contains; the first that fits
    "convolutions, backward": ("convolution_backward",),
    "convolutions, forward": ("convolution", "conv2d", "mkldnn_conv"),
    "attention": ("attention",),
    "matrix products": ("addmm", "bmm", "aten::mm", "linear"),
    "norms": ("norm",),
    "copies, joins, shapes": ("copy", "cat", "clone", "contiguous", "slice", "shuffle", "empty", "zero", "fill"),
    "optimiser": ("adam",),
}


def kind_of(name):
    return next((kind for kind, parts in KINDS.items() if any(p in name for p in parts)), "elementwise and others")


def profile(layers, steps=5):
    """Seconds of a step by kind of operation, and the number of operations of a step."""
    layers.step()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as found:
        for _ in range(steps):
            layers.step()
    seconds, calls = dict.fromkeys([*KINDS, "elementwise and others"], 0.0), 0
    for event in found.key_averages():
        seconds[kind_of(event.key.lower())] += event.self_cpu_time_total / 1e6 / steps
        calls += event.count // steps
    return seconds, calls


def print_profiles(batch, factors, rates):
    for factor in factors:
        for precision, rate in rates.items():
            seconds, calls = profile(Layers(NETS["transms"].build(factor), factor, batch, precision, True))
            total = sum(seconds.values())
            products = sum(
                t for kind, t in seconds.items() if "conv" in kind or kind in ("attention", "matrix products")
            )
            speed = 3 * GFLOP[factor] * batch / products
            print(
                f"{factor}x, {precision}: {total:.3f} s and {calls} operations a step; products alone run at "
                f"{speed:.0f} GFLOP/s, {100 * speed / rate:.0f} % of peak"
            )
            for kind, t in sorted(seconds.items(), key=lambda item: -item[1]):
                print(f"    {kind:<26}{1e3 * t:>8.1f} ms{100 * t / total:>6.0f} %")


def main():
    import tempfile
    from pathlib import Path

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="batch 8, three turns, 4x")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--profile", action="store_true", help="where the time of our layers goes")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    batch, turns = (8, 3) if options.quick else (64, 7)
    rates = {p: peak(getattr(torch, p)) for p in ("float32", "bfloat16")}
    print(
        f"torch {torch.__version__}, {options.threads} threads, batch {batch}; matrix product "
        + ", ".join(f"{r:.0f} GFLOP/s in {p}" for p, r in rates.items())
    )
    factors = (4,) if options.quick else (2, 4, 8)
    if options.profile:
        print_profiles(batch, factors, rates)
        return
    print(f"{'':<5}{'way':<34}{'s a step':>9}{'ratio':>7}{'GFLOP/s':>9}{'of peak':>9}")
    for factor in factors:
        with tempfile.TemporaryDirectory() as folder:
            ways = {"published layers, float32": Layers(ReleasedTranSMS(factor), factor, batch, "float32", False)}
            for precision in rates:
                net = NETS["transms"].build(factor)
                ways[f"our layers, {precision}"] = Layers(net, factor, batch, precision, True)
                ways[f"whole step, {precision}"] = Whole(factor, batch, precision, Path(folder) / precision)
            found = medians(ways, turns)
        first = found["published layers, float32"]
        for name, seconds in found.items():
            rate = 3 * GFLOP[factor] * batch / seconds
            share = rate / rates[name.split(", ")[1]]
            print(f"{factor}x   {name:<34}{seconds:>9.3f}{first / seconds:>6.2f}x{rate:>9.0f}{100 * share:>8.0f}%")


if __name__ == "__main__":
    main()
