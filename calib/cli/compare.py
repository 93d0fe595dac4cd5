"""The subcommand `compare`."""

from __future__ import annotations

import argparse

from mpisim.cli.command import Result, as_typed
from mpisim.cli.noise_options import NOISE_FLAGS, add_noise_options, given_noise

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "coarse": "the coarse matrix",
    "reference": "the fine matrix that methods are compared with",
    "noise": "of the coarse matrix, where it was given or estimated: noise_std, snr in dB, estimated, bound; else null",
    "methods": "for every method: whether it applies, nrmse and nrmse_by_harmonic (fractions), seconds, coverage_68, "
    "coverage_95 and std_over_rmse where it states its deviation, reason, notes",
    "files": "what was written",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("coarse", help="coarse system matrix (.nc)")
    parser.add_argument("--reference", required=True, help="fine system matrix of the same scanner and tracer (.nc)")
    parser.add_argument("--methods", type=_names, help="only these, such as bicubic-dc,ridge (default: all that apply)")
    parser.add_argument(
        "--weights", action="append", default=[], metavar="FILE", help="weights of `mpisim train`; may be repeated"
    )
    add_noise_options(parser)
    parser.add_argument("--keep", action="store_true", help="also write the recovered matrices, fine_METHOD.nc")
    parser.add_argument("--out", default="compare", help="folder to write (default: compare)")


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def run(options: argparse.Namespace) -> Result:
    """Compare the methods and return their errors and times."""
    import mpisim
    from calib.comparison import compare
    from calib.recovery import METHODS
    from calib.studies.comparison import COMPARISON_FILES, comparison_rows, comparison_text, write_comparison
    from mpisim.io.atomic import not_an_input, output_folder

    folder = output_folder(options.out)
    for file in (*COMPARISON_FILES, *(f"fine_{method}.nc" for method in METHODS if options.keep)):
        not_an_input(folder / file, options.coarse, options.reference, *options.weights, name="--out")
    coarse, reference = mpisim.read(options.coarse), mpisim.read(options.reference)
    with as_typed({"methods": "--methods", "weights": "--weights", "reference": "--reference", **NOISE_FLAGS}):
        noise = given_noise(options)
        comparison = compare(coarse, reference, options.methods, options.weights, **noise)
    level = None if comparison.noise is None else comparison.noise.described()
    described = {"coarse": str(options.coarse), "reference": str(options.reference), "noise": level}
    files = write_comparison(comparison, reference, folder, described)
    if options.keep:
        for method, matrix in comparison.matrices.items():
            files.append(str(folder / f"fine_{method}.nc"))
            mpisim.write(matrix, files[-1])
    text = f"{comparison_text(comparison)}\nfigures: {files[2]}, {files[3]}"
    return {**described, "methods": comparison_rows(comparison), "files": files, "text": text}
