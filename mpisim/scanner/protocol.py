r"""What a scanner is to the engines: fields at points, a periodic sequence, and receive coils.

At a point :math:`r` and the rotation angle :math:`\theta` the field is

.. math:: B(r, t) = B_s(r; \theta) + \sum_i B_{d,i}(r; \theta) \sin(2\pi n_i f t + \varphi_i),

a static selection field and one drive field for each tone :math:`i`. The tones' frequencies are multiples :math:`n_i`
of the base frequency :math:`f`, so that :math:`T = 1/f` is a common period. The coil :math:`c` has the sensitivity
:math:`p_c(r; \theta)`, which is the field per unit current over :math:`\mu_0` in 1/m, and receives

.. math:: v_c(t) = -\mu_0 \frac{d}{dt} \int p_c(r; \theta) \cdot M(r, t)\, dV, \qquad
          a_k = \frac1T \int_0^T v_c(t)\, e^{-2\pi i k f t}\, dt .

Any object with these methods and attributes can be simulated; `mpisim.check_scanner` names what one lacks. Points,
fields and sensitivities are arrays whose last axis holds x, y, z.

Every field and sensitivity may depend on the angle: by imperfections that turn with the line, or by values that differ
from angle to angle (an offset, a gain). The methods receive the numbers of `sequence.angles` themselves, so that a
dictionary of their places finds such a value; the angles must then be distinct, and a second turn of a scanner that
drifts holds angles beyond 2 pi. A phase of the drive that differs from angle to angle takes two tones of one frequency,
a sine and a cosine. A scanner whose drive and coils are the same at every angle says so by an attribute
`fixed_in_angle` that is True; they are then evaluated once. One where only the coils are says so by
`coils_fixed_in_angle`.

Two methods are optional. `receive_gains()` returns complex factors of the shape (angle, coil, frequency) by which
`mpisim.simulate` multiplies the rows: the transfer function of the receive chain, and what of gain and phase differs
from angle to angle. `check_region(points)` raises an `InputError` where the scanner has no fields at points (..., 3)
in m of the field of view, such as outside of a measured map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mpisim.errors import numbers_of, require
from mpisim.scanner.sequences import Tone

__all__ = ["Coils", "Fields", "LineProfile", "Scanner", "Sequence", "fixed_in_angle"]


class Sequence(Protocol):
    """When the drive field does what, and which frequencies are recorded; `PeriodicSequence` is one."""

    @property
    def base_frequency(self) -> float:
        """Reciprocal of the common period of all tones, f in Hz."""

    @property
    def tones(self) -> tuple[Tone, ...]:
        """Frequency and phase of every drive tone."""

    @property
    def harmonics(self) -> tuple[int, ...]:
        """Recorded frequencies as multiples of the base frequency."""

    @property
    def angles(self) -> tuple[float, ...]:
        """Rotation angles of the selection field in rad; one angle where nothing turns."""

    @property
    def samples_per_period(self) -> int:
        """Uniform samples of one period that a simulation takes, an even number above twice the highest harmonic."""


class Fields(Protocol):
    """Selection and drive field of a scanner."""

    def selection_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Selection field in T at `points` (..., 3) in m for a rotation angle in rad; shape (..., 3)."""

    def drive_fields(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Peak drive field of every tone in T at `points` (..., 3) in m for an angle in rad; shape (tone, ..., 3)."""


class Coils(Protocol):
    """Receive coils of a scanner."""

    def receive_sensitivities(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Sensitivity of every coil in 1/m at `points` (..., 3) in m for an angle in rad; shape (coil, ..., 3)."""


class Scanner(Fields, Coils, Protocol):
    """Fields, coils and a sequence, which is all that the engines ask for."""

    @property
    def sequence(self) -> Sequence:
        """The drive tones, rotation angles and recorded frequencies."""


def fixed_in_angle(scanner: Scanner) -> tuple[bool, bool]:
    """Return whether a scanner says that its drive fields, and that its coils, are the same at every angle."""
    both = bool(getattr(scanner, "fixed_in_angle", False))
    return both, both or bool(getattr(scanner, "coils_fixed_in_angle", False))


@dataclass(frozen=True)
class LineProfile:
    """What makes a row in the plane z = 0 a function of one coordinate, u = x cos(angle) + y sin(angle).

    A scanner with an attribute `line_profile` that is not None promises that its sequence is one sine tone, and that in
    this plane the field is (gradient u + drive_amplitude sin(2 pi f t)) along z and the only coil has the same
    sensitivity along z everywhere.

    Parameters
    ----------
    gradient
        Change of the selection field with u in T/m.
    drive_amplitude
        Peak drive field in T.
    sensitivity
        z component of the receive sensitivity in 1/m.

    Raises
    ------
    InputError
        If a value is not a finite number, or the gradient is zero, which leaves no line.
    """

    gradient: float
    drive_amplitude: float
    sensitivity: float

    def __post_init__(self) -> None:
        values = numbers_of("line profile", (self.gradient, self.drive_amplitude, self.sensitivity))
        require(values[0] != 0, "gradient of the line profile", "other than zero", self.gradient)
