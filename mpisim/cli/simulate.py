"""The subcommand `simulate`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mpisim.cli.command import Result, argument_type
from mpisim.cli.detection import KEYS as DETECTION_KEYS
from mpisim.cli.info import KEYS as INFO_KEYS
from mpisim.cli.info import described
from mpisim.cli.options import at_least
from mpisim.cli.row_snr import KEYS as SNR_KEYS
from mpisim.cli.scanner_options import add_setup_arguments, chosen_setup
from mpisim.errors import require

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["KEYS", "add_arguments", "run"]

_OF_NOISE = ("noise", "noise_std", *SNR_KEYS, *DETECTION_KEYS)
_DESCRIBED = ("kind", "stage", "origin", "size", "unit", "rms", *_OF_NOISE, "imperfections", "*")
KEYS = {
    **{name: INFO_KEYS[name] for name in _DESCRIBED},
    "out": "file of the matrix",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    add_setup_arguments(parser)
    recorded = parser.add_mutually_exclusive_group()
    recorded.add_argument(
        "--noise",
        action="store_true",
        help="record the matrix with the receive chain of the scanner: noise, feedthrough and digitiser (the table "
        "[scanner.receive] of its file)",
    )
    recorded.add_argument(
        "--background",
        metavar="FILE",
        help="add measured frames of an empty scanner: a measurement of several frames, or an MDF file with background "
        "frames, of the same rows and unit",
    )
    seed = argument_type("seed", at_least(0))
    parser.add_argument("--seed", type=seed, help="seed of --noise or --background (default 0)")
    parser.add_argument("--out", required=True, help="system matrix (.nc) to write")


def run(options: argparse.Namespace) -> Result:
    """Simulate a system matrix and write it."""
    import mpisim
    from mpisim.simulation.recorded import check_recording

    mpisim.io.expect_output(options.out, options.scanner, options.background)
    used = options.seed is None or options.noise or options.background is not None
    require(used, "--seed", "given together with --noise or --background", "it without")
    seed = options.seed or 0
    setup = chosen_setup(options)
    if options.noise:
        check_recording(setup)
    frames = None if options.background is None else _frames(options.background)
    matrix = setup.simulate()
    if options.noise:
        matrix = mpisim.record(matrix, seed)
    elif frames is not None:
        matrix = mpisim.add_background(matrix, frames, seed)
    mpisim.write(matrix, options.out)
    return {**described(matrix), "out": options.out}


def _frames(file: str) -> xr.Dataset:
    """Return measured frames; those of an MDF file as they were received."""
    import mpisim
    from mpisim.io.mdf.source import holds_mdf

    return mpisim.read(file, raw=True) if Path(file).is_file() and holds_mdf(file) else mpisim.read(file)
