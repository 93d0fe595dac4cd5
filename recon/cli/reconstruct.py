"""The subcommand `reconstruct`."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import TYPE_CHECKING

from mpisim.cli.command import Result, argument_type
from mpisim.cli.options import integer, number
from mpisim.errors import InputError, one_of, require
from mpisim.io import expect_output

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["add_arguments", "run"]

_FLAGS = {
    "iterations": "--iterations",
    "a1": "--a1",
    "atv": "--atv",
    "mu": "--mu",
    "tolerance": "--tolerance",
    "regularisation": "--lambda",
}
"""Flag by option of a method."""
_TYPED = {**_FLAGS, "sweeps": "--iterations", "eps": "--eps", "noise_db": "--noise-db"}
"""Flag by parameter of the library, for messages."""
_REPORTED = ("iterations", "converged", "feasible", "least_residual", "eps", "residual")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    from recon.methods import METHODS

    catalogue = "; ".join(f"{name}: {solver.summary}" for name, solver in METHODS.items())
    parser.add_argument("matrix", help="fine system matrix (.nc)")
    parser.add_argument("measurement", help="measurement of the same rows (.nc, or .mat)")
    parser.add_argument("--variable", help="name of the array in a .mat file")
    parser.add_argument("--method", default="admm", help=f"default admm; {catalogue}")
    ball = parser.add_mutually_exclusive_group()
    ball.add_argument(
        "--eps",
        type=argument_type("--eps", _radius),
        metavar="E|auto",
        help="admm: radius of the noise ball, whitened if the noise is known, or auto: from the data "
        "(default: auto for a recovered matrix, sqrt(complex rows) for any other)",
    )
    level = "RMS of the data over the complex noise in dB, if the file lacks it"
    ball.add_argument("--noise-db", type=argument_type("--noise-db", number), metavar="D", help=level)
    _add_method_options(parser)
    sign = parser.add_mutually_exclusive_group()
    sign.add_argument("--non-negative", action="store_true", default=True, help="demand x >= 0 (the default)")
    sign.add_argument("--signed", dest="non_negative", action="store_false", help="allow negative values")
    parser.add_argument("--reference", help="image to compare with (.nc)")
    parser.add_argument("--out", required=True, help="image to write (.nc)")


def _add_method_options(parser: argparse.ArgumentParser) -> None:
    whole = argument_type("--iterations", integer)
    parser.add_argument(
        "--iterations", type=whole, metavar="N", help="most iterations (admm 5000) or sweeps (kaczmarz 20)"
    )
    for name, text in (
        ("a1", "admm: weight of the absolute values (default 0.95)"),
        ("atv", "admm: weight of the total variation (default 0.05)"),
        ("mu", "admm: penalty weight (default 10)"),
        ("tolerance", "admm: relative stopping tolerance (default 1e-3; 0 never stops)"),
        ("regularisation", "kaczmarz, tikhonov: regularisation, without unit (default 1e-3)"),
    ):
        flag = _FLAGS[name]
        parser.add_argument(
            flag, dest=name, type=argument_type(flag, number), metavar=flag.strip("-")[0].upper(), help=text
        )


def _radius(name: str, text: str) -> float | str:
    return text if text == "auto" else number(name, text)


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
    import mpisim
    import recon

    expect_output(options.out)
    chosen = _method_options(options)
    reference = mpisim.read(options.reference) if options.reference else None
    matrix, y = mpisim.read(options.matrix), mpisim.read(options.measurement, options.variable)
    if reference is not None:
        _check_reference(reference, matrix)
    try:
        image = recon.reconstruct(
            matrix,
            y,
            method=options.method,
            eps=options.eps,
            noise_db=options.noise_db,
            non_negative=options.non_negative,
            **chosen,
        )
    except InputError as error:
        raise InputError(_as_typed(str(error))) from None
    figures = recon.image_figures(image, reference, y)
    mpisim.write(image, options.out)
    reported = {name: image.attrs[name] for name in _REPORTED if name in image.attrs}
    return {"out": options.out, "method": options.method, **figures, **reported}


def _check_reference(reference: xr.Dataset, matrix: xr.Dataset) -> None:
    require("image" in reference, "--reference", "an image", f"a {reference.attrs['kind']}")
    wanted = [matrix.sizes[d] for d in ("z", "y", "x") if d in matrix.sizes]
    received = list(reference["image"].shape[-len(wanted) :])
    require(received == wanted, "--reference", f"an image of the matrix's {wanted} voxels", received)


def _method_options(options: argparse.Namespace) -> dict[str, float]:
    """Return the options of the method that were given; refuse those of other methods."""
    from recon.methods import METHODS

    one_of("--method", options.method, METHODS)
    known = {field.name for field in fields(METHODS[options.method].options)}
    given = {name: getattr(options, name) for name in _FLAGS if getattr(options, name) is not None}
    foreign = sorted(_FLAGS[name] for name in given if name not in known)
    own = ", ".join(flag for name, flag in _FLAGS.items() if name in known)
    require(not foreign, "options", f"among {own} for the method {options.method}", ", ".join(foreign))
    return given


def _as_typed(sentence: str) -> str:
    """Return a message of the library with the flag in place of its parameter."""
    first, name, rest = (*sentence.split(" ", 2), "", "")[:3]
    return f"{first} {_TYPED.get(name, name)} {rest}"
