"""The subcommand `data`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mpisim.cli.command import Result
from mpisim.errors import one_of, require

if TYPE_CHECKING:
    from mpisim.io.public_data import DataSet

__all__ = ["KEYS", "add_arguments", "run"]

KEYS = {
    "folder": "where the files of the data set are kept",
    "files": "name, path, bytes, sha256, whether it was loaded now (`new`), and what its checksum was compared with "
    "(`checked`: published, recorded, or none at the first download, which records it); with `list`: name and `here`",
    "licence": "licence of the data",
    "citation": "what to cite",
}
"""Keys of `--json`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to do, the data set and the files."""
    parser.add_argument("action", choices=("fetch", "list"), help="download files, or say which there are")
    parser.add_argument("data_set", metavar="NAME", help="a public data set: open-mpi (OpenMPIData)")
    parser.add_argument(
        "--calibration", nargs="+", default=[], metavar="N", help="open-mpi: numbers of calibrations, such as 10"
    )
    parser.add_argument(
        "--measurement",
        nargs="+",
        default=[],
        metavar="PHANTOM/N",
        help="open-mpi: measurements, such as resolutionPhantom/3",
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        help="where files are kept; default: a folder of that name in $MPISIM_DATA or in the user's folder for caches",
    )
    parser.add_argument(
        "--url", help="with fetch: address that the files are loaded from (default: that of the publishers)"
    )


def _names(data_set: DataSet, kind: str, given: list[str]) -> list[str]:
    """Return the names of files that were typed without their folder `calibrations` or `measurements`."""
    known = [name.partition("/")[2].removesuffix(".mdf") for name in data_set.files if name.startswith(f"{kind}s/")]
    return [f"{kind}s/{one_of(f'--{kind}', name, known)}.mdf" for name in given]


def run(options: argparse.Namespace) -> Result:
    """Load files of a data set, or list them."""
    from mpisim.io.public_data import DATA_SETS, data_folder, fetch

    data_set = DATA_SETS[one_of("data set", options.data_set, DATA_SETS)]
    names = _names(data_set, "calibration", options.calibration)
    names += _names(data_set, "measurement", [name.removesuffix(".mdf") for name in options.measurement])
    folder = data_folder(data_set.name, options.out)
    about = {"folder": str(folder), "licence": data_set.licence, "citation": data_set.citation}
    last = [f"licence: {data_set.licence}", f"please cite: {data_set.citation}"]
    if options.action == "list":
        require(not names, "action", "fetch where files are named", "list")
        require(options.url is None, "action", "fetch where --url says from where", "list")
        files: list[dict[str, object]] = [{"name": n, "here": (folder / n).exists()} for n in data_set.files]
        lines = [f"{folder}:", *(f"  {f['name']}{'  (here)' if f['here'] else ''}" for f in files)]
        return {**about, "files": files, "text": "\n".join([*lines, *last])}
    require(
        len(names) > 0,
        "--calibration or --measurement",
        f"given with fetch (see mpisim data list {data_set.name})",
        "neither",
    )
    found = fetch(data_set, names, options.out, options.url)
    lines = [
        f"{f.path}  {f.nbytes:,} bytes  {'loaded' if f.is_new else 'was here'}, sha256 {f.sha256} "
        f"({'recorded now' if f.checked == 'none' else f'as {f.checked}'})"
        for f in found
    ]
    files = [
        {
            "name": f.name,
            "path": str(f.path),
            "bytes": f.nbytes,
            "sha256": f.sha256,
            "new": f.is_new,
            "checked": f.checked,
        }
        for f in found
    ]
    return {**about, "files": files, "text": "\n".join([*lines, *last])}
