"""The subcommands `measure` and `reconstruct`: they parse, check, make one call, and write one file."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from mpisim.command import Command
from mpisim.errors import one_of, positive, require
from mpisim.io import expect_output
from mpisim.options import number

__all__ = ["COMMANDS"]

_LENGTHS = {
    "left_width": "width_left",
    "right_width": "width_right",
    "length": "length",
    "gap": "gap",
    "radius": "radius",
}
_OF = {"tubes": ("left_width", "right_width", "length", "gap"), "resolution": ("length", "gap"), "shape": ("radius",)}
_OPTIONS = {
    "iterations": "iterations",
    "a1": "a1",
    "atv": "atv",
    "mu": "mu",
    "tolerance": "tolerance",
    "lambda_": "strength",
}


def _measure_arguments(parser: argparse.ArgumentParser) -> None:
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


def _measure(options: argparse.Namespace) -> Mapping[str, Any]:
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


def _reconstruct_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("matrix", help="fine system matrix (.nc)")
    parser.add_argument("measurement", help="measurement of the same rows (.nc, or .mat)")
    parser.add_argument("--variable", help="name of the array in a .mat file")
    parser.add_argument("--method", default="admm", help="admm, kaczmarz or tikhonov (default admm)")
    ball = parser.add_mutually_exclusive_group()
    ball.add_argument(
        "--eps",
        metavar="E|auto",
        help="admm: radius of the noise ball, whitened if the noise is known, or auto: from the data "
        "(default: auto for a recovered matrix, sqrt(complex rows) for any other)",
    )
    ball.add_argument(
        "--noise-db", type=float, help="RMS of the data over the complex noise in dB, if the file lacks it"
    )
    parser.add_argument("--iterations", type=int, help="most iterations (admm 5000) or sweeps (kaczmarz 20)")
    parser.add_argument("--a1", type=float, help="admm: weight of the absolute values (default 0.95)")
    parser.add_argument("--atv", type=float, help="admm: weight of the total variation (default 0.05)")
    parser.add_argument("--mu", type=float, help="admm: penalty weight (default 10)")
    parser.add_argument(
        "--tolerance", type=float, help="admm: relative stopping tolerance (default 1e-3; 0 never stops)"
    )
    parser.add_argument(
        "--lambda", dest="lambda_", type=float, metavar="L", help="kaczmarz, tikhonov: regularisation (default 1e-3)"
    )
    sign = parser.add_mutually_exclusive_group()
    sign.add_argument("--non-negative", action="store_true", default=True, help="demand x >= 0 (the default)")
    sign.add_argument("--signed", dest="non_negative", action="store_false", help="allow negative values")
    parser.add_argument("--reference", help="image to compare with (.nc)")
    parser.add_argument("--out", required=True, help="image to write (.nc)")


def _reconstruct(options: argparse.Namespace) -> Mapping[str, Any]:
    import mpisim
    import recon

    expect_output(options.out)
    given = _given(options)
    reference = mpisim.read(options.reference) if options.reference else None
    if reference is not None:
        require("image" in reference, "reference", "an image", f"a {reference.attrs['kind']}")
    matrix, y = mpisim.read(options.matrix), mpisim.read(options.measurement, options.variable)
    if reference is not None:
        wanted = [matrix.sizes[d] for d in ("z", "y", "x") if d in matrix.sizes]
        found = list(reference["image"].shape[-len(wanted) :])
        require(found == wanted, "reference", f"an image of the matrix's {wanted} voxels", found)
    eps = options.eps if options.eps in (None, "auto") else number("eps", options.eps)
    image = recon.reconstruct(
        matrix, y, method=options.method, eps=eps, noise_db=options.noise_db, non_negative=options.non_negative, **given
    )
    figures = _figures(image, reference, y)
    mpisim.write(image, options.out)
    told = ("iterations", "converged", "feasible", "least_residual", "eps", "residual")
    return {
        "out": options.out,
        "method": options.method,
        **figures,
        **{name: image.attrs[name] for name in told if name in image.attrs},
    }


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """Options of the method that were given, by the names that `recon.reconstruct` has for them."""
    from recon.reconstruct import METHODS

    one_of("method", options.method, METHODS)
    known = {field.name for field in fields(METHODS[options.method][1])}
    given = {name: getattr(options, name) for name in _OPTIONS if getattr(options, name) is not None}
    foreign = sorted(_flag(name) for name in given if _OPTIONS[name] not in known)
    own = ", ".join(_flag(name) for name, key in _OPTIONS.items() if key in known)
    require(not foreign, "options", f"among {own} for the method {options.method}", ", ".join(foreign))
    return {_OPTIONS[name]: value for name, value in given.items()}


def _figures(image: Any, reference: Any, y: Any) -> dict[str, float | None]:
    """Metrics against the reference, and against the phantom where the measurement knows it."""
    found: dict[str, float | None] = {}
    if reference is not None:
        found.update(_compared(image["image"].values, reference["image"].values, ""))
    if "phantom" in y and y["phantom"].shape == image["image"].shape:
        found.update(_compared(image["image"].values, y["phantom"].values, "_phantom"))
    return found


def _compared(x: Any, reference: Any, suffix: str) -> dict[str, float | None]:
    import recon

    values = {"psnr": recon.psnr(x, reference), "nrmse": recon.nrmse(x, reference)}
    if reference.ndim == 2 and min(reference.shape) > 10:
        values["ssim"] = recon.ssim(x, reference)
    return {name + suffix: value if math.isfinite(value) else None for name, value in values.items()}


def _flag(name: str) -> str:
    return "--" + name.rstrip("_").replace("_", "-")


COMMANDS = [
    Command(
        "measure",
        "Measure a phantom with the scanner of a system matrix.",
        "mpisim measure sm.nc --phantom tubes --snr 30 --out y.nc",
        _measure_arguments,
        _measure,
    ),
    Command(
        "reconstruct",
        "Reconstruct the image of a measurement.",
        "mpisim reconstruct fine.nc y.nc --method admm --out image.nc",
        _reconstruct_arguments,
        _reconstruct,
    ),
]
