"""The subcommand `info`, and the description of a dataset that other subcommands print too."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpisim.cli.command import Result
from mpisim.cli.detection import KEYS as DETECTION_KEYS
from mpisim.cli.detection import DetectionTally
from mpisim.cli.row_snr import KEYS as SNR_KEYS
from mpisim.cli.row_snr import SnrTally
from mpisim.data.schema import STD, VOXEL_DIMS
from mpisim.simulation.engines import with_former_names

if TYPE_CHECKING:
    import xarray as xr

    from mpisim.io.stored import Contents

__all__ = ["KEYS", "MDF_KEYS", "Tally", "add_arguments", "described", "run"]

MDF_KEYS = {
    "version": "MDF file: version of the format that it states",
    "topology": "MDF file: FFP, FFL or MPS",
    "scanner_name": "MDF file: name of the scanner",
    "tracer": "MDF file: name, vendor, batch, solute and concentration in mol/L of every tracer",
    "drive": "MDF file: frequencies in Hz, amplitudes in T and waveforms of the drive-field channels",
    "gradient": "MDF file: gradient of the first period in T/m, by rows; `turns` if it is not the same in all periods",
    "receiver": "MDF file: channels, bandwidth in Hz, samples of a period, and frequencies that are stored",
    "frames": "MDF file: frames of the foreground and the background, and periods of a frame",
    "positions": "MDF file: voxels, field of view and centre in m",
    "processing": "MDF file: flags of the group measurement that are set",
    "custom": "MDF file: paths of fields that the format does not know",
}
"""What `--json` prints for an MDF file, besides `kind`."""

KEYS = {
    "kind": "system_matrix, measurement or image",
    "stage": "of a system matrix: fine or coarse",
    "origin": "simulated, measured or recovered",
    "size": "number of values along every dimension",
    "unit": "unit of the values",
    "rms": "root mean square of the values, in that unit",
    "noise": "unknown, known, or exact",
    "noise_std": "complex noise standard deviation, the largest of the rows, where it is known",
    **SNR_KEYS,
    **DETECTION_KEYS,
    "system_matrix_std": "standard deviation of one part of a value, root mean square over all, where it is known",
    "expected_nrmse": "the relative error of the matrix that follows from it, a fraction",
    "imperfections": "of a simulation: what is not ideal in its fields, coils, gains, tracer and calibration scan",
    **MDF_KEYS,
    "format": "file of another program: its format",
    "bytes": "file of another program: its size",
    "arrays": "file of another program: name, shape, class, and what is wrong with it, of every array",
    "attributes": "file of another program: its metadata",
    "*": "file of the schema: all its attributes by name, such as scanner, particle, grid and software",
}
"""What `--json` prints; besides these, for a file of the schema, all of its attributes by name."""

_VALUES_AT_ONCE = 2_000_000
_LISTED = 100  # arrays and attributes in the text for people


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file."""
    parser.add_argument(
        "file",
        help="a system matrix, measurement or image; or any MATLAB, NumPy, HDF5, NetCDF, safetensors or TOML file, "
        "whose arrays are listed; or a scanner by name",
    )


def run(options: argparse.Namespace) -> Result:
    """Describe a file, from its metadata and, for the RMS, block by block."""
    from mpisim.io.formats import foreign_contents
    from mpisim.io.mdf.source import holds_mdf
    from mpisim.io.mdf.summary import summary
    from mpisim.io.reading import blocks_of
    from mpisim.io.scanner_file import SCANNER_NAMES, packaged_file

    file = str(packaged_file(options.file)) if options.file in SCANNER_NAMES else options.file
    if Path(file).is_file() and holds_mdf(file):
        return summary(file)
    contents = foreign_contents(file)
    return described_blocks(blocks_of(file, _VALUES_AT_ONCE)) if contents is None else _listing(file, contents)


def described(data: xr.Dataset) -> Result:
    """Return kind, size, unit, RMS, noise and all attributes of a dataset of the schema."""
    return described_blocks([data])


def described_blocks(blocks: Iterable[xr.Dataset]) -> Result:
    """Return the same for a dataset that comes in blocks along its first dimension."""
    tally = Tally()
    for block in blocks:
        tally.add(block)
    return tally.described()


class Tally:
    """What is known of a dataset that comes in blocks along a dimension, the first one unless `along` names it."""

    def __init__(self, along: str | None = None) -> None:
        self.along, self.energy, self.count, self.length = along, 0.0, 0, 0
        self.variance, self.snr, self.detection = 0.0, SnrTally(), DetectionTally()
        self.levels: list[float] = []
        self.last: xr.Dataset | None = None

    def add(self, block: xr.Dataset) -> xr.Dataset:
        """Take the next block into account, and return it."""
        variable = block[block.attrs["kind"]]
        along = self.along or next(iter(map(str, variable.dims)), "")
        self.energy += _energy(variable)
        self.variance += _energy(block[STD]) if STD in block else 0.0
        self.count, self.length = self.count + variable.size, self.length + variable.sizes.get(along, 1)
        if along not in VOXEL_DIMS:
            self.snr.add(block)
            self.detection.add(block)
        self.levels += [float(block["noise_std"].max())] if "noise_std" in block else []
        self.last = block
        return block

    def described(self) -> Result:
        """Return the description; there must have been a block."""
        assert self.last is not None
        rms = math.sqrt(self.energy / self.count)
        noise_std = max(self.levels) if self.levels else None
        told = {**self.snr.described(), **self.detection.described(), **self._stated()}
        return _summary(self.last, self.along, self.length, rms, noise_std, told)

    def _stated(self) -> Result:
        """Return the RMS of the standard deviation, and the error that it lets expect; empty where there is none."""
        if self.last is None or STD not in self.last:
            return {}
        expected = {"expected_nrmse": math.sqrt(2 * self.variance / self.energy)} if self.energy > 0 else {}
        return {STD: math.sqrt(self.variance / self.count), **expected}


def _energy(variable: xr.DataArray) -> float:
    """Return the sum of squared magnitudes, an index of the first dimension at a time."""
    import numpy as np

    rows = variable.values if variable.ndim > 1 else variable.values[None]
    return float(sum(np.linalg.norm(row.astype(np.complex128).ravel()) ** 2 for row in rows))


def _summary(
    block: xr.Dataset, along: str | None, length: int, rms: float, noise_std: float | None, stated: Result
) -> Result:
    """Return the description by the last block, the length of a dimension (the first one if None), RMS and errors."""
    from mpisim.data.views import noise_known
    from mpisim.simulation.imperfections import imperfections

    kind = block.attrs["kind"]
    summary: dict[str, object] = {"kind": kind}
    summary |= {k: block.attrs[k] for k in ("stage", "origin") if k in block.attrs}
    sizes = {str(d): int(n) for d, n in block[kind].sizes.items()}
    summary["size"] = sizes | {d: length for d in ([along] if along else list(sizes)[:1])}
    summary["unit"] = block[kind].attrs.get("units", "1")
    summary["rms"] = rms
    if kind != "image":
        summary["noise"] = ("known" if noise_std else "exact") if noise_known(block) else "unknown"
    if noise_std is not None:
        summary["noise_std"] = noise_std
    summary |= stated
    not_ideal = imperfections(block.attrs)
    if not_ideal is not None:
        summary["imperfections"] = not_ideal or ["none"]
    rest = {str(k): v for k, v in block.attrs.items() if k not in ("kind", "stage", "origin", "format_version")}
    return summary | with_former_names(rest)


def _listing(file: str, contents: Contents) -> Result:
    """Return what a file of another program holds."""
    arrays = [
        {"name": a.name, "shape": list(a.shape), "class": a.label, **({"problem": a.problem} if a.problem else {})}
        for a in contents.arrays
    ]
    size = Path(file).stat().st_size
    result = {"format": contents.kind, "bytes": size, "arrays": arrays, "attributes": dict(contents.attributes)}
    return {**result, "text": _text(file, size, contents)}


def _text(file: str, size: int, contents: Contents) -> str:
    rows = [
        (_short(a.name), " x ".join(map(str, a.shape)) or "1 value", _short(a.label), _short(a.problem, 300))
        for a in contents.arrays[:_LISTED]
    ]
    widths = [max((len(row[i]) for row in rows), default=0) for i in (0, 1)]
    lines = [f"{Path(file).name}: {contents.kind}, {size:,} bytes"]
    lines += [
        f"  {name:<{widths[0]}}  {shape:<{widths[1]}}  {label}{f' (cannot be read: {problem})' if problem else ''}"
        for name, shape, label, problem in rows
    ]
    lines += [f"  and {len(contents.arrays) - _LISTED} more arrays"] if len(contents.arrays) > _LISTED else []
    lines += [f"  {_short(name)}: {_short(value)}" for name, value in list(contents.attributes.items())[:_LISTED]]
    return "\n".join(lines)


def _short(value: Any, most: int = 100) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= most else f"{text[: most - 3]}..."
