"""The check of a scanner against its protocol, for authors of scanners and before a simulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from mpisim.errors import InputError, finite, require
from mpisim.scanner.protocol import LineProfile, Scanner
from mpisim.scanner.sequences import PeriodicSequence, Tone
from mpisim.scanner.single_tone import SINGLE_TONE_PARTS, SingleTone, SingleToneParts

__all__ = ["check_scanner"]

_METHODS = ("selection_field", "drive_fields", "receive_sensitivities")
_POINTS = 1e-3 * np.array([[[0, 0, 0], [0.5, 0, 0], [0, -1, 0]], [[0, 0, 0.3], [0.2, 0.3, -0.4], [-1, 0.6, 0]]])
_FLAT = _POINTS * [1, 1, 0]
_Center = tuple[float, float, float]


def check_scanner(scanner: object, center: _Center = (0.0, 0.0, 0.0)) -> Scanner:
    """Return the scanner if the engines can use it.

    Its fields and sensitivities are evaluated at six points within 1.2 mm of the centre, at the first and the last
    angle; its sequence is checked. The points of a scanner with a `check_region` lie in the plane, and nearer to the
    centre where it refuses them; where it refuses all, fields are not checked here. What it says by `fixed_in_angle`,
    `coils_fixed_in_angle` and `line_profile`, if it has them, is compared with its fields; its `receive_gains`, if it
    has them, must be numbers of the right shape. A scanner of one tone and one coil as version 0.1 described them
    (`mpisim.scanner.single_tone`) is returned as a `SingleTone`.

    Parameters
    ----------
    scanner
        An object that should keep the protocol `mpisim.scanner.protocol.Scanner`.
    center
        Centre (x, y, z) of the field of view in m.

    Raises
    ------
    InputError
        With one sentence on the first method or attribute that is missing, or returns another shape, complex numbers,
        NaN or infinity.
    """
    checked = _behind_protocol(scanner)
    tones = len(_checked_sequence(checked).tones)
    points = _points_of(checked, center)
    if points is not None:
        for angle in _ends(checked):
            _check_values("selection_field", checked.selection_field, points, angle, None)
            _check_values("drive_fields", checked.drive_fields, points, angle, tones)
            _check_values("receive_sensitivities", checked.receive_sensitivities, points, angle, 0)
        _check_fixed(checked, points)
        _check_gains(checked, points)
        _check_profile(checked, points)
    return checked


def _points_of(scanner: Scanner, center: _Center) -> np.ndarray | None:
    """Return points (..., 3) in m near the centre at which the scanner has fields; None where it refuses them."""
    check = getattr(scanner, "check_region", None)
    if check is None:
        return _POINTS + center
    for scale in (1.0, 0.1, 0.01):
        try:
            check(scale * _FLAT + center)
        except InputError:
            continue
        except Exception as error:  # whatever the code of another package raises
            raise InputError(
                f"Input scanner check_region must be a method for points of shape (..., 3); instead received {error!r}."
            ) from error
        return scale * _FLAT + center
    return None


def _behind_protocol(scanner: object) -> Scanner:
    """Return an object with all parts of a scanner, made of one with those of version 0.1 where need be."""
    if not isinstance(scanner, type):
        if all(hasattr(scanner, name) for name in ("sequence", *_METHODS)):
            return cast(Scanner, scanner)
        if all(hasattr(scanner, name) for name in SINGLE_TONE_PARTS):
            return SingleTone(cast(SingleToneParts, scanner))
    raise InputError(
        "Input scanner must be an object with sequence, selection_field, drive_fields and receive_sensitivities, such "
        f"as open_sided_ffl(0.5); instead received {scanner!r}."
    )


def _checked_sequence(scanner: Scanner) -> PeriodicSequence:
    """Sequence of a scanner as a `PeriodicSequence`, whose own checks it has passed."""
    sequence = scanner.sequence
    if isinstance(sequence, PeriodicSequence):
        return sequence
    names = ("base_frequency", "tones", "harmonics", "angles", "samples_per_period")
    lacking = [name for name in names if not hasattr(sequence, name)]
    require(not lacking, "scanner sequence", f"an object with {', '.join(names)}", repr(sequence))
    checked = PeriodicSequence(*(getattr(sequence, name) for name in names))
    exact = all(isinstance(tone, Tone) for tone in sequence.tones) and all(
        isinstance(number, int | np.integer) for number in (*sequence.harmonics, sequence.samples_per_period)
    )
    require(exact, "scanner sequence", "one of Tones, and of harmonics and samples of type int", repr(sequence))
    return checked


def _ends(scanner: Scanner) -> tuple[float, ...]:
    """The first and the last angle, where they differ."""
    first, last = scanner.sequence.angles[0], scanner.sequence.angles[-1]
    return (first,) if first == last else (first, last)


def _check_values(
    name: str, method: Callable[[np.ndarray, float], np.ndarray], points: np.ndarray, angle: float, leading: int | None
) -> None:
    """Check a method at the points; `leading` is the number of tones, None without that axis, 0 for any number."""
    try:
        values = method(points, angle)
    except Exception as error:  # whatever the code of another package raises
        raise InputError(
            f"Input scanner {name} must be a method for points of shape (..., 3) and an angle; "
            f"instead received {error!r}."
        ) from error
    shape = np.shape(values)
    count = () if leading is None else (leading or (shape[0] if len(shape) == 4 else 1),)
    if not (isinstance(values, np.ndarray) and shape == (*count, *points.shape) and shape[0] > 0):
        word = {None: "", 0: "coil, "}.get(leading, "tone, ")
        must = f"a method that returns an array of shape ({word}..., 3), {(*count, *points.shape)} here"
        require(False, f"scanner {name}", must, f"{type(values).__name__} of shape {shape}")
    require(values.dtype.kind in "fiu", f"scanner {name}", "a method that returns real numbers", values.dtype)
    finite(f"what the scanner's {name} returns", values)


def _check_fixed(scanner: Scanner, points: np.ndarray) -> None:
    """Compare drive and coils at the first and the last angle where they are said to be the same at every angle."""
    promises = {
        "fixed_in_angle": ("drive_fields", "receive_sensitivities"),
        "coils_fixed_in_angle": ("receive_sensitivities",),
    }
    first, last = _ends(scanner)[0], _ends(scanner)[-1]
    for promise, names in promises.items():
        if getattr(scanner, promise, False):
            methods = [getattr(scanner, name) for name in names]
            same = all(np.array_equal(method(points, first), method(points, last)) for method in methods)
            require(same, f"scanner {promise}", f"False where {' or '.join(names)} depend on the angle", "True")


def _check_gains(scanner: Scanner, points: np.ndarray) -> None:
    """Check the gains of the receive chain: a finite number for each angle, coil and frequency."""
    if not hasattr(scanner, "receive_gains"):
        return
    sequence, angle = scanner.sequence, _ends(scanner)[0]
    shape = (len(sequence.angles), len(scanner.receive_sensitivities(points, angle)), len(sequence.harmonics))
    try:
        gains = scanner.receive_gains()
    except InputError:
        raise
    except Exception as error:  # whatever the code of another package raises
        raise InputError(
            f"Input scanner receive_gains must be a method without arguments; instead received {error!r}."
        ) from error
    good = isinstance(gains, np.ndarray) and gains.shape == shape and gains.dtype.kind in "fiuc"
    must = f"a method that returns numbers of the shape (angle, coil, frequency), {shape} here"
    require(good, "scanner receive_gains", must, f"{type(gains).__name__} of shape {np.shape(gains)}")
    finite("what the scanner's receive_gains returns", gains)


def _check_profile(scanner: Scanner, points: np.ndarray) -> None:
    """Compare the line profile with the fields at the points moved into the plane z = 0, to 1e-9 of each."""
    profile = getattr(scanner, "line_profile", None)
    if profile is None:
        return
    require(isinstance(profile, LineProfile), "scanner line_profile", "a LineProfile or None", repr(profile))
    good, flat = tuple(scanner.sequence.tones) == (Tone(1),), points * [1, 1, 0]
    for angle in _ends(scanner):
        u = flat @ [np.cos(angle), np.sin(angle), 0]
        sensitivity, drive = scanner.receive_sensitivities(flat, angle), scanner.drive_fields(flat, angle)
        good = good and _close(scanner.selection_field(flat, angle), profile.gradient * u[..., None] * [0, 0, 1])
        good = good and _close(drive[0], np.array([0, 0, profile.drive_amplitude]))
        good = good and len(sensitivity) == 1 and _close(sensitivity[0][..., 2], np.array(profile.sensitivity))
    require(good, "scanner line_profile", "that of its fields, coil and one tone in the plane z = 0", profile)


def _close(values: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.abs(values - expected).max() <= 1e-9 * max(np.abs(expected).max(), np.abs(values).max()))
