"""The subcommand `dataset`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mpisim.cli.command import Result, argument_type
from mpisim.cli.options import at_least, diameters_nm, gradients, integers, number
from mpisim.cli.scanner_options import add_scanner_arguments, chosen_grid, chosen_sample, chosen_scanner
from mpisim.errors import one_of, require

if TYPE_CHECKING:
    from mpisim.dataset.cases import Case

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "out": "folder of the data set",
    "matrices": "number of fine matrices in it",
    "factors": "factors of the coarse files beside them",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    from mpisim.data.noise import PROTOCOL_SNR

    gradient, diameter = argument_type("sf-gradient", gradients), argument_type("particle-diameter", diameters_nm)
    factor, snr = argument_type("factor", integers), argument_type("snr", number)
    seed, workers = argument_type("seed", at_least(0)), argument_type("workers", at_least(1))
    parser.add_argument("--preset", help="transms: the paper's 66 training, 30 validation and 34 test matrices")
    parser.add_argument(
        "--split",
        help="with a preset: train, validation or test (default: all); with ranges: the split into which matrices are "
        "put (`mpisim train` needs train and validation)",
    )
    parser.add_argument("--sf-gradient", type=gradient, help="T/m: 0.4:1.0:10 (first:last:count) or 0.4,0.7")
    parser.add_argument("--particle-diameter", type=diameter, help="nm: 14.1:33.405:10 or 15,25")
    add_scanner_arguments(parser)
    parser.add_argument("--factor", type=factor, default=(), help="also write coarse files at these factors: 2,4,8")
    parser.add_argument("--sampling", default="box", help="of the coarse files: box, strided or random")
    level = parser.add_mutually_exclusive_group()
    level.add_argument(
        "--snr",
        type=snr,
        default=str(PROTOCOL_SNR),
        help="noise of the coarse files in dB re RMS (default: %(default)s)",
    )
    level.add_argument("--noiseless", action="store_true", help="coarse files without noise")
    parser.add_argument(
        "--seed", type=seed, default="0", help="seed of the coarse files; the preset's split has its own"
    )
    parser.add_argument("--workers", type=workers, default="1", help="processes")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="run on a Dask cluster (needs dask[distributed])")
    parser.add_argument("--shard", metavar="I/N", help="only the I-th of N shares of the matrices, for job arrays")
    parser.add_argument("--out", required=True, help="folder; running again resumes")


def run(options: argparse.Namespace) -> Result:
    """Simulate a family of matrices into a folder."""
    from mpisim.data.sampling import SCHEMES
    from mpisim.dataset.generation import generate
    from mpisim.dataset.spec import DatasetSpec
    from mpisim.parallel import dask_executor

    cases, splits = _cases(options)
    spec = DatasetSpec(
        grid=chosen_grid(options),
        sample=chosen_sample(options),
        scanner=chosen_scanner(options),
        factors=options.factor,
        sampling=one_of("sampling", options.sampling, SCHEMES),
        snr=None if options.noiseless else options.snr,
        seed=options.seed,
    )
    executor = dask_executor(options.scheduler) if options.scheduler else None
    files = generate(
        cases, spec, options.out, splits=splits, workers=options.workers, executor=executor, part=options.shard
    )
    return {"out": options.out, "matrices": len(files), "factors": list(options.factor)}


def _cases(options: argparse.Namespace) -> tuple[list[Case], list[str] | None]:
    """Return the cases of the preset or of the ranges, and which splits of them are wanted."""
    from mpisim.dataset.cases import SPLITS, grid_cases, transms_cases

    ranges = {"--sf-gradient": options.sf_gradient, "--particle-diameter": options.particle_diameter}
    given = [name for name, values in ranges.items() if values is not None]
    if options.preset is not None:
        one_of("preset", options.preset, ("transms",))
        require(not given, "--preset", "without --sf-gradient and --particle-diameter", " and ".join(given))
        return transms_cases(), None if options.split in (None, "all") else [options.split]
    described = "described by --preset, or by both --sf-gradient and --particle-diameter"
    require(len(given) == 2, "dataset", described, " and ".join(given) or "none of them")
    split = "" if options.split is None else one_of("split", options.split, SPLITS)
    return grid_cases(options.sf_gradient, options.particle_diameter, split), None
