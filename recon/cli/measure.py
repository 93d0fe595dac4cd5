"""The subcommand `measure`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from mpisim.cli.command import Result, argument_type, as_typed
from mpisim.cli.options import at_least, integer, lengths_mm, number, numbers, ranged
from mpisim.data.noise import rms
from mpisim.errors import require
from mpisim.io import expect_output

if TYPE_CHECKING:
    from recon.phantoms import Phantom

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "out": "file of the measurement",
    "rows": "values of a frame: angles times receive channels times frequencies",
    "frames": "number of frames, where --frames is given",
    "noise_std": "complex noise standard deviation, the largest of the rows, in the unit of the measurement",
    "snr": "RMS of the data over the noise in dB; null without noise",
    "unit": "unit of the measurement",
    "phantom": "name or file of the phantom",
    "share_outside": "share of the phantom's tracer that lies outside the field of view and is cut off",
    "seed": "seed of the noise",
}
"""Keys of `--json`."""

_LENGTHS = {
    "width_left": ("--left-width", "tubes: width of the left one (default 4)"),
    "width_right": ("--right-width", "tubes: width of the right one (default 6)"),
    "length": ("--length", "tubes (22), stenosis (21) or bars (5): length"),
    "gap": ("--gap", "tubes (10), stenosis (6.5) or rows of bars (2): gap between them"),
    "radius": ("--radius", "shape: radius of the disc (default 4)"),
}
"""Flag and help by length of a phantom."""
_TYPED = {name: "--" + name.replace("_", "-") for name in ("phantom", "snr", "seed", "refine", "same_grid", "frames")}
"""Flag by parameter of `recon.measure`."""
_LENGTHS_OF = {
    "tubes": ("width_left", "width_right", "length", "gap"),
    "stenosis": ("length", "gap"),
    "resolution": ("length", "gap"),
    "shape": ("radius",),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("matrix", help="fine system matrix (.nc)")
    parser.add_argument(
        "--phantom",
        default="tubes",
        metavar="NAME|FILE",
        help=f"what is measured: {', '.join(_LENGTHS_OF)} (default tubes), or a picture (.png: white is tracer) or an "
        "array (.npy: y, x), whose --size is given",
    )
    size = argument_type("--size", lengths_mm(0.1, 2000))
    parser.add_argument(
        "--size", type=size, metavar="MM", help="FILE: edges of the picture in mm along x, y: 20, 20x30"
    )
    center = argument_type("--center", _center_mm)
    parser.add_argument("--center", type=center, metavar="X,Y", help="FILE: where its centre lies in mm (default 0,0)")
    noise = parser.add_mutually_exclusive_group()
    snr = argument_type("--snr", number)
    noise.add_argument(
        "--snr", type=snr, default="30", help="RMS of the data over the complex noise in dB (default 30)"
    )
    noise.add_argument("--noiseless", action="store_true", help="add no noise")
    noise.add_argument(
        "--noise",
        action="store_true",
        help="record the data with the receive chain of the scanner, whose noise is in volts (mpisim simulate --noise)",
    )
    parser.add_argument("--seed", type=argument_type("--seed", integer), default="0", help="of the noise (default 0)")
    same = "multiply with the matrix itself (an inverse crime; for measured matrices)"
    parser.add_argument("--same-grid", action="store_true", help=same)
    finer = "finer voxels along each edge of one (default 2)"
    parser.add_argument("--refine", type=argument_type("--refine", integer), default="2", help=finer)
    frames = argument_type("--frames", at_least(1))
    parser.add_argument("--frames", type=frames, metavar="N", help="repetitions, each with noise of its own")
    for name, (flag, text) in _LENGTHS.items():
        length = argument_type(flag, ranged(0 if name == "gap" else 0.05, 500, "mm", 1e-3))
        parser.add_argument(flag, dest=name, type=length, metavar="MM", help=text)
    share = ranged(1e-6, 1e6, "times that of the calibration sample")
    concentration = argument_type("--concentration", share)
    parser.add_argument("--concentration", type=concentration, default="1", help="relative to the sample's (default 1)")
    parser.add_argument("--out", required=True, help="measurement to write (.nc)")


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
    import mpisim
    import recon

    expect_output(options.out, options.matrix, options.phantom)
    phantom = _phantom(options)
    matrix = mpisim.read(options.matrix)
    with as_typed(_TYPED):
        y = recon.measure(
            matrix,
            phantom,
            snr=options.snr,
            seed=options.seed,
            refine=options.refine,
            same_grid=options.same_grid,
            noiseless=options.noiseless or options.noise,
            frames=options.frames,
        )
    snr = y.attrs.get("snr")
    if options.noise:
        y = mpisim.record(y, options.seed)
        noise = rms(y["noise_std"].values)
        snr = 20 * math.log10(rms(y["measurement"].values) / noise) if noise > 0 else None
    mpisim.write(y, options.out)
    return {
        "out": options.out,
        "rows": int(y["measurement"].size) // (options.frames or 1),
        **({} if options.frames is None else {"frames": options.frames}),
        "noise_std": float(y["noise_std"].max()),
        "snr": snr,
        "unit": y["measurement"].attrs["units"],
        "phantom": options.phantom,
        "share_outside": phantom.share_outside(mpisim.Grid.of(matrix)),
        "seed": options.seed,
    }


def _center_mm(name: str, text: str) -> tuple[float, ...]:
    """Return `X,Y` in mm as a position in m."""
    values = numbers(name, text)
    good = len(values) == 2 and all(abs(v) <= 1000 for v in values)
    require(good, name, "two numbers X,Y from -1000 to 1000 mm", repr(text))
    return tuple(v * 1e-3 for v in values)


def _phantom(options: argparse.Namespace) -> Phantom:
    """Return the phantom of a name with its lengths, or of a file with its size."""
    from recon.phantoms import PHANTOMS, from_image

    if options.phantom in _LENGTHS_OF:
        given = [flag for flag in ("size", "center") if getattr(options, flag) is not None]
        require(not given, "--phantom", "a file where --size or --center is given", options.phantom)
        return PHANTOMS[options.phantom](**_lengths(options), concentration=options.concentration)
    known = ", ".join(_LENGTHS_OF)
    require(Path(options.phantom).is_file(), "--phantom", f"one of {known}, or an image or .npy file", options.phantom)
    foreign = [flag for name, (flag, _) in _LENGTHS.items() if getattr(options, name) is not None]
    require(not foreign, "--phantom", "one of a name where its lengths are given", " and ".join(foreign))
    require(options.size is not None, "--size", "given for a phantom from a file", "none")
    return from_image(options.phantom, options.size, options.center or (0.0, 0.0), options.concentration)


def _lengths(options: argparse.Namespace) -> dict[str, float]:
    """Return the lengths in m that were given; refuse those of other phantoms."""
    given = {name: getattr(options, name) for name in _LENGTHS if getattr(options, name) is not None}
    own = _LENGTHS_OF[options.phantom]
    foreign = sorted(_LENGTHS[name][0] for name in given if name not in own)
    flags = ", ".join(_LENGTHS[name][0] for name in own)
    require(not foreign, "--phantom", f"described by its own lengths ({flags})", ", ".join(foreign))
    return given
