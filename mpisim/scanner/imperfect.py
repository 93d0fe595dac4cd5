r"""An open-sided field-free-line scanner with imperfections, each a switch that is off by default.

With the ideal fields :math:`B_s`, :math:`A\hat z` and :math:`p` of `OpenSidedFFL`, relative fields :math:`b_i` with
radii :math:`R_i` (`mpisim.scanner.parts`) and the quadratic recipe's factors :math:`q`

.. math::
    B_s'(r; \theta) &= q_G(r)\,\Bigl(B_s(r; \theta) + \sum_i G R_i\, b_i(r; \theta)\Bigr), \\
    B_d'(r; \theta) &= q_A(r)\,A\,\Bigl(\hat z + \sum_j b_j(r; \theta)\Bigr), \qquad
    p_c'(r; \theta) = q_p(r)\,p_c(r; \theta) .

Offset and angle errors of the line, and shift and tilt of its plane, move the selection field rigidly with everything
in it: with the error :math:`\delta` of the angle and the offset :math:`o` it is
:math:`D B_s'(D^{-1}(r - z_0\hat z) - o\,\hat u; \theta + \delta) + b_{xy}`, where :math:`\hat u` belongs to
:math:`\theta + \delta` (`mpisim.LinePlane`). A part at rest is shifted too, but not turned; parts of the drive field
and coils that turn do so by the stated angle. Gain and phase of each angle, and gains and transfer function of the
receive chain, multiply the rows, `receive_gains`; they change no field.

Sources: those of `mpisim.SolidHarmonics` for distorted fields, of `mpisim.QuadraticRecipe` for the published recipe.
Errors of the line, its plane and the receive chain are tolerances of mechanics and electronics, for which we know no
published sizes; the levels of the data set `realistic` state what is taken for mild, medium and strong.

Where nothing is switched on, fields, line profile and rows are those of `OpenSidedFFL` to the last digit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

from mpisim.errors import InputError, require
from mpisim.scanner.angle_errors import AngleErrors
from mpisim.scanner.bands import Bands, check_recorded
from mpisim.scanner.coils import ReceiveCoil
from mpisim.scanner.drive_tones import DriveTones
from mpisim.scanner.ffl import PROFILE_SOURCES, OpenSidedFFL
from mpisim.scanner.line_plane import LinePlane
from mpisim.scanner.parts import FieldPart, check_regions, checked_flag, checked_parts, turns
from mpisim.scanner.protocol import LineProfile
from mpisim.scanner.quadratic import QuadraticRecipe
from mpisim.scanner.receive import ReceiveGain
from mpisim.scanner.receive_chain import ReceiveChain
from mpisim.scanner.sequences import PeriodicSequence

__all__ = ["ImperfectFFL"]


_SWITCHES = {
    "recipe": QuadraticRecipe,
    "plane": LinePlane,
    "line": AngleErrors,
    "gain": ReceiveGain,
    "tones": DriveTones,
    "receive": ReceiveChain,
    "bands": Bands,
}


@dataclass(frozen=True)
class ImperfectFFL(OpenSidedFFL):
    """An open-sided FFL scanner with imperfections; the fields of `OpenSidedFFL` describe the ideal scanner in it.

    Parameters
    ----------
    selection
        Parts that are added to the selection field, each G times its radius times its relative field.
    drive
        Parts that are added to the drive field, each A times its relative field.
    coils
        Receive coils, such as `Coil`; none means one homogeneous coil with `sensitivity`.
    recipe
        The published quadratic changes with the radius, which are not Maxwellian.
    plane
        Shift and tilt of the line's plane, and a homogeneous field in the plane of the field of view.
    line
        Errors of offset, angle, gain and phase at each angle.
    gain
        Complex gains of the receive chain.
    tones
        Further drive tones; `harmonics` and `samples_per_period` then belong to the common period.
    selection_replaced, drive_replaced
        Whether the parts are the whole field, such as a measured map or wound coils, instead of an addition.
    receive
        Gain, filters, noise, digitiser and recording of the coils; rows are then volts at the digitiser.
    bands
        Record the lines in bands around the harmonics instead of the harmonics alone.

    Raises
    ------
    InputError
        If a part is of another kind, a value is out of range, or angles are repeated where errors differ between them.
    """

    selection: tuple[FieldPart, ...] = ()
    drive: tuple[FieldPart, ...] = ()
    coils: tuple[ReceiveCoil, ...] = ()
    recipe: QuadraticRecipe | None = None
    plane: LinePlane | None = None
    line: AngleErrors | None = None
    gain: ReceiveGain | None = None
    tones: DriveTones | None = None
    selection_replaced: bool = False
    drive_replaced: bool = False
    receive: ReceiveChain | None = None
    bands: Bands | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, method in (("selection", "relative_field"), ("drive", "relative_field"), ("coils", "sensitivity")):
            object.__setattr__(self, name, checked_parts(name, getattr(self, name), method))
        for name, kind in _SWITCHES.items():
            value = getattr(self, name)
            good = value is None or isinstance(value, kind)
            require(good, f"scanner {name}", f"a {kind.__name__} or None", repr(value))
        for name in ("selection", "drive"):
            replaced = checked_flag(f"scanner {name}_replaced", getattr(self, f"{name}_replaced"))
            object.__setattr__(self, f"{name}_replaced", replaced)
            good = not replaced or len(getattr(self, name)) > 0
            require(good, f"scanner {name}", f"at least one part where {name}_replaced is True", "none")
        self._check_errors()
        _ = self.sequence  # with further tones the samples must carry them too
        if self.receive is not None or self.bands is not None:
            check_recorded(self)

    def _check_errors(self) -> None:
        if self.line is not None:
            self.line.values(len(self.angles))
        if self.gain is not None:
            self.gain.gains(self.harmonics, self._coil_count)
            self.gain.warn_of_others(self.harmonics)
        distinct = self.line is None or not self.line.vary or len(set(self.angles)) == len(self.angles)
        must = "distinct where the line's errors differ between them (a second turn holds angles beyond 2 pi)"
        require(distinct, "scanner angles", must, "repeated angles")

    @classmethod
    def of(cls, ideal: OpenSidedFFL, **switches: object) -> ImperfectFFL:
        """Return an ideal scanner, or one that is imperfect already, with further switches set.

        Raises `InputError` for a switch that does not exist.
        """
        known = [f.name for f in fields(cls)]
        unknown = sorted(set(switches) - set(known))
        require(not unknown, "scanner", f"described by {', '.join(known)}", ", ".join(unknown))
        values = {f.name: getattr(ideal, f.name) for f in fields(cls) if hasattr(ideal, f.name)}
        return cls(**{**values, **switches})  # type: ignore[arg-type]  # __post_init__ checks every value

    # -- what the engines ask for -------------------------------------------------------------------------------------

    @property
    def sequence(self) -> PeriodicSequence:
        """The drive tones, with the angles and harmonics of the scanner."""
        if self.tones is None:
            return super().sequence
        return _several_tones(self.drive_frequency, self.tones, self.harmonics, self.angles, self.samples_per_period)

    @property
    def fixed_in_angle(self) -> bool:
        """Whether drive field and coils are the same at every angle, which is so where none of their parts turns."""
        return self.coils_fixed_in_angle and not self._overrides("drive_fields") and not any(map(turns, self.drive))

    @property
    def coils_fixed_in_angle(self) -> bool:
        """Whether the coils are the same at every angle, though the drive field may turn."""
        return not self._overrides("receive_sensitivities") and not any(map(turns, self.coils))

    @property
    def line_profile(self) -> LineProfile | None:
        """Profile across the line where fields, tones and coil are ideal; gains alone leave it as it is."""
        moved = self.line is not None and self.line.moves_the_line
        switched = (self.selection, self.drive, self.coils, self.recipe, self.plane, self.tones)
        if moved or any(switched) or self._overrides(*PROFILE_SOURCES):
            return None
        return LineProfile(self.sf_gradient, self.drive_amplitude, self.sensitivity[2])

    def selection_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Selection field in T at `points` (..., 3) in m for a rotation angle in rad; shape (..., 3)."""
        inner = self.plane.into(points) if self.plane else points
        offset, turned = self._line_at(angle)
        if offset:
            inner = inner - offset * np.array([math.cos(turned), math.sin(turned), 0.0])
        field = self._unmoved_selection_field(inner, turned)
        return self.plane.back(field) if self.plane else field

    def _unmoved_selection_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        parts = [self.sf_gradient * part.radius * part.relative_field(points, angle) for part in self.selection]
        field = parts.pop(0) if self.selection_replaced else super().selection_field(points, angle)
        for part in parts:
            field = field + part
        return field * self.recipe.factor(self.recipe.gradient, points) if self.recipe else field

    def drive_field(self, points: np.ndarray) -> np.ndarray:
        """Peak drive field of the first tone in T at `points` (..., 3) in m, at the first angle; shape (..., 3)."""
        return self.drive_fields(points, self.angles[0])[0]

    def drive_fields(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Peak drive field of every tone in T at `points` (..., 3) in m for an angle in rad; shape (tone, ..., 3)."""
        parts = [self.drive_amplitude * part.relative_field(points, angle) for part in self.drive]
        field = parts.pop(0) if self.drive_replaced else super().drive_field(points)
        for part in parts:
            field = field + part
        if self.recipe:
            field = field * self.recipe.factor(self.recipe.drive, points)
        if self.tones is None:
            return field[None]
        return np.stack([field, *(field * (a / self.drive_amplitude) for a in self.tones.amplitudes)])

    def receive_sensitivity(self, points: np.ndarray) -> np.ndarray:
        """Sensitivity of the first coil in 1/m at `points` (..., 3) in m, at the first angle; shape (..., 3)."""
        return self.receive_sensitivities(points, self.angles[0])[0]

    def receive_sensitivities(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Sensitivity of every coil in 1/m at `points` (..., 3) in m for an angle in rad; shape (coil, ..., 3)."""
        coils = [coil.sensitivity(points, angle) for coil in self.coils]
        values = np.stack(coils) if coils else super().receive_sensitivity(points)[None]
        return values * self.recipe.factor(self.recipe.sensitivity, points) if self.recipe else values

    def receive_gains(self) -> np.ndarray:
        """Complex gains of the rows, shape (angle, coil, frequency): of each angle times those of the receive chain."""
        gains = np.ones((len(self.angles), self._coil_count, len(self.harmonics)), dtype=complex)
        if self.gain is not None:
            gains = gains * self.gain.gains(self.harmonics, self._coil_count)
        if self.receive is not None:
            gains = gains * self.receive.transfer(np.array(self.harmonics) * self.sequence.base_frequency)
        if self.line is not None and self.line.changes_the_gain:
            values = self.line.values(len(self.angles))
            gains = gains * ((1 + values.gain) * np.exp(1j * values.phase))[:, None, None]
        return gains

    def check_region(self, points: np.ndarray) -> None:
        """Raise `InputError` where a part cannot give its field at `points` (point, 3) in m, or lies among them."""
        moved = self.plane.into(points) if self.plane else points
        if self.line is not None and self.line.moves_the_line:
            far = float(np.abs(self.line.values(len(self.angles)).offset).max())
            moved = np.concatenate([moved + [x, y, 0.0] for x in (-far, far) for y in (-far, far)])
        for parts, region in ((self.selection, moved), ((*self.drive, *self.coils, self.recipe), points)):
            check_regions(parts, region)

    # -- the errors of each angle -------------------------------------------------------------------------------------

    def _overrides(self, *names: str) -> bool:
        """Whether a subclass has its own of any of these methods."""
        return any(getattr(type(self), name) is not getattr(ImperfectFFL, name) for name in names)

    @property
    def _coil_count(self) -> int:
        return max(len(self.coils), 1)

    def _line_at(self, angle: float) -> tuple[float, float]:
        """Offset of the line in m, and its true angle in rad, where the stated angle is `angle`."""
        if self.line is None or not self.line.moves_the_line:
            return 0.0, angle
        values = self.line.values(len(self.angles))
        index = self._place_of(angle) if self.line.vary else 0
        return float(values.offset[index]), angle + float(values.angle[index])

    def _place_of(self, angle: float) -> int:
        """Place of an angle in the scan, on which the errors of the line depend."""
        place = _places(self.angles).get(float(angle))
        if place is None:
            raise InputError(
                "Input angle must be one of the scanner's angles where the line's errors differ between them; "
                f"instead received {angle!r}."
            )
        return place


@lru_cache(maxsize=64)
def _places(angles: tuple[float, ...]) -> dict[float, int]:
    """Place of each angle in the scan."""
    return {angle: i for i, angle in enumerate(angles)}


@lru_cache(maxsize=64)
def _several_tones(
    frequency: float, tones: DriveTones, harmonics: tuple[int, ...], angles: tuple[float, ...], samples: int
) -> PeriodicSequence:
    return PeriodicSequence(frequency / tones.multiple, tones.tones, harmonics, angles, samples)
