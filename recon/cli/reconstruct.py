"""The subcommand `reconstruct`."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from mpisim.cli.command import Result, argument_type, as_typed
from mpisim.cli.options import integer, number
from mpisim.errors import InputError, one_of, require, with_article
from mpisim.io import expect_output
from recon.cli.reconstruct_options import (
    add_background_options,
    add_method_options,
    add_row_options,
    destination_of,
    flag_of,
    presets,
    radius,
)

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from recon.reconstructor import Reconstructor
    from recon.selection.background import Background
    from recon.streaming import StoredRows

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "out": "file of the image",
    "method": "method of reconstruction",
    "psnr": "peak signal-to-noise ratio against --reference in dB; null for equal images",
    "nrmse": "error against --reference, a fraction",
    "ssim": "structural similarity to --reference, for planes of at least 11 x 11 voxels",
    "psnr_phantom": "the same against the phantom, where the measurement holds it",
    "nrmse_phantom": "the same against the phantom",
    "ssim_phantom": "the same against the phantom",
    "iterations": "iterations or sweeps, for an iterative method",
    "converged": "whether the stopping rule was met, for an iterative method; false for kaczmarz without --tolerance",
    "feasible": "admm: whether the noise ball holds an image",
    "least_residual": "admm: least residual of any image, in the unit of eps; null where it was not computed",
    "eps": "admm: radius of the noise ball, whitened if the noise is known",
    "residual": "residual of the image, in units of the noise if this is known, for an iterative method",
    "matrix_errors": "deviation of the rows by noise and errors of the matrix together over that by noise alone, RMS; "
    "where the matrix states its errors",
    "regularisation": "lambda, where a rule chose it",
    "background_rms": "RMS of the background that was estimated, in units of the noise where this is known",
    "rows": "rows that were used",
    "rows_measured": "rows of the measurement",
}
"""Keys of `--json`. With several frames the figures of the image and of the method are lists with one for each."""
_FIGURES = ("psnr", "nrmse", "ssim", "psnr_phantom", "nrmse_phantom", "ssim_phantom")
_REPORTED = (
    *("iterations", "converged", "feasible", "least_residual", "eps", "residual", "matrix_errors"),
    *("regularisation", "background_rms"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    from recon.methods import METHODS

    catalogue = "; ".join(f"{name}: {solver.summary}" for name, solver in METHODS.items()).replace("%", "%%")
    parser.add_argument("matrix", help="fine system matrix (.nc or .mdf); - for none, with xspace and fbp")
    parser.add_argument("measurement", help="measurement of the same rows (.nc, .mdf, or an array: .mat, .npy, HDF5)")
    parser.add_argument("--variable", help="array: its name")
    parser.add_argument("--frames", metavar="AXIS", help="array: axis of its frames, first or last (rows x frames)")
    parser.add_argument("--stacked", action="store_true", help="array: real parts above imaginary parts")
    parser.add_argument("--method", default="admm", help=f"default admm; {catalogue}")
    ball = parser.add_mutually_exclusive_group()
    ball.add_argument(
        "--eps",
        type=argument_type("--eps", radius),
        metavar="E|auto",
        help="admm: radius of the noise ball, in units of the noise if this is known, or auto: from the data (default: "
        "auto for a matrix that was recovered or states its errors; for M rows of any other, from the data, but from "
        "sqrt(M) to sqrt(M) + 1.5)",
    )
    level = "RMS of the data over the complex noise in dB, if the file lacks it"
    ball.add_argument("--noise-db", type=argument_type("--noise-db", number), metavar="D", help=level)
    sign = parser.add_mutually_exclusive_group()
    sign.add_argument("--non-negative", action="store_true", default=True, help="demand x >= 0 (the default)")
    sign.add_argument("--signed", dest="non_negative", action="store_false", help="allow negative values")
    parser.add_argument("--preset", metavar="NAME", help=f"options as published, in place of the defaults; {presets()}")
    add_row_options(parser)
    ignored = "leave aside how much the matrix states that its values err; by default its rows are weighted by it"
    parser.add_argument("--ignore-std", action="store_true", help=ignored)
    coherence = "share of the matrix' errors that have one sign over an object, from 0 (independent) to 1 (default .05)"
    parser.add_argument(
        "--std-coherence", type=argument_type("--std-coherence", number), default=0.05, metavar="C", help=coherence
    )
    add_background_options(parser)
    parser.add_argument(
        "--frames-at-once",
        type=argument_type("--frames-at-once", integer),
        metavar="N",
        help="read, reconstruct and write so many frames at a time (.nc); numbers of each frame are then variables of "
        "the file (default: all)",
    )
    parser.add_argument("--reference", help="image to compare with (.nc)")
    parser.add_argument("--out", required=True, help="image to write (.nc or .mdf)")
    add_method_options(parser)


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
    import mpisim
    from recon.frames import reconstruct_file
    from recon.methods import METHODS
    from recon.preparation import Conditions
    from recon.reconstructor import Reconstructor
    from recon.streaming import matrix_of

    file = None if options.matrix == "-" else options.matrix
    expect_output(options.out, file, options.measurement, options.reference, options.row_mask)
    chosen = _method_options(options)
    mask = None if options.row_mask is None else _mask(options.row_mask)
    reference = mpisim.read(options.reference) if options.reference else None
    layout = {"frames": options.frames, "stacked": options.stacked}
    with as_typed({"frames": "--frames", "variable": "--variable", "stacked": "--stacked"}):
        matrix = None if file is None else matrix_of(file, METHODS[options.method].streams, f"method {options.method}")
    if reference is not None and matrix is not None:
        _check_reference(reference, matrix)
    conditions = Conditions(
        eps=options.eps,
        noise_db=options.noise_db,
        non_negative=options.non_negative,
        row_mask=mask,
        min_frequency=options.min_frequency,
        max_frequency=options.max_frequency,
        row_snr=options.row_snr,
        use_std=not options.ignore_std,
        std_coherence=options.std_coherence,
    )
    with as_typed(_typed(options)):
        conditions = replace(conditions, background=_background(options))
        maker = Reconstructor.of(options.method, options.preset, conditions, chosen)
        if options.frames_at_once is None:
            attributes = _all_at_once(options, maker, matrix, layout, reference)
        else:
            inputs = matrix, options.measurement, options.out
            attributes = reconstruct_file(*inputs, options.frames_at_once, maker, reference)
    reported = {name: attributes[name] for name in (*_FIGURES, *_REPORTED) if name in attributes}
    rows = {"rows": attributes["rows"]["used"], "rows_measured": attributes["rows"]["measured"]}
    return {"out": options.out, "method": options.method, **reported, **rows}


def _all_at_once(
    options: argparse.Namespace,
    maker: Reconstructor,
    matrix: xr.Dataset | StoredRows | None,
    layout: dict[str, Any],
    reference: xr.Dataset | None,
) -> dict[str, Any]:
    """Reconstruct a measurement that is read complete, write the image, and return its attributes and figures."""
    import mpisim
    import recon
    from recon.streaming import StoredRows

    with as_typed({"frames": "--frames", "variable": "--variable", "stacked": "--stacked"}):
        y = mpisim.read(options.measurement, options.variable, **layout)
    prepared = maker.prepared(matrix, y)
    image = maker.image(prepared, maker.solved(prepared), matrix if isinstance(matrix, StoredRows) else None)
    figures = recon.image_figures(image, reference, y)
    mpisim.write(image, options.out)
    return {**image.attrs, **figures}


def _background(options: argparse.Namespace) -> Background | None:
    """Return the background that is estimated with the image, where one is asked for."""
    from recon.selection.background import Background

    given = {"terms": options.background_terms, "std": options.background_std}
    given = {name: value for name, value in given.items() if value is not None}
    needed = options.background is not None or not given
    require(needed, "--background", "given with " + " and ".join(f"--background-{n}" for n in given), "none")
    return None if options.background is None else Background(options.background, **given)


def _mask(file: str) -> np.ndarray:
    """Read a mask of rows from a `.npy` file or a text file of numbers."""
    import numpy as np

    try:
        return np.load(file, allow_pickle=False) if file.lower().endswith(".npy") else np.loadtxt(file, delimiter=None)
    except (ValueError, EOFError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"Input --row-mask must be a file of numbers; instead received {file} ({reason}).") from None


def _check_reference(reference: xr.Dataset, matrix: xr.Dataset | StoredRows) -> None:
    require("image" in reference, "--reference", "an image", with_article(reference.attrs["kind"]))
    sizes = {d: c.size for d, c in matrix.coords.items()}
    wanted = [sizes[d] for d in ("z", "y", "x") if d in sizes]
    received = list(reference["image"].shape[-len(wanted) :])
    require(received == wanted, "--reference", f"an image of the matrix's {wanted} voxels", received)


def _method_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the method that were given; refuse those of other methods."""
    from recon.methods import METHODS

    one_of("--method", options.method, METHODS)
    known = [option.name for option in fields(METHODS[options.method].options)]
    prefix = destination_of("")
    given = {k.removeprefix(prefix): v for k, v in vars(options).items() if k.startswith(prefix) and v is not None}
    foreign = ", ".join(flag_of(name) for name in given if name not in known)
    must = f"among {', '.join(map(flag_of, known))} for the method {options.method}"
    require(not foreign, "options", must, foreign)
    return given


def _typed(options: argparse.Namespace) -> dict[str, str]:
    """Return the flag of every parameter of the method and of its noise by name."""
    from recon.methods import METHODS

    names = [
        "eps",
        "noise_db",
        "preset",
        "sweeps",
        "row_mask",
        "min_frequency",
        "max_frequency",
        "row_snr",
        "std_coherence",
        "background",
        "frames_at_once",
        *(option.name for option in fields(METHODS[options.method].options)),
    ]
    return {name: flag_of(name) for name in names} | {"terms": "--background-terms", "std": "--background-std"}
