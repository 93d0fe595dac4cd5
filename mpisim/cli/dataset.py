"""The subcommand `dataset`."""

from __future__ import annotations

import argparse

from mpisim.cli.command import Result
from mpisim.cli.options import integer, integers, number, numbers
from mpisim.cli.scanner_options import (
    add_scanner_arguments,
    grid_of_options,
    in_range,
    sample_of_options,
    scanner_options,
)
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.errors import one_of, require

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("--preset", help="transms: the paper's 66 training, 30 validation and 34 test matrices")
    parser.add_argument(
        "--split", help="of the preset: train, validation or test (default: all); of ranges: where to put them"
    )
    parser.add_argument("--sf-gradient", help="T/m: 0.4:1.0:10 (first:last:count) or 0.4,0.7")
    parser.add_argument("--particle-diameter", help="nm: 14.1:33.405:10 or 15,25")
    add_scanner_arguments(parser)
    parser.add_argument("--factor", help="also write coarse files at these factors: 2,4,8")
    parser.add_argument("--sampling", default="box", help="of the coarse files: box, strided or random")
    level = parser.add_mutually_exclusive_group()
    level.add_argument(
        "--snr", default=str(PROTOCOL_SNR), help="noise of the coarse files in dB re RMS (default: %(default)s)"
    )
    level.add_argument("--noiseless", action="store_true", help="coarse files without noise")
    parser.add_argument("--seed", default="0", help="seed of the coarse files; the preset's split has its own")
    parser.add_argument("--workers", default="1", help="processes")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="run on a Dask cluster (needs dask[distributed])")
    parser.add_argument("--shard", metavar="I/N", help="only the I-th of N shares of the matrices, for job arrays")
    parser.add_argument("--out", required=True, help="folder; running again resumes")


def run(options: argparse.Namespace) -> Result:
    """Do the work for parsed options."""
    from mpisim.dataset.cases import SPLITS, grid_cases, transms_cases
    from mpisim.dataset.generation import generate
    from mpisim.dataset.spec import DatasetSpec
    from mpisim.parallel import dask_executor

    ranges = (options.sf_gradient, options.particle_diameter)
    if options.preset is not None:
        one_of("preset", options.preset, ("transms",))
        require(ranges == (None, None), "--preset", "without --sf-gradient and --particle-diameter", ranges)
        cases = transms_cases()
        splits = None if options.split in (None, "all") else [options.split]
    else:
        given = " and ".join(n for n, v in zip(("--sf-gradient", "--particle-diameter"), ranges, strict=True) if v)
        described = "described by --preset, or by both --sf-gradient and --particle-diameter"
        require(None not in ranges, "dataset", described, given or "none of them")
        gradients = [in_range("sf-gradient", g) for g in numbers("sf-gradient", options.sf_gradient)]
        diameters = numbers("particle-diameter", options.particle_diameter)
        diameters = [in_range("particle-diameter", d) * 1e-9 for d in diameters]
        split = "" if options.split is None else one_of("split", options.split, SPLITS)
        cases, splits = grid_cases(gradients, diameters, split), None
    factors = integers("factor", options.factor) if options.factor is not None else ()
    family = DatasetSpec(
        grid=grid_of_options(options),
        sample=sample_of_options(options),
        scanner=scanner_options(options),
        factors=factors,
        sampling=one_of("sampling", options.sampling, ("box", "strided", "random")),
        snr=None if options.noiseless else number("snr", options.snr),
        seed=integer("seed", options.seed),
    )
    executor = dask_executor(options.scheduler) if options.scheduler else None
    workers = integer("workers", options.workers, 1)
    files = generate(cases, family, options.out, splits=splits, workers=workers, executor=executor, part=options.shard)
    return {"out": options.out, "matrices": len(files), "factors": list(factors)}
