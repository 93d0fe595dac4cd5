"""Options of the command line that give the noise level of a file."""

from __future__ import annotations

import argparse

from mpisim.cli.command import argument_type
from mpisim.cli.options import number

__all__ = ["add_noise_options"]


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
