"""The subcommand `dataset`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from mpisim.cli.command import Result, argument_type, as_typed
from mpisim.cli.options import at_least, diameters_nm, gradients, integers, number
from mpisim.cli.scanner_options import (
    add_scanner_arguments,
    chosen_file,
    chosen_grid,
    chosen_sample,
    chosen_scanner,
    units_as_typed,
)
from mpisim.errors import one_of, require
from mpisim.progress import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mpisim.dataset.cases import Case, SetupCase
    from mpisim.dataset.spec import DatasetSpec
    from mpisim.io.scanner_file import ScannerFile

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "out": "folder of the data set",
    "matrices": "number of fine matrices in it",
    "factors": "factors of the coarse files beside them",
}
"""Keys of `--json`."""

_FLAGS = {name: f"--{name}" for name in ("edge", "snr", "seed")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    from mpisim.data.noise import PROTOCOL_SNR

    gradient, diameter = argument_type("sf-gradient", gradients), argument_type("particle-diameter", diameters_nm)
    factor, snr = argument_type("factor", integers), argument_type("snr", number)
    seed, workers = argument_type("seed", at_least(0)), argument_type("workers", at_least(1))
    parser.add_argument(
        "--preset",
        help="transms: the paper's 66 training, 30 validation and 34 test matrices; realistic: 60, 20 and 40 matrices "
        "of imperfect scanners of three levels, and 20 with other physics in the split outside",
    )
    parser.add_argument(
        "--split",
        help="with a preset: train, validation, test or outside (default: all); with ranges: the split into which "
        "matrices are put (`mpisim train` needs train and validation)",
    )
    scanners = argument_type("scanners", at_least(1))
    parser.add_argument("--scanners", type=scanners, help="with the preset realistic: scanners of each split")
    parser.add_argument(
        "--sf-gradient",
        type=gradient,
        help="selection-field gradients in T/m: 0.4:1.0:10 (first:last:count) or 0.4,0.7",
    )
    parser.add_argument("--particle-diameter", type=diameter, help="core diameters in nm: 14.1:33.405:10 or 15,25")
    add_scanner_arguments(parser)
    parser.add_argument(
        "--factor",
        type=factor,
        help="also write coarse files at these factors: 2,4,8 (default of the preset realistic)",
    )
    parser.add_argument("--sampling", default="box", help="of the coarse files: box, strided or random")
    parser.add_argument("--edge", help="where a factor does not divide the voxels: fill or crop (`mpisim downsample`)")
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
    from mpisim.dataset.generation import generate
    from mpisim.parallel import dask_executor

    with as_typed(_FLAGS):
        cases, splits = _cases(options)
        spec = _spec(options)
        executor = dask_executor(options.scheduler) if options.scheduler else None
        files = generate(
            cases,
            spec,
            options.out,
            splits=splits,
            workers=options.workers,
            executor=executor,
            part=options.shard,
            report=say,
        )
    return {"out": options.out, "matrices": len(files), "factors": list(spec.factors)}


def _spec(options: argparse.Namespace) -> DatasetSpec:
    """Return what all matrices have in common."""
    from mpisim.data.sampling import SCHEMES
    from mpisim.dataset.spec import DatasetSpec

    realistic = options.preset == "realistic"
    coarse = DatasetSpec(
        factors=options.factor or ((2, 4, 8) if realistic else ()),
        sampling=one_of("sampling", options.sampling, SCHEMES),
        snr=None if options.noiseless else options.snr,
        seed=options.seed,
        edge=options.edge,
    )
    if realistic or _tables(options) is not None:  # every case holds its scanner, voxels and sample
        return coarse
    grid, sample = chosen_grid(options), chosen_sample(options)
    return replace(coarse, grid=grid, sample=sample, scanner=chosen_scanner(options))


def _tables(options: argparse.Namespace) -> ScannerFile | None:
    """Return the scanner file of `--scanner` with the other options; None without one, or for a flat one."""
    if options.scanner is None:
        return None
    file = chosen_file(options)
    return None if file.flat else file


def _cases(options: argparse.Namespace) -> tuple[Sequence[Case | SetupCase], list[str] | None]:
    """Return the cases of the preset or of the ranges, and which splits of them are wanted."""
    from mpisim.dataset.cases import SPLITS, grid_cases, transms_cases

    ranges = {"--sf-gradient": options.sf_gradient, "--particle-diameter": options.particle_diameter}
    given = [name for name, values in ranges.items() if values is not None]
    must = "left out unless the preset is realistic"
    require(options.scanners is None or options.preset == "realistic", "--scanners", must, "a number of them")
    if options.preset is not None:
        one_of("preset", options.preset, ("transms", "realistic"))
        require(not given, "--preset", "without --sf-gradient and --particle-diameter", " and ".join(given))
        if options.preset == "realistic":
            return _realistic(options), None
        cases = transms_cases()
        splits = tuple(dict.fromkeys(case.split for case in cases))
        return cases, None if options.split in (None, "all") else [one_of("split", options.split, splits)]
    split = "" if options.split is None else one_of("split", options.split, SPLITS)
    file = _tables(options)
    if file is not None:
        return _cases_of_file(file, options, split), None
    described = "described by --preset, or by both --sf-gradient and --particle-diameter"
    require(len(given) == 2, "dataset", described, " and ".join(given) or "none of them")
    return grid_cases(options.sf_gradient, options.particle_diameter, split), None


_OF_SCANNERS = (
    "grid",
    "fov",
    "angle_step",
    "harmonics",
    "drive_amplitude",
    "drive_frequency",
    "sample_size",
    "scanner",
)


def _realistic(options: argparse.Namespace) -> list[SetupCase]:
    """Return the cases of the preset `realistic`, whose scanners hold all that other options could say."""
    from mpisim.dataset.cases import SPLITS
    from mpisim.dataset.realistic import realistic_cases

    typed = [f"--{name.replace('_', '-')}" for name in _OF_SCANNERS if getattr(options, name) is not None]
    typed += ["--thick"] if options.thick else []
    require(not typed, "--preset realistic", "without options of the scanner", " and ".join(typed))
    wanted = SPLITS if options.split in (None, "all") else (options.split,)
    return realistic_cases(options.scanners, wanted)


def _cases_of_file(file: ScannerFile, options: argparse.Namespace, split: str) -> list[SetupCase]:
    """Return the cases of a scanner file, at the gradients and diameters of the options or at its own."""
    from mpisim.dataset.cases import SetupCase

    gradients = options.sf_gradient or [file.gradient]
    diameters = options.particle_diameter or [file.diameter]
    for name, known in (("sf-gradient", None not in gradients), ("particle-diameter", _sized(file, diameters))):
        require(known, f"--{name}", f"given, since {file.name} leaves it out", "none")
    with units_as_typed():
        setups = [(_name(g, d), file.setup(g, d)) for g in gradients for d in diameters]
    require(len(dict(setups)) == len(setups), "grid of scanners", "made of distinct pairs", "repeated values")
    return [SetupCase(name, setup, split) for name, setup in setups]


def _sized(file: ScannerFile, diameters: Sequence[float | None]) -> bool:
    """Whether diameters are given, or the file states those of its populations."""
    return None not in diameters or file.has_diameter


def _name(gradient: float | None, diameter: float | None) -> str:
    """Return a file name as that of a `Case`, without a diameter where the particle has no single one."""
    size = "" if diameter is None else f"_d{diameter * 1e9:.3f}"
    return f"g{gradient:.4f}{size}"
