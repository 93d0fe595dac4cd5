"""Tables over frequency as text: spectra of noise and transfer functions.

A file holds numbers in columns, separated by commas or blanks; lines that start with # are comments, and one line of
names may come first. A spectrum has the columns frequency in Hz and density in V/sqrt(Hz), one-sided, at the coil; a
transfer function frequency in Hz, real part and imaginary part.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from mpisim.errors import InputError, require
from mpisim.scanner.receive_noise import NoiseSpectrum
from mpisim.scanner.transfer import TransferTable

__all__ = ["read_noise_spectrum", "read_transfer"]

_MOST_BYTES = 50_000_000


def read_noise_spectrum(path: str | os.PathLike[str]) -> NoiseSpectrum:
    """Read a spectrum of noise: two columns, Hz and V/sqrt(Hz).

    Raises `InputError` if the file is missing or has other columns, frequencies do not ascend, or a density is negative
    or missing.
    """
    frequencies, densities = _columns(path, "noise spectrum", ("frequency in Hz", "density in V/sqrt(Hz)"))
    return NoiseSpectrum(frequencies, densities)


def read_transfer(path: str | os.PathLike[str]) -> TransferTable:
    """Read a transfer function: three columns, Hz, real part and imaginary part.

    Raises `InputError` if the file is missing or has other columns, frequencies do not ascend, or a value is missing.
    """
    names = ("frequency in Hz", "real part", "imaginary part")
    frequencies, real, imaginary = _columns(path, "transfer function", names)
    return TransferTable(frequencies, real, imaginary)


def _columns(path: str | os.PathLike[str], what: str, names: tuple[str, ...]) -> tuple[tuple[float, ...], ...]:
    """Return the columns of a file, one for each of `names`."""
    file = Path(path)
    require(file.is_file(), f"file of the {what}", "an existing file", str(path))
    require(file.stat().st_size <= _MOST_BYTES, f"file of the {what}", "of at most 50 MB", file.stat().st_size)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(f"Input file of the {what} must be text; instead reading {path} gave: {error}.") from None
    rows = []
    lines = (line.strip() for line in text.splitlines())
    for i, line in enumerate(line for line in lines if line and not line.startswith("#")):
        row = _numbers(line)
        if row is None and i == 0:
            continue  # names of the columns
        must = f"numbers: {', '.join(names)}"
        good = row is not None and len(row) == len(names) and bool(np.all(np.isfinite(row)))
        require(good, f"line of {path}", must, repr(line[:80]))
        assert row is not None
        rows.append(row)
    require(len(rows) >= 2, f"file of the {what}", "at least two lines of numbers", f"{len(rows)} in {path}")
    return tuple(zip(*rows, strict=True))


def _numbers(line: str) -> tuple[float, ...] | None:
    """Return the numbers of a line; None where it holds anything else."""
    try:
        return tuple(float(word) for word in line.replace(";", ",").replace(",", " ").split())
    except ValueError:
        return None
