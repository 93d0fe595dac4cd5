"""The subcommand `plan`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from mpisim.cli.command import Result, argument_type, as_typed
from mpisim.cli.options import at_least, integers, number, ranged
from mpisim.cli.scanner_options import add_setup_arguments, chosen_setup
from mpisim.errors import require

if TYPE_CHECKING:
    from recon.studies.planning.planner import Plan

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "factor": "edge of the sample in voxels",
    "sample": "edges of the sample in mm along x and y",
    "positions": "positions of the sample",
    "averages": "averages of each position",
    "angles": "angles that are measured",
    "minutes": "time of the scanner in minutes",
    "method": "method that recovers the matrix",
    "nrmse": "expected nRMSE of the recovered matrix",
    "interval": "nine of ten scanners have an nRMSE in it, least and largest",
    "snr": "RMS of the measured values over their noise in dB, after averages",
    "coarser": "calibration one step coarser: factor, averages, minutes and expected nRMSE; null where there is none",
    "image": "image of tubes: pSNR in dB to the image from the fine matrix, and of both to the phantom; null without",
    "iron": "smallest mass of iron in ug that one average detects in a voxel, median and worst; null where the noise "
    "has no volts",
    "averaging": "s after which averages of an object no longer help against drift; null where no drift is stated",
    "error": "nRMSE that was asked for; null where none was",
    "hours": "time of the scanner that was asked for in hours; null where none was",
    "noise": "the noise of one average, in words",
    "imperfections": "level of the simulated scanners",
    "move": "s to move the sample",
    "record": "s to record one average of all angles",
    "seed": "seed of scanners and noise",
    "candidates": "every calibration by every method: time and expected nRMSE with its interval",
    "trials": "every simulation that was made, with its nRMSE",
    "notes": "what is presumed, and which methods do not apply",
    "figure": "file of the figure; null where none was asked for",
}
"""Keys of `--json`."""
_NAMES = ("error", "hours", "snr", "snr_of", "imperfections", "method", "factors", "move", "record", "draws", "seed")
_FLAGS = {name: f"--{name.replace('_', '-')}" for name in (*_NAMES, "workers")} | {"compared": "--methods"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    add_setup_arguments(parser)
    percent = argument_type("error", _percent)
    parser.add_argument("--error", type=percent, metavar="PERCENT", help="largest nRMSE of the matrix in %%: 2 or 2%%")
    hours = argument_type("hours", ranged(1e-4, 1e4, "hours"))
    parser.add_argument("--hours", type=hours, help="longest time of the scanner in hours, with or without --error")
    parser.add_argument(
        "--snr",
        type=argument_type("snr", number),
        metavar="DB",
        help="RMS over noise of one average in dB (default: noise of the scanner's receive chain, or 33.7 without one)",
    )
    parser.add_argument(
        "--snr-of",
        type=argument_type("snr-of", at_least(1)),
        metavar="VOXELS",
        help="edge in voxels of the sample that has this ratio, such as 1; other samples then have the same noise in "
        "volts (default: every sample has the ratio, as in the paper)",
    )
    parser.add_argument(
        "--imperfections", help="of the simulated scanners: ideal, mild, medium or strong (default: stated, or medium)"
    )
    parser.add_argument(
        "--jitter", type=argument_type("jitter", ranged(0, 5, "mm", 1e-3)), help="error of each position in mm"
    )
    parser.add_argument("--method", default="physical", help="method of recovery (default: physical)")
    parser.add_argument(
        "--methods", type=_names, help="methods of table and figure, or none (default: all of the table of studies)"
    )
    move, record = (argument_type(name, ranged(0, 1e4, "s")) for name in ("move", "record"))
    parser.add_argument("--move", type=move, metavar="S", help="s to move the sample (default: stated, or 1)")
    parser.add_argument(
        "--record", type=record, metavar="S", help="s to record one average of all angles (default: stated, or .32)"
    )
    parser.add_argument(
        "--factors", type=argument_type("factors", integers), default="2,4,8,16", help="edges of the sample in voxels"
    )
    parser.add_argument("--all-angles", action="store_true", help="do not consider to measure half of the angles")
    draws = argument_type("draws", at_least(1))
    parser.add_argument("--draws", type=draws, default="3", help="scanners that are simulated (default: 3)")
    parser.add_argument("--seed", type=argument_type("seed", at_least(0)), default="0", help="seed (default: 0)")
    parser.add_argument("--no-image", action="store_true", help="make no image")
    parser.add_argument("--cache", help="folder for finished trials, where a plan that was interrupted goes on")
    workers = argument_type("workers", at_least(1))
    parser.add_argument("--workers", type=workers, default="1", help="processes (default: 1)")
    parser.add_argument("--out", help="figure (.png) to write: error against scanner time")


def run(options: argparse.Namespace) -> Result:
    """Plan a calibration."""
    from dataclasses import replace

    from mpisim.io.atomic import expect_file
    from recon.studies.planning.first_errors import METHODS
    from recon.studies.planning.planner import plan
    from recon.studies.planning.words import as_text

    if options.out is not None:
        expect_file(options.out, (".png",), name="--out")
    require(options.error is not None or options.hours is not None, "--error", "given, or --hours", "neither")
    setup = chosen_setup(options)
    if options.jitter is not None:
        setup = replace(setup, sample=replace(setup.sample, jitter=options.jitter))
    with as_typed(_FLAGS):
        found = plan(
            setup,
            options.error,
            options.hours,
            options.snr,
            options.snr_of,
            imperfections=options.imperfections,
            method=options.method,
            compared=METHODS if options.methods is None else options.methods,
            move=options.move,
            record=options.record,
            factors=options.factors,
            fewer_angles=not options.all_angles,
            draws=options.draws,
            seed=options.seed,
            image=not options.no_image,
            cache=None if options.cache is None else Path(options.cache),
            workers=options.workers,
        )
    if options.out is not None:
        from mpisim.plot.panels import save_figure
        from recon.studies.planning.figure import plan_figure

        save_figure(plan_figure(found), options.out)
    text = as_text(found) + (f"\nfigure: {options.out}" if options.out else "")
    return {**_described(found), "figure": options.out, "text": text}


def _described(found: Plan) -> dict[str, object]:
    c, asked, s = found.chosen, found.asked, found.sensitivity
    coarser: dict[str, object] | None = None
    if found.coarser is not None:
        coarser = {"factor": found.coarser.factor, "averages": found.coarser.averages}
        coarser.update(minutes=found.coarser.seconds / 60, nrmse=found.coarser_nrmse)
    return {
        **{"factor": c.factor, "sample": [round(1e3 * edge, 6) for edge in found.sample], "positions": c.positions},
        **{"averages": c.averages, "angles": c.angles, "minutes": c.seconds / 60, "method": found.method},
        **{"nrmse": found.nrmse, "interval": list(found.interval), "snr": found.snr, "coarser": coarser},
        "image": None if found.image is None else vars(found.image),
        "iron": None if s is None else [1e9 * s.iron, 1e9 * s.iron_worst],
        "averaging": None if s is None or math.isinf(s.averaging) else s.averaging,
        **{"error": asked.error, "hours": None if asked.seconds is None else asked.seconds / 3600},
        **{"noise": found.noise, "imperfections": found.level, "move": found.time.move, "record": found.time.record},
        **{"seed": found.seed, "candidates": found.candidates.to_dict("records")},
        "trials": [
            {name: None if isinstance(v, float) and math.isnan(v) else v for name, v in row.items()}
            for row in found.trials.to_dict("records")
        ],
        "notes": list(found.notes),
    }


def _percent(name: str, text: str) -> float:
    """Return `2`, `2%` or `2 %` as a fraction."""
    return ranged(1e-4, 100, "%", 1e-2)(name, text.strip().removesuffix("%"))


def _names(text: str) -> tuple[str, ...]:
    return () if text == "none" else tuple(text.split(","))
