"""The subcommand `measure`."""

from __future__ import annotations

import argparse
from typing import Any

from mpisim.cli.command import Result
from mpisim.errors import positive, require
from mpisim.io import expect_output
from recon.cli.reconstruct import _flag

__all__ = ["add_arguments", "run"]


_LENGTHS = {
    "left_width": "width_left",
    "right_width": "width_right",
    "length": "length",
    "gap": "gap",
    "radius": "radius",
}


_OF = {"tubes": ("left_width", "right_width", "length", "gap"), "resolution": ("length", "gap"), "shape": ("radius",)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("matrix", help="fine system matrix (.nc)")
    parser.add_argument("--phantom", default="tubes", choices=sorted(_OF), help="what is measured (default tubes)")
    noise = parser.add_mutually_exclusive_group()
    noise.add_argument(
        "--snr", type=float, default=30.0, help="RMS of the data over the complex noise in dB (default 30)"
    )
    noise.add_argument("--noiseless", action="store_true", help="add no noise")
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default 0)")
    parser.add_argument(
        "--same-grid",
        action="store_true",
        help="multiply with the matrix itself (an inverse crime; for measured matrices)",
    )
    parser.add_argument("--refine", type=int, default=2, help="finer voxels along each edge of one (default 2)")
    parser.add_argument("--left-width", type=float, metavar="MM", help="tubes: width of the left one (default 4)")
    parser.add_argument("--right-width", type=float, metavar="MM", help="tubes: width of the right one (default 6)")
    parser.add_argument("--length", type=float, metavar="MM", help="tubes (22) or bars (5): length")
    parser.add_argument("--gap", type=float, metavar="MM", help="tubes (10) or rows of bars (2): gap between them")
    parser.add_argument("--radius", type=float, metavar="MM", help="shape: radius of the disc (default 4)")
    parser.add_argument("--concentration", type=float, default=1.0, help="relative to the sample's (default 1)")
    parser.add_argument("--out", required=True, help="measurement to write (.nc)")


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
    import mpisim
    import recon

    expect_output(options.out)
    given = {name: getattr(options, name) for name in _LENGTHS if getattr(options, name) is not None}
    foreign = sorted(set(given) - set(_OF[options.phantom]))
    require(
        not foreign,
        "phantom",
        f"described by its own lengths ({', '.join(map(_flag, _OF[options.phantom]))})",
        ", ".join(map(_flag, foreign)),
    )
    lengths = {
        _LENGTHS[name]: (value if name == "gap" else positive(_flag(name), value)) * 1e-3
        for name, value in given.items()
    }
    make: Any = recon.phantoms.PHANTOMS[options.phantom]
    phantom = make(**lengths, concentration=options.concentration)
    y = recon.measure(
        mpisim.read(options.matrix),
        phantom,
        snr=options.snr,
        seed=options.seed,
        refine=options.refine,
        same_grid=options.same_grid,
        noiseless=options.noiseless,
    )
    mpisim.write(y, options.out)
    return {
        "out": options.out,
        "rows": int(y["measurement"].size),
        "noise_std": float(y["noise_std"]),
        "snr": y.attrs.get("snr"),
        "phantom": options.phantom,
        "seed": options.seed,
    }
