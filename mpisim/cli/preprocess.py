"""The subcommand `preprocess`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mpisim.cli.command import Result, argument_type, as_typed
from mpisim.cli.options import at_least, integers, number, numbers, ranged
from mpisim.errors import one_of, require

if TYPE_CHECKING:
    import xarray as xr

    from mpisim.preprocess.step import Step

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "out": "files that were written, in the order of the input",
    "steps": "records of the steps, in their order: name, options, and what each does to noise_std",
    "rows": "rows of every file: angles x receive channels x frequencies",
}
"""Keys of `--json`."""
_FLAGS = {
    "count": "--average",
    "rule": "--background",
    "snr": "--row-snr",
    "definition": "--snr-definition",
    "weights": "--channel-weights",
    "stop_bands": "--stop-band",
    "drive_frequency": "--drive",
    "drive_frequencies": "--drives",
    "data": "FILE",
    **{
        name: "--" + name.replace("_", "-")
        for name in ("min_frequency", "max_frequency", "harmonics", "bandwidth", "best", "mixing_order")
    },
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and the steps, in the order in which they are applied."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="system matrices and measurements of the same rows")
    parser.add_argument("--out", nargs="+", required=True, metavar="FILE", help="one file to write for every input")
    _add_frames(parser)
    _add_choice(parser)
    _add_weights(parser)


def _add_frames(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--leakage",
        action="store_true",
        help="measurement with all frequencies: suppress what does not repeat with the period, by a Hann window over "
        "three frames",
    )
    parser.add_argument(
        "--average",
        type=argument_type("--average", at_least(0)),
        metavar="N",
        help="measurement: mean over so many successive frames; 0 for all",
    )
    parser.add_argument(
        "--group",
        type=argument_type("--group", at_least(1)),
        metavar="N",
        help="measurement with all frequencies: take so many successive periods as one longer period",
    )
    parser.add_argument(
        "--background",
        default="runs",
        metavar="RULE",
        help="of MDF files with background frames: runs (linear between the means of runs; the default), equidistant "
        "(the rule of MPIFiles), or none",
    )
    parser.add_argument("--induction", action="store_true", help="divide by the induction factors of MDF files")


def _add_choice(parser: argparse.ArgumentParser) -> None:
    frequency = ranged(0, 1e5, "kHz", 1e3)
    for flag, text in (
        ("--min-frequency", "keep frequencies of at least this"),
        ("--max-frequency", "keep frequencies of at most this"),
        ("--drive", "drive frequency, with --harmonics"),
        ("--bandwidth", "width of the band around every harmonic"),
    ):
        parser.add_argument(flag, type=argument_type(flag, frequency), metavar="KHZ", help=f"{text}, in kHz")
    parser.add_argument(
        "--stop-band",
        action="append",
        type=argument_type("--stop-band", _band),
        metavar="A,B",
        help="leave out frequencies from A to B, in kHz; may be repeated",
    )
    harmonics = argument_type("--harmonics", integers)
    parser.add_argument("--harmonics", type=harmonics, help="harmonics of --drive to keep: 2:9 or 3,5")
    parser.add_argument(
        "--mixing-order",
        type=argument_type("--mixing-order", at_least(1)),
        metavar="N",
        help="keep sums of multiples of the frequencies of --drives, up to this order",
    )
    parser.add_argument(
        "--drives",
        type=argument_type("--drives", numbers),
        metavar="A,B[,C]",
        help="drive frequencies for --mixing-order, in kHz",
    )
    parser.add_argument(
        "--row-snr",
        type=argument_type("--row-snr", number),
        metavar="RATIO",
        help="keep frequencies with a row whose ratio of signal to noise is at least this (5: five times)",
    )
    parser.add_argument(
        "--snr-definition",
        metavar="NAME",
        help="this ratio, for --row-snr and --best: rms (default), max-dev, max-diff or median-mask",
    )
    best = argument_type("--best", at_least(1))
    parser.add_argument("--best", type=best, metavar="N", help="keep the N frequencies of the highest such ratio")


def _add_weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--channel-weights",
        type=argument_type("--channel-weights", numbers),
        metavar="A,B,...",
        help="multiply the rows of every receive channel by its weight",
    )
    parser.add_argument(
        "--whiten", action="store_true", help="divide rows by the noise of the measurement (of the matrix without one)"
    )
    parser.add_argument(
        "--whiten-covariance",
        action="store_true",
        help="the same by the full covariance of the background frames, of up to 500 rows",
    )
    parser.add_argument("--row-norm", action="store_true", help="divide rows by the norm of the matrix's rows")


def _band(name: str, text: str) -> tuple[float, float]:
    values = numbers(name, text)
    require(len(values) == 2, name, "two frequencies in kHz, such as 24,26", repr(text))
    return values[0] * 1e3, values[1] * 1e3


def run(options: argparse.Namespace) -> Result:
    """Preprocess files alike."""
    import mpisim
    from mpisim.io.writing import expect_output
    from mpisim.preprocess.apply import apply_all
    from mpisim.preprocess.row_snr import DEFINITIONS
    from mpisim.preprocess.rows import one_of_each_row
    from mpisim.preprocess.subtraction import RULES

    one_of("--background", options.background, (*RULES, "none"))
    if options.snr_definition is not None:
        one_of("--snr-definition", options.snr_definition, DEFINITIONS)
        ranked = options.row_snr is not None or options.best is not None
        require(ranked, "--snr-definition", "given together with --row-snr or --best", "it without")
    files, outs = options.files, options.out
    require(len(files) == len(outs), "--out", f"as many files as there are inputs, {len(files)}", len(outs))
    require(len(set(outs)) == len(outs), "--out", "different files", ", ".join(outs))
    for out in outs:
        expect_output(out, *files)
    data = [_read(file) for file in files]
    with as_typed(_FLAGS):
        found = apply_all(_steps(options, data), data)
    for result, out in zip(found, outs, strict=True):
        mpisim.write(result, out)
    lists: list[list[dict[str, Any]]] = [d.attrs.get("preprocessing", {}).get("steps", []) for d in found]
    records = max(lists, key=len)
    rows = [dict(one_of_each_row(d).sizes) for d in found]
    lines = [f"{r['step']}: noise {r['noise']}" for r in records] or ["no step"]
    lines += [f"{out}: {' x '.join(f'{n} {d}' for d, n in r.items())}" for out, r in zip(outs, rows, strict=True)]
    return {"out": outs, "steps": records, "rows": rows, "text": "\n".join(lines)}


def _read(file: str) -> xr.Dataset:
    from pathlib import Path

    import mpisim
    from mpisim.io.mdf.source import holds_mdf

    return mpisim.read(file, raw=True) if Path(file).is_file() and holds_mdf(file) else mpisim.read(file)


def _steps(options: argparse.Namespace, data: list[xr.Dataset]) -> list[Step]:
    from mpisim.preprocess.apply import STEPS

    steps: list[Step] = [] if options.average is None else [STEPS["AverageFrames"](options.average)]  # type: ignore[call-arg]
    if options.leakage:
        steps.insert(0, STEPS["CorrectLeakage"]())
    if options.group is not None:
        steps.append(STEPS["GroupPeriods"](options.group))  # type: ignore[call-arg]
    if options.background != "none" and any("background" in d for d in data):
        steps.append(STEPS["SubtractBackground"](options.background))  # type: ignore[call-arg]
    if any("transfer_function" in d for d in data):
        steps.append(STEPS["DivideTransfer"]())
    if options.induction:
        steps.append(STEPS["DivideInduction"]())
    chosen = {
        "min_frequency": options.min_frequency,
        "max_frequency": options.max_frequency,
        "stop_bands": tuple(options.stop_band or ()),
        "drive_frequency": options.drive,
        "harmonics": options.harmonics or (),
        "bandwidth": options.bandwidth or 0.0,
        "drive_frequencies": tuple(f * 1e3 for f in options.drives or ()),
        "mixing_order": options.mixing_order or 0,
        "snr": options.row_snr,
        "best": options.best or 0,
    }
    if any(value not in (None, (), 0) for value in chosen.values()):
        steps.append(STEPS["SelectFrequencies"](definition=options.snr_definition or "rms", **chosen))  # type: ignore[call-arg]
    if options.channel_weights is not None:
        steps.append(STEPS["WeightChannels"](tuple(options.channel_weights)))  # type: ignore[call-arg]
    steps += [STEPS["Whiten"]()] if options.whiten else []
    steps += [STEPS["WhitenByCovariance"]()] if options.whiten_covariance else []
    steps += [STEPS["WeightRows"]()] if options.row_norm else []
    return steps
