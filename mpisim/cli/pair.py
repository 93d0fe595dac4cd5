"""The subcommand `pair`."""

from __future__ import annotations

import argparse

from mpisim.cli.command import Result

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "fits": "whether no reason against the pair was found",
    "reasons": "why it does not fit, a sentence each",
    "rows": "`used` and `lost`: frequencies of the matrix that the measurement has and does not have; null if unknown",
    "compared": "what both files state",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files."""
    parser.add_argument("matrix", metavar="SM", help="system matrix, MDF or NetCDF")
    parser.add_argument(
        "measurement",
        metavar="MEASUREMENT",
        help="measurement, MDF or NetCDF. The exit code is 0 if it fits the matrix, and 1 if not",
    )


def run(options: argparse.Namespace) -> Result:
    """Say whether a system matrix and a measurement belong together, and if not, why."""
    from mpisim.io.mdf.acquired import acquisition_of_file
    from mpisim.preprocess.pairing import mismatches, rows_lost

    matrix = acquisition_of_file(options.matrix, "system_matrix")
    measurement = acquisition_of_file(options.measurement, "measurement")
    reasons = [mismatch.sentence for mismatch in mismatches(matrix, measurement)]
    lost = rows_lost(matrix.frequencies, measurement.frequencies)
    compared = [name for name in matrix.fields if name in measurement.fields]
    lines = ["does not fit" if reasons else "fits", *(f"  {reason}" for reason in reasons)]
    if lost is not None and 0 < lost[0] < lost[1]:
        lines.append(f"{lost[0]} of {lost[1]} frequencies of the matrix are not in the measurement; they are not used.")
    lines.append(f"compared: {', '.join(compared) or 'nothing, since the files state nothing'}")
    return {
        "fits": not reasons,
        "reasons": reasons,
        "rows": None if lost is None else {"used": lost[1] - lost[0], "lost": lost[0]},
        "compared": compared,
        "text": "\n".join(lines),
        "exit_code": int(bool(reasons)),
    }
