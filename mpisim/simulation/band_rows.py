r"""Rows of the lines in bands around the harmonics (`mpisim.scanner.bands`).

The scanner is simulated as it is at each Gauss-Legendre node of a frame, with the line turned and the drive amplitude
of that moment, and the harmonics of all nodes are combined to lines. Where nothing changes in a frame of whole periods
one simulation of the recorded harmonics is enough, and lines beside them are exactly zero.

Otherwise the signal of every line comes from several harmonics, those that are not recorded too, the first among them;
harmonics up to two above the highest recorded one are taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mpisim.errors import warn
from mpisim.scanner.bands import Bands

__all__ = ["band_rows", "bands_of"]

_FURTHER = 2
_LEAST_AMPLITUDE = 1e-6  # T, of a drive that was just switched on
_CONVERGED = 1e-3


def bands_of(scanner: object) -> Bands | None:
    """Return the bands that a scanner records; None where it records single lines."""
    bands = getattr(scanner, "bands", None)
    return bands if isinstance(bands, Bands) else None


def band_rows(scanner: Any, rows_of: Callable[[Any], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a scanner that records bands, without the transfer function of its receive chain.

    Parameters
    ----------
    scanner
        The scanner, a frozen dataclass with the fields of `mpisim.ImperfectFFL`.
    rows_of
        Rows (angle, coil, harmonic, voxel) of a scanner without bands and chain, its gains included.

    Returns
    -------
    rows
        Complex128, shape (angle, coil, line, voxel), in V.
    lines
        Frequencies in Hz, shape (line,).
    """
    bands, drive = scanner.bands, scanner.drive_frequency
    lines = bands.lines(drive, scanner.harmonics)
    static = not bands.changes and bands.whole_periods(drive)
    highest = max(scanner.harmonics) + _FURTHER
    harmonics = scanner.harmonics if static else tuple(range(1, highest + 1))
    samples = max(scanner.samples_per_period, 24 * highest)
    plain = scanner if static else replace(scanner, harmonics=harmonics, samples_per_period=samples, receive=None)
    plain = replace(plain, bands=None, receive=None)
    weights = bands.weights(lines, harmonics, drive)
    total, sums = None, []
    for node, (amplitude, turn) in enumerate(zip(bands.amplitudes(), bands.turns(), strict=True)):
        rows = rows_of(_at_moment(plain, float(amplitude), float(turn))).astype(complex)
        part = np.einsum("lk,ackv->aclv", weights[0, node], rows)
        part += np.einsum("lk,ackv->aclv", weights[1, node], rows.conj())
        total = part if total is None else total + part
        sums.append(_probe(rows))
    assert total is not None
    if bands.changes:
        _warn_of_few_nodes(bands, np.array(sums))
    return total, lines


def _at_moment(scanner: Any, amplitude: float, turn: float) -> Any:
    """Return a scanner with its drive amplitude times `amplitude`, and its line turned by `turn` in rad."""
    changed: dict[str, object] = {}
    if amplitude != 1:
        changed["drive_amplitude"] = max(scanner.drive_amplitude * amplitude, _LEAST_AMPLITUDE)
    if turn:
        changed["angles"] = tuple(angle + turn for angle in scanner.angles)
        if getattr(scanner, "errors", ()):  # of a fit: errors of single angles
            changed["errors"] = tuple((row[0] + turn, *row[1:]) for row in scanner.errors)
    return replace(scanner, **changed) if changed else scanner


def _probe(rows: np.ndarray) -> np.ndarray:
    """Return some values of all harmonics, to see how they change in a frame; shape (harmonic, some)."""
    flat = np.moveaxis(rows, 2, 0).reshape(rows.shape[2], -1)
    return flat[:, :: max(1, flat.shape[1] // 256)]


def _warn_of_few_nodes(bands: Bands, values: np.ndarray) -> None:
    """Warn where the last two Legendre coefficients of the values at the nodes (node, ...) are not small."""
    x, w = np.polynomial.legendre.leggauss(bands.nodes)
    basis = np.polynomial.legendre.legvander(x, bands.nodes - 1) * w[:, None] * (np.arange(bands.nodes) + 0.5)
    size = np.sqrt(np.mean(np.abs(np.tensordot(basis.T, values, axes=1)) ** 2, axis=tuple(range(1, values.ndim))))
    rest = float(size[-2:].max() / size.max()) if bands.nodes > 2 and size.max() > 0 else 0.0
    if rest > _CONVERGED or bands.nodes < 3:
        warn(
            f"{bands.nodes} nodes in a frame are few for how the signal changes in it: what is left out is about "
            f"{100 * rest:.2g} % of it; take nodes={min(64, 2 * bands.nodes)} of the bands."
        )
