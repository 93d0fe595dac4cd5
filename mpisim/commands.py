"""Subcommands of the simulator: demo, simulate, dataset, convert, info, study. They parse, and make one call."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from mpisim.command import Command
from mpisim.errors import InputError, one_of, require
from mpisim.noise import PROTOCOL_SNR
from mpisim.options import integer, integers, number, numbers, read_toml, size
from mpisim.study_command import COMMAND as STUDY
from mpisim.tune_command import COMMAND as TUNE

__all__ = ["COMMANDS"]

_RANGES = {  # what a user can mean on the command line, in its units
    "sf-gradient": (0.01, 50.0, "T/m"),
    "particle-diameter": (1.0, 200.0, "nm"),
    "fov": (0.1, 2000.0, "mm"),
}


def _scanner_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--grid", default="32", help="voxels: 32, 32x64 (default: 32)")
    parser.add_argument("--fov", default="32", help="field of view in mm: 32, 32x64 (default: 32)")
    parser.add_argument("--angle-step", help="degrees between angles in [0, 180) (default: 3)")
    parser.add_argument("--harmonics", help="harmonics of the drive: 2:9 with both ends (the default), or 2,3,5")
    parser.add_argument("--drive-amplitude", help="mT; default: gradient x field of view / 2")
    parser.add_argument("--drive-frequency", help="kHz (default: 23.2)")
    parser.add_argument("--sample-size", help="edges of the sample in mm: 2, 2x4; default: one voxel")
    parser.add_argument("--thick", action="store_true", help="average over the sample's height too")
    parser.add_argument("--scanner", metavar="FILE.toml", help="keys of mpisim.OpenSidedFFL in SI units; options win")


def _grid(options: argparse.Namespace) -> Any:
    from mpisim.grid import Grid

    shape = size("grid", options.grid)
    fov = tuple(_in_range("fov", f) for f in size("fov", options.fov))
    return Grid(shape, tuple(f * 1e-3 for f in fov))  # type: ignore[arg-type]


def _in_range(name: str, value: float) -> float:
    """Refuse numbers that can only be slips of the unit."""
    low, high, unit = _RANGES[name]
    require(low <= value <= high, name, f"from {low:g} to {high:g} {unit}", f"{value:g}")
    return value


def _sample(options: argparse.Namespace) -> Any:
    from mpisim.grid import Sample

    edges = None if options.sample_size is None else tuple(s * 1e-3 for s in size("sample-size", options.sample_size))
    return Sample(size=edges, thick=options.thick)  # type: ignore[arg-type]


def _scanner_options(options: argparse.Namespace) -> dict[str, Any]:
    from mpisim.scanner import OpenSidedFFL

    known = [f.name for f in fields(OpenSidedFFL) if f.name != "sf_gradient"]
    values = read_toml(options.scanner, known, "scanner") if options.scanner is not None else {}
    if options.angle_step is not None or "angles" not in values:
        step = number("angle-step", options.angle_step or "3")
        require(1e-3 <= step <= 180, "angle-step", "from 0.001 to 180 degrees", options.angle_step)
        values["angles"] = [math.radians(i * step) for i in range(math.ceil(180 / step - 1e-9))]
    if options.harmonics is not None or "harmonics" not in values:
        values["harmonics"] = integers("harmonics", options.harmonics or "2:9")
    if options.drive_frequency is not None:
        values["drive_frequency"] = number("drive-frequency", options.drive_frequency) * 1e3
    if options.drive_amplitude is not None:
        values["drive_amplitude"] = number("drive-amplitude", options.drive_amplitude) * 1e-3
    return values


def _simulate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sf-gradient", required=True, help="selection-field gradient in T/m")
    parser.add_argument("--particle-diameter", required=True, help="core diameter in nm")
    _scanner_arguments(parser)
    parser.add_argument("--out", required=True, help="system matrix (.nc) to write")


def _simulate(options: argparse.Namespace) -> Mapping[str, Any]:
    import mpisim

    mpisim.io.expect_output(options.out)
    grid = _grid(options)
    gradient = _in_range("sf-gradient", number("sf-gradient", options.sf_gradient))
    scanner = mpisim.open_sided_ffl(gradient, fov=max(grid.fov[:2]), **_scanner_options(options))
    diameter = _in_range("particle-diameter", number("particle-diameter", options.particle_diameter))
    particle = mpisim.Particle(diameter * 1e-9)
    found = mpisim.simulate(scanner, particle, grid, _sample(options))
    mpisim.write(found, options.out)
    return _describe(found) | {"out": options.out}


def _dataset_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", help="transms: the paper's 66 training, 30 validation and 34 test matrices")
    parser.add_argument(
        "--split", help="of the preset: train, validation or test (default: all); of ranges: where to put them"
    )
    parser.add_argument("--sf-gradient", help="T/m: 0.4:1.0:10 (first:last:count) or 0.4,0.7")
    parser.add_argument("--particle-diameter", help="nm: 14.1:33.405:10 or 15,25")
    _scanner_arguments(parser)
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
    parser.add_argument("--out", required=True, help="folder; running again resumes")


def _dataset(options: argparse.Namespace) -> Mapping[str, Any]:
    from mpisim.cells import SPLITS, grid_cells, transms_cells
    from mpisim.dataset import Family, generate

    ranges = (options.sf_gradient, options.particle_diameter)
    if options.preset is not None:
        one_of("preset", options.preset, ("transms",))
        require(ranges == (None, None), "--preset", "without --sf-gradient and --particle-diameter", ranges)
        cells = transms_cells()
        splits = None if options.split in (None, "all") else [options.split]
    else:
        given = " and ".join(n for n, v in zip(("--sf-gradient", "--particle-diameter"), ranges, strict=True) if v)
        described = "described by --preset, or by both --sf-gradient and --particle-diameter"
        require(None not in ranges, "dataset", described, given or "none of them")
        gradients = [_in_range("sf-gradient", g) for g in numbers("sf-gradient", options.sf_gradient)]
        diameters = numbers("particle-diameter", options.particle_diameter)
        diameters = [_in_range("particle-diameter", d) * 1e-9 for d in diameters]
        split = "" if options.split is None else one_of("split", options.split, SPLITS)
        cells, splits = grid_cells(gradients, diameters, split), None
    factors = integers("factor", options.factor) if options.factor is not None else ()
    family = Family(
        grid=_grid(options),
        sample=_sample(options),
        scanner=_scanner_options(options),
        factors=factors,
        sampling=one_of("sampling", options.sampling, ("box", "strided", "random")),
        snr=None if options.noiseless else number("snr", options.snr),
        seed=integer("seed", options.seed),
    )
    executor = _cluster(options.scheduler) if options.scheduler else None
    workers = integer("workers", options.workers, 1)
    files = generate(cells, family, options.out, splits=splits, workers=workers, executor=executor)
    return {"out": options.out, "matrices": len(files), "factors": list(factors)}


def _cluster(address: str) -> Any:
    try:
        from dask.distributed import Client
    except ImportError:
        raise InputError(
            "Input --scheduler must be used where dask[distributed] is installed; instead received it without."
        ) from None
    try:
        return Client(address, timeout="10s").get_executor()
    except (OSError, ValueError) as error:
        raise InputError(
            f"Input --scheduler must be the address of a running Dask scheduler; instead received {address} ({error})."
        ) from None


def _convert_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="IN", help="MATLAB file (.mat, any version)")
    parser.add_argument("out", metavar="OUT", help="NetCDF file (.nc) to write")
    parser.add_argument("--variable", help="array in the file; default: the only one")
    parser.add_argument("--grid", help="voxels of a system matrix: 8x8; without it the array is a measurement")
    parser.add_argument("--fov", help="field of view in mm; default: 1 mm per voxel")
    parser.add_argument("--coarse", metavar="S", help="the sample filled S x S voxels of the grid to be recovered")


def _convert(options: argparse.Namespace) -> Mapping[str, Any]:
    import mpisim

    mpisim.io.expect_output(options.out)
    grid = None
    if options.grid:
        shape = size("grid", options.grid)
        fov = size("fov", options.fov) if options.fov else shape
        grid = mpisim.Grid(shape, tuple(f * 1e-3 for f in fov))  # type: ignore[arg-type]
    coarse = integer("coarse", options.coarse, 1) if options.coarse else None
    require(coarse is None or grid is not None, "--coarse", "given together with --grid", "it without")
    found = mpisim.read(options.source, options.variable, grid, coarse)
    mpisim.write(found, options.out)
    return _describe(found) | {"out": options.out}


def _info(options: argparse.Namespace) -> Mapping[str, Any]:
    import mpisim

    return _describe(mpisim.read(options.file))


def _describe(data: Any) -> dict[str, Any]:
    kind = data.attrs["kind"]
    about: dict[str, Any] = {"kind": kind}
    about |= {k: data.attrs[k] for k in ("stage", "origin") if k in data.attrs}
    about["size"] = {str(d): int(n) for d, n in data[kind].sizes.items()}
    about["unit"] = data[kind].attrs.get("units", "1")
    about["rms"] = float((abs(data[kind].astype(complex)) ** 2).mean() ** 0.5)
    if "noise_std" in data:
        about["noise_std"] = float(data["noise_std"].max())
    rest = {k: v for k, v in data.attrs.items() if k not in ("kind", "stage", "origin", "format_version")}
    return about | rest


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", default="demo", help="folder to write (default: demo)")
    parser.add_argument("--factor", default="4", help="2, 4 or 8 (default: 4)")
    parser.add_argument("--sf-gradient", default="0.83", help="of the simulated scanner in T/m (default: 0.83)")
    parser.add_argument("--particle-diameter", default="24", help="of the simulated tracer in nm (default: 24)")
    parser.add_argument("--seed", default="0", help="seed of the noise")


def _demo(options: argparse.Namespace) -> Mapping[str, Any]:
    from mpisim.demo import demo

    return demo(
        options.out,
        integer("factor", options.factor, 1),
        integer("seed", options.seed),
        number("sf-gradient", options.sf_gradient),
        number("particle-diameter", options.particle_diameter),
    )


COMMANDS = [
    Command(
        "demo",
        "simulate, measure, recover and reconstruct in one go, with a report",
        "mpisim demo --out demo",
        _demo_arguments,
        _demo,
    ),
    Command(
        "simulate",
        "simulate a system matrix",
        "mpisim simulate --sf-gradient 0.5 --particle-diameter 25 --out sm.nc",
        _simulate_arguments,
        _simulate,
    ),
    Command(
        "dataset",
        "simulate a family of system matrices, fine and coarse",
        "mpisim dataset --sf-gradient 0.4:1.0:10 --particle-diameter 14.1:33.405:10 --factor 4 --out data",
        _dataset_arguments,
        _dataset,
    ),
    Command(
        "convert",
        "convert a MATLAB array to NetCDF",
        "mpisim convert S.mat sm.nc --variable S --grid 8x8",
        _convert_arguments,
        _convert,
    ),
    Command("info", "describe a file", "mpisim info sm.nc", lambda parser: parser.add_argument("file"), _info),
    STUDY,
    TUNE,
]
