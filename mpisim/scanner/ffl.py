r"""The open-sided field-free-line (FFL) scanner: fields, sequence and receive coil.

The line lies in the plane z = 0. At rotation angle :math:`\theta` its in-plane normal is
:math:`\hat u = (\cos\theta, \sin\theta, 0)`, the line runs along :math:`(-\sin\theta, \cos\theta, 0)`, and with
:math:`u = r\cdot\hat u`

.. math:: B_s = G\,(u\,\hat z + z\,\hat u), \qquad B_d(t) = A \sin(2\pi f_0 t)\,\hat z ,

which is free of curl and divergence. The drive moves the line to :math:`u = -(A/G)\sin(2\pi f_0 t)`. The receive coil
has the sensitivity :math:`p` (field per unit current over :math:`\mu_0`, 1/m).

Simplified: homogeneous drive field and coil, ideal gradient; `mpisim.ImperfectFFL` adds what real scanners have. A
subclass that overrides `selection_field`, `drive_field` or `receive_sensitivity` is a scanner with other fields or
another coil; one whose drive or coil depends on the angle, or that has several, overrides `drive_fields` or
`receive_sensitivities`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TypedDict, Unpack

import numpy as np

from mpisim.errors import numbers_of, require, whole, within
from mpisim.scanner.protocol import LineProfile
from mpisim.scanner.sequences import PeriodicSequence, Tone

__all__ = ["PROFILE_SOURCES", "OpenSidedFFL", "equidistant_angles", "open_sided_ffl"]

_RANGES = {
    "sf_gradient": (1e-3, 100.0, "T/m"),
    "drive_amplitude": (1e-6, 1.0, "T"),
    "drive_frequency": (100.0, 1e6, "Hz"),
}


@dataclass(frozen=True)
class OpenSidedFFL:
    """An ideal open-sided FFL scanner and its sequence; see `open_sided_ffl` for one with the usual defaults.

    Parameters
    ----------
    sf_gradient
        Selection-field gradient G in T/m, from 1e-3 to 100.
    drive_amplitude
        Peak drive field A in T, from 1e-6 to 1.
    drive_frequency
        f_0 in Hz, from 100 to 1e6.
    angles
        Rotation angles of the line's normal in rad; degrees are refused, see `PeriodicSequence`.
    harmonics
        Recorded harmonics k of f_0; 2..9 in TranSMS.
    samples_per_period
        Uniform samples of one drive period; even, and more than twice the highest harmonic.
        216 is 5 MS/s at 23.2 kHz. Against the integral over time it is good to 1e-10 for 33 nm cores at 1 T/m and
        16 mT, 2e-7 for 40 nm, 4e-5 for 50 nm; `mpisim.simulate` warns where that gets worse.
    sensitivity
        Homogeneous receive sensitivity (x, y, z) in 1/m; 800 is about 1 mT/A. The largest of the three is from 0.01
        to 1e7 (1e-3 is a sensitivity in T/A).

    Raises
    ------
    InputError
        If a value is out of range, or the samples cannot carry the harmonics.
    """

    sf_gradient: float
    drive_amplitude: float
    drive_frequency: float = 23.2e3
    angles: tuple[float, ...] = tuple(math.radians(3 * i) for i in range(60))
    harmonics: tuple[int, ...] = (2, 3, 4, 5, 6, 7, 8, 9)
    samples_per_period: int = 216
    sensitivity: tuple[float, float, float] = (0.0, 0.0, 800.0)

    def __post_init__(self) -> None:
        for name, (low, high, unit) in _RANGES.items():
            object.__setattr__(self, name, within(f"scanner {name}", getattr(self, name), low, high, unit))
        sequence = PeriodicSequence(
            self.drive_frequency, (Tone(1),), self.harmonics, self.angles, self.samples_per_period
        )
        for name in ("angles", "harmonics", "samples_per_period"):
            object.__setattr__(self, name, getattr(sequence, name))
        sensitivity = numbers_of("scanner sensitivity", self.sensitivity)
        good = len(sensitivity) == 3 and any(sensitivity)
        require(good, "scanner sensitivity", "three components, not all zero", sensitivity)
        within("scanner sensitivity", max(map(abs, sensitivity)), 0.01, 1e7, "1/m")
        object.__setattr__(self, "sensitivity", sensitivity)

    @property
    def sequence(self) -> PeriodicSequence:
        """One sine tone of the drive frequency, with the angles and harmonics of the scanner."""
        return _one_sine(self.drive_frequency, self.harmonics, self.angles, self.samples_per_period)

    @property
    def fixed_in_angle(self) -> bool:
        """Whether drive field and coil are the same at every angle: unless a subclass says how they depend on it."""
        names = ("drive_fields", "receive_sensitivities")
        return all(getattr(type(self), name) is getattr(OpenSidedFFL, name) for name in names)

    @property
    def line_profile(self) -> LineProfile | None:
        """Profile across the line in the plane z = 0; None where a subclass has other fields, coils or tones."""
        if any(getattr(type(self), name) is not getattr(OpenSidedFFL, name) for name in PROFILE_SOURCES):
            return None
        return LineProfile(self.sf_gradient, self.drive_amplitude, self.sensitivity[2])

    def selection_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Selection field in T at `points` (..., 3) in m for a rotation angle in rad; shape (..., 3)."""
        cos, sin = math.cos(angle), math.sin(angle)
        z = points[..., 2]
        u = points[..., 0] * cos + points[..., 1] * sin
        return self.sf_gradient * np.stack([z * cos, z * sin, u], axis=-1)

    def drive_field(self, points: np.ndarray) -> np.ndarray:
        """Peak drive field in T at `points` (..., 3) in m; shape (..., 3)."""
        return np.broadcast_to(np.array([0.0, 0.0, self.drive_amplitude]), points.shape)

    def receive_sensitivity(self, points: np.ndarray) -> np.ndarray:
        """Receive sensitivity in 1/m at `points` (..., 3) in m; shape (..., 3)."""
        return np.broadcast_to(np.array(self.sensitivity), points.shape)

    def drive_fields(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Peak drive field of the one tone, `drive_field`, for any angle; shape (1, ..., 3)."""
        return self.drive_field(points)[None]

    def receive_sensitivities(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Sensitivity of the one coil, `receive_sensitivity`, for any angle; shape (1, ..., 3)."""
        return self.receive_sensitivity(points)[None]


@lru_cache(maxsize=64)
def _one_sine(
    frequency: float, harmonics: tuple[int, ...], angles: tuple[float, ...], samples: int
) -> PeriodicSequence:
    return PeriodicSequence(frequency, (Tone(1),), harmonics, angles, samples)


PROFILE_SOURCES = (
    "selection_field",
    "drive_field",
    "drive_fields",
    "receive_sensitivity",
    "receive_sensitivities",
    "sequence",
)
"""Methods and properties that a line profile rests on."""


class _Options(TypedDict, total=False):
    """Further fields of `OpenSidedFFL`."""

    drive_frequency: float
    harmonics: tuple[int, ...]
    samples_per_period: int
    sensitivity: tuple[float, float, float]


def open_sided_ffl(
    sf_gradient: float,
    fov: float = 0.032,
    angles: int | Iterable[float] = 60,
    drive_amplitude: float | None = None,
    **options: Unpack[_Options],
) -> OpenSidedFFL:
    """Return an open-sided FFL scanner whose drive field carries the line over the field of view.

    Parameters
    ----------
    sf_gradient
        Selection-field gradient in T/m.
    fov
        Edge of the field of view in m, from 1e-6 to 2; the default drive amplitude is G fov / 2 (TranSMS, Table I).
    angles
        Number of equidistant angles in [0, pi), or the angles in rad.
    drive_amplitude
        Peak drive field in T instead of G fov / 2, from 1e-6 to 1.
    **options
        Further fields of `OpenSidedFFL`; by default there are at least 24 samples a period of the highest harmonic.

    Raises
    ------
    InputError
        For an unknown option or a value out of range.
    """
    known = [f.name for f in fields(OpenSidedFFL)]
    unknown = sorted(set(options) - set(known))
    require(not unknown, "scanner", f"described by {', '.join(known)}", ", ".join(unknown))
    low, high, unit = _RANGES["sf_gradient"]
    gradient = within("sf_gradient", sf_gradient, low, high, unit)
    amplitude = gradient * within("fov", fov, 1e-6, 2, "m") / 2 if drive_amplitude is None else drive_amplitude
    harmonics = options.get("harmonics")
    if isinstance(harmonics, list | tuple | range):
        options["harmonics"] = tuple(harmonics)
        highest = max((k for k in harmonics if isinstance(k, int)), default=0)
        options.setdefault("samples_per_period", max(216, 24 * highest))
    return OpenSidedFFL(gradient, amplitude, angles=_angles(angles), **options)


def _angles(angles: int | Iterable[float]) -> tuple[float, ...]:
    """Equidistant angles in [0, pi) for a number of them, or the angles in rad; strings are left to be refused."""
    if isinstance(angles, str):
        return angles
    if isinstance(angles, Iterable):
        return tuple(angles)
    return equidistant_angles(whole("angles", angles))


def equidistant_angles(count: int) -> tuple[float, ...]:
    """Return equidistant angles in [0, pi) in rad.

    Raises `InputError` for more than 100 000 of them.
    """
    require(count <= 100_000, "angles", "at most 100000", count)
    return tuple(math.pi * i / count for i in range(count))
