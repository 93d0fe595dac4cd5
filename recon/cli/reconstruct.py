"""The subcommand `reconstruct`."""

from __future__ import annotations

import argparse
import math
from dataclasses import fields
from typing import Any

from mpisim.cli.command import Result
from mpisim.cli.options import number
from mpisim.errors import one_of, require
from mpisim.io import expect_output

__all__ = ["add_arguments", "run"]


_OPTIONS = {
    "iterations": "iterations",
    "a1": "a1",
    "atv": "atv",
    "mu": "mu",
    "tolerance": "tolerance",
    "lambda_": "strength",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
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


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
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
    from recon.reconstruction import METHODS

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
