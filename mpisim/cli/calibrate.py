"""The subcommand `calibrate`."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace

from mpisim.cli.command import Result, argument_type, as_typed
from mpisim.cli.options import at_least, number, ranged
from mpisim.cli.row_snr import KEYS as SNR_KEYS
from mpisim.cli.row_snr import SnrTally
from mpisim.cli.scanner_options import add_setup_arguments, chosen_setup

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "out": "file of the coarse matrix",
    "kind": "prospective (large sample) or retrospective (means over small samples)",
    "grid": "voxels of the coarse matrix along x, y",
    "positions": "positions of the sample that were measured",
    "time": "time of the acquisition in s; null without a receive chain",
    "noise_std": "complex noise standard deviation in V of the small sample, the largest of the rows",
    **SNR_KEYS,
    "gain_over_voxel": "signal to noise over that of one small sample in dB",
    "gain_over_means": "signal to noise over that of means over small samples in dB",
}
"""Keys of `--json`."""

_FLAGS = {name: f"--{name.replace('_', '-')}" for name in ("factor", "concentration", "jitter", "noise_std", "seed")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    add_setup_arguments(parser)
    factor = argument_type("factor", at_least(2))
    parser.add_argument("--factor", type=factor, required=True, help="edge of the large sample in voxels, such as 2")
    parser.add_argument(
        "--retrospective",
        action="store_true",
        help="measure every voxel with the small sample instead, and take means over blocks",
    )
    share = argument_type("concentration", ranged(1e-6, 1e6, "times that of the small sample"))
    parser.add_argument(
        "--concentration", type=share, default="1", help="of the large sample over that of the small one (default 1)"
    )
    jitter = argument_type("jitter", ranged(0, 5, "mm", 1e-3))
    parser.add_argument(
        "--jitter", type=jitter, metavar="MM", help="error of each position in mm (default: that of the scanner file)"
    )
    parser.add_argument(
        "--noise-std",
        type=argument_type("noise-std", number),
        metavar="V",
        help="complex noise standard deviation of a measured row in V (default: that of the scanner's receive chain)",
    )
    parser.add_argument("--seed", type=argument_type("seed", at_least(0)), default="0", help="of the noise (default 0)")
    parser.add_argument("--out", required=True, help="coarse system matrix (.nc) to write")


def run(options: argparse.Namespace) -> Result:
    """Simulate a coarse calibration with its own noise and write it."""
    import mpisim
    from mpisim.data.grid import Grid

    mpisim.io.expect_output(options.out, options.scanner)
    setup = chosen_setup(options)
    if options.jitter is not None:
        setup = replace(setup, sample=replace(setup.sample, jitter=options.jitter))
    with as_typed(_FLAGS):
        coarse = mpisim.calibrate(
            setup,
            options.factor,
            seed=options.seed,
            concentration=options.concentration,
            noise_std=options.noise_std,
            retrospective=options.retrospective,
        )
    mpisim.write(coarse, options.out)
    tally = SnrTally()
    tally.add(coarse)
    grid, small = Grid.of(coarse).shape[:2], options.retrospective
    gain = options.factor if small else options.factor**2 * options.concentration
    return {
        "out": options.out,
        "kind": coarse.attrs["calibration"]["kind"],
        "grid": list(grid),
        "positions": math.prod(setup.grid.shape[:2] if small else grid),
        "time": coarse.attrs.get("recorded", {}).get("time"),
        "noise_std": float(coarse["noise_std"].max()),
        **tally.described(),
        "gain_over_voxel": 20 * math.log10(gain),
        "gain_over_means": 20 * math.log10(gain / options.factor),
    }
