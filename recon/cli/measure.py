"""The subcommand `measure`."""

from __future__ import annotations

import argparse

from mpisim.cli.command import Result, argument_type
from mpisim.cli.options import integer, number, ranged, scaled
from mpisim.errors import require
from mpisim.io import expect_output

__all__ = ["add_arguments", "run"]

_LENGTHS = {
    "width_left": ("--left-width", "tubes: width of the left one (default 4)"),
    "width_right": ("--right-width", "tubes: width of the right one (default 6)"),
    "length": ("--length", "tubes (22) or bars (5): length"),
    "gap": ("--gap", "tubes (10) or rows of bars (2): gap between them"),
    "radius": ("--radius", "shape: radius of the disc (default 4)"),
}
"""Flag and help by length of a phantom."""
_LENGTHS_OF = {
    "tubes": ("width_left", "width_right", "length", "gap"),
    "resolution": ("length", "gap"),
    "shape": ("radius",),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("matrix", help="fine system matrix (.nc)")
    parser.add_argument(
        "--phantom", default="tubes", choices=sorted(_LENGTHS_OF), help="what is measured (default tubes)"
    )
    noise = parser.add_mutually_exclusive_group()
    snr = argument_type("--snr", number)
    noise.add_argument(
        "--snr", type=snr, default="30", help="RMS of the data over the complex noise in dB (default 30)"
    )
    noise.add_argument("--noiseless", action="store_true", help="add no noise")
    parser.add_argument("--seed", type=argument_type("--seed", integer), default="0", help="of the noise (default 0)")
    same = "multiply with the matrix itself (an inverse crime; for measured matrices)"
    parser.add_argument("--same-grid", action="store_true", help=same)
    finer = "finer voxels along each edge of one (default 2)"
    parser.add_argument("--refine", type=argument_type("--refine", integer), default="2", help=finer)
    for name, (flag, text) in _LENGTHS.items():
        parser.add_argument(flag, dest=name, type=argument_type(flag, scaled(1e-3)), metavar="MM", help=text)
    concentration = argument_type("--concentration", ranged)
    parser.add_argument("--concentration", type=concentration, default="1", help="relative to the sample's (default 1)")
    parser.add_argument("--out", required=True, help="measurement to write (.nc)")


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
    import mpisim
    import recon

    expect_output(options.out)
    phantom = recon.phantoms.PHANTOMS[options.phantom](**_lengths(options), concentration=options.concentration)
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


def _lengths(options: argparse.Namespace) -> dict[str, float]:
    """Return the lengths in m that were given; refuse those of other phantoms."""
    given = {name: getattr(options, name) for name in _LENGTHS if getattr(options, name) is not None}
    own = _LENGTHS_OF[options.phantom]
    foreign = sorted(_LENGTHS[name][0] for name in given if name not in own)
    flags = ", ".join(_LENGTHS[name][0] for name in own)
    require(not foreign, "--phantom", f"described by its own lengths ({flags})", ", ".join(foreign))
    return given
