r"""What MDF says of a dataset: from its attribute `mdf`, or for a simulation from its scanner, tracer and sample.

Of a simulated scanner the gradient is the matrix of derivatives of the selection field at the centre, by central
differences, and the offset field the field there, for every angle. Its drive field at the centre gives one drive-field
channel for each axis x, y, z along which it is not zero. Tones of the multiples :math:`n_i` of the base frequency f
have the dividers :math:`L/n_i` of the clock :math:`L f`, where L is the least common multiple of all :math:`n_i`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from mpisim.errors import InputError
from mpisim.io.mdf.metadata import decoded
from mpisim.scanner.protocol import Scanner
from mpisim.simulation.provenance import scanner_from_mapping

__all__ = ["description"]

_STEP = 1e-4  # m, of the differences
_NO_LINE = 0.05  # smallest over largest singular value of a gradient without a field-free line
_UNKNOWN = "n.a."


def description(attributes: Mapping[Any, Any], kind: str) -> dict[str, Any]:
    """Return the metadata that the attributes of a dataset give, by path.

    Parameters
    ----------
    attributes
        Those of the dataset. An image holds those of its measurement and its matrix.
    kind
        `system_matrix`, `measurement` or `image`.

    Raises
    ------
    InputError
        If the attribute `mdf` is no mapping of paths, or the scanner cannot be made again.
    """
    stated = attributes.get("mdf")
    if isinstance(stated, Mapping):
        bad = [p for p in stated if not str(p).startswith("/")]
        if bad:
            raise InputError(
                f"Input mdf must be a mapping from paths such as /tracer/name; instead received {bad[0]!r}."
            )
        return {str(path): decoded(value, str(path)) for path, value in stated.items()}
    if "scanner" in attributes:
        return _simulated(attributes)
    for name in ("measurement", "matrix") if kind == "image" else ():
        inner = attributes.get(name)
        found = description(inner, name) if isinstance(inner, Mapping) else {}
        if found:
            return found
    return {}


def _simulated(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    scanner = scanner_from_mapping(attributes["scanner"])
    sequence = scanner.sequence
    angles = np.array(sequence.angles)
    field, gradient = _selection(scanner, angles)
    sizes = np.linalg.svd(gradient[0], compute_uv=False)
    described = attributes["scanner"]
    name = described.get("class", "OpenSidedFFL") if isinstance(described, Mapping) else _UNKNOWN
    return {
        "/experiment/isSimulation": 1,
        "/experiment/name": "simulation",
        "/experiment/description": f"simulated by mpisim with the scanner {name}",
        "/scanner/name": f"mpisim {name}",
        "/scanner/topology": "FFL" if sizes[2] < _NO_LINE * sizes[0] else "FFP",
        "/acquisition/gradient": gradient[:, None],
        "/acquisition/offsetField": field[:, None],
        "/acquisition/_angles": angles,
        "/acquisition/numAverages": 1,
        **_drive(scanner, angles),
        "/acquisition/receiver/bandwidth": sequence.samples_per_period * sequence.base_frequency / 2,
        "/acquisition/receiver/numSamplingPoints": sequence.samples_per_period,
        "/acquisition/receiver/unit": "V",
        **_tracer(attributes),
    }


def _selection(scanner: Scanner, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the selection field (angle, 3) in T at the centre, and its derivatives (angle, 3, 3) in T/m."""
    around = np.concatenate([np.zeros((1, 3)), _STEP * np.eye(3), -_STEP * np.eye(3)])
    fields = np.array([np.asarray(scanner.selection_field(around, float(a))) for a in angles])
    gradient = (fields[:, 1:4] - fields[:, 4:7]) / (2 * _STEP)
    return fields[:, 0], np.swapaxes(gradient, 1, 2)  # the last index is that of the derivative


def _drive(scanner: Scanner, angles: np.ndarray) -> dict[str, Any]:
    sequence = scanner.sequence
    centre = np.zeros((1, 3))
    peaks = np.array([np.asarray(scanner.drive_fields(centre, float(a)))[:, 0] for a in angles])  # angle, tone, axis
    largest = np.abs(peaks).max()
    axes = np.flatnonzero(np.abs(peaks).max(axis=(0, 1)) > 1e-9 * largest)
    strength = np.swapaxes(peaks[:, :, axes], 1, 2)  # angle, channel, tone
    common = math.lcm(*(tone.multiple for tone in sequence.tones))
    phases = np.array([tone.phase for tone in sequence.tones]) + np.where(strength < 0, np.pi, 0.0)
    divider = np.array([common // tone.multiple for tone in sequence.tones])
    base = common * sequence.base_frequency
    return {
        "/acquisition/drivefield/baseFrequency": base,
        "/acquisition/drivefield/cycle": math.lcm(*(int(d) for d in divider)) / base,
        "/acquisition/drivefield/divider": np.tile(divider, (len(axes), 1)),
        "/acquisition/drivefield/numChannels": len(axes),
        "/acquisition/drivefield/phase": (phases + np.pi) % (2 * np.pi) - np.pi,
        "/acquisition/drivefield/strength": np.abs(strength),
        "/acquisition/drivefield/waveform": [["sine"] * len(divider)] * len(axes),
        "/acquisition/drivefield/_axes": ["xyz"[a] for a in axes],
    }


def _tracer(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the tracer of a simulation; its molar concentration is not known, that of its particles is."""
    sample, particle = (attributes.get(name) for name in ("sample", "particle"))
    sample = sample if isinstance(sample, Mapping) else {}
    size, height, number = (sample.get(name) for name in ("size", "height", "concentration"))
    found: dict[str, Any] = {"/tracer/name": [f"simulated: {particle}"[:200]]}
    if isinstance(size, list | tuple) and height is not None:
        found["/calibration/deltaSampleSize"] = [*map(float, size), float(height)]
    if number is not None:
        found["/tracer/_numberConcentration"] = [float(number)]
    return found
