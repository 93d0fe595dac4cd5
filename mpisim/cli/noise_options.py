"""Options of the command line that give the noise level of a file."""

from __future__ import annotations

import argparse
from typing import Any

from mpisim.cli.command import argument_type
from mpisim.cli.options import number

__all__ = ["NOISE_FLAGS", "add_noise_options", "given_noise"]

NOISE_FLAGS = {"snr": "--snr", "noise_std": "--noise-std", "noiseless": "--noiseless"}
"""Flag by parameter."""


def given_noise(options: argparse.Namespace) -> dict[str, Any]:
    """Return the noise level that was typed, as the arguments of `calib.recover`."""
    return {name: getattr(options, name) for name in NOISE_FLAGS}


def add_noise_options(parser: argparse.ArgumentParser) -> None:
    """Add `--snr`, `--noise-std` and `--noiseless`, of which at most one may be given."""
    level = parser.add_mutually_exclusive_group()
    level.add_argument(
        "--snr",
        type=argument_type("snr", number),
        metavar="DB",
        help="noise level of the file: RMS of its values over the noise in dB",
    )
    level.add_argument(
        "--noise-std",
        type=argument_type("noise-std", number),
        metavar="S",
        help="noise level of the file: complex standard deviation in the unit of its values",
    )
    level.add_argument("--noiseless", action="store_true", help="the values of the file are exact")
