r"""Limits of the drive field in a body: stimulation of nerves, and heating.

A body is taken as a cylinder of the radius r, whose axis is that of a homogeneous drive field
:math:`B \sin 2\pi f t`. By Faraday's law the field in it is

.. math:: E(\varrho) = \pi f B \varrho, \qquad \varrho \le r,

in its amplitude, since the currents of a body below 1 MHz do not shield the field: at 25 kHz and 0.35 S/m the skin
depth is 5.4 m.

**Stimulation.** A nerve is stimulated by a pulse of the duration :math:`\tau` above the strength
:math:`E_0 (1 + c/\tau)` (Irnich and Schmitt, Magn. Reson. Med. 33, 619 (1995), DOI 10.1002/mrm.1910330418), with the
rheobase :math:`E_0` and the chronaxie c. IEC 60601-2-33 limits the gradient fields of magnetic resonance in this form,
with :math:`E_0` = 2.2 V/m and c = 0.36 ms for the whole body, where :math:`\tau` is the change of the field from peak
to peak over its largest rate: :math:`\tau = 1/(\pi f)` for a sine. The field of the surface then allows the amplitude

.. math:: B \le \frac{E_0}{\pi f r} + \frac{E_0\,c}{r} .

Far above 1/(pi c), 0.9 kHz, it no longer falls much: the limit is a field, inversely proportional to the radius. Both
laws were taken over for MPI (Goodwill and Conolly, IEEE Trans. Med. Imaging 29, 1851 (2010), DOI
10.1109/TMI.2010.2052284) and measured in arms and legs (Saritas et al., IEEE Trans. Med. Imaging 32, 1600 (2013)). The
hyperbola is not the last word: in heads, thresholds were lowest near 25 kHz and 39 % higher at 88 kHz (Barksdale et
al., IEEE J. Transl. Eng. Health Med. 13, 275 (2025), DOI 10.1109/JTEHM.2025.3570611).

**Heating.** The specific absorption rate :math:`\sigma E^2 / 2\rho` is

.. math:: \mathrm{SAR}_{\max} = \frac{\sigma\,(\omega B r)^2}{8 \rho}, \qquad
          \mathrm{SAR}_{\text{mean}} = \frac{\sigma\,(\omega B r)^2}{16 \rho}, \qquad \omega = 2\pi f,

at the surface and in the mean over the cylinder, with the conductivity :math:`\sigma` (0.35 S/m in muscle at 25 kHz: S.
Gabriel et al., Phys. Med. Biol. 41, 2251 (1996), DOI 10.1088/0031-9155/41/11/002) and the density :math:`\rho`. The
mean over the whole body may be 2 W/kg in the normal mode of IEC 60601-2-33, and 4 W/kg in the first level controlled
mode. Bohnert and Doessel (Annual Conference of the IEEE EMBS, 2010) and Schmale et al. (MPI safety in the view of MRI
safety standards, IEEE Trans. Magn. 51, 2015) treat MPI in models of bodies.

The numbers of IEC 60601-2-33 stand here as they are usually cited, and were not compared with the standard itself.

Simplified: a body is no homogeneous cylinder, and persons differ. These are numbers for the design of scanners, and no
approval to expose anybody: read the edition of the standard that applies.
"""

from __future__ import annotations

import math

from mpisim.errors import one_of, within

__all__ = [
    "CHRONAXIE",
    "RHEOBASE",
    "WHOLE_BODY_SAR",
    "absorption_rate",
    "heating_limit",
    "induced_field",
    "stimulation_limit",
]

RHEOBASE = 2.2
"""Rheobase in V/m of the whole body in IEC 60601-2-33."""

CHRONAXIE = 0.36e-3
"""Chronaxie in s in IEC 60601-2-33."""

WHOLE_BODY_SAR = {"normal": 2.0, "first level": 4.0}
"""Largest specific absorption rate in W/kg, in the mean over the whole body, by operating mode of IEC 60601-2-33."""

_MUSCLE = 0.35  # S/m
_WATER = 1e3  # kg/m^3
_SHARES = {"mean": 0.5, "maximum": 1.0}


def induced_field(amplitude: float, frequency: float, radius: float) -> float:
    """Return the amplitude of the electric field in V/m at the surface of a cylinder.

    Parameters
    ----------
    amplitude
        Peak of the drive field in T, from 0 to 1.
    frequency
        Frequency in Hz, from 1 to 1e6.
    radius
        Radius of the cylinder in m, from 1e-3 to 1.

    Raises
    ------
    InputError
        If a number is out of range.
    """
    field = within("amplitude", amplitude, 0, 1, "T")
    return math.pi * _frequency(frequency) * field * _radius(radius)


def stimulation_limit(
    frequency: float, radius: float, rheobase: float = RHEOBASE, chronaxie: float = CHRONAXIE
) -> float:
    """Return the peak of the drive field in T that a cylinder bears before its nerves are stimulated.

    Parameters
    ----------
    frequency
        Frequency in Hz, from 1 to 1e6.
    radius
        Radius of the cylinder in m, from 1e-3 to 1.
    rheobase
        Electric field in V/m that stimulates if it lasts long.
    chronaxie
        Duration in s of the pulse that stimulates at twice the rheobase.

    Raises
    ------
    InputError
        If a number is out of range.
    """
    base = within("rheobase", rheobase, 1e-2, 1e3, "V/m")
    chronaxie = within("chronaxie", chronaxie, 1e-6, 0.1, "s")
    f = _frequency(frequency)
    strength = base * (1 + chronaxie * math.pi * f)
    return strength / (math.pi * f * _radius(radius))


def absorption_rate(
    amplitude: float,
    frequency: float,
    radius: float,
    duty_cycle: float = 1.0,
    conductivity: float = _MUSCLE,
    density: float = _WATER,
    over: str = "mean",
) -> float:
    """Return the specific absorption rate in W/kg of a cylinder in a drive field.

    Parameters
    ----------
    amplitude, frequency, radius
        As in `induced_field`.
    duty_cycle
        Share of the time in which the drive is on, from 0 to 1.
    conductivity
        In S/m, from 0.01 to 10.
    density
        In kg/m^3, from 100 to 1e4.
    over
        `mean` over the cylinder, or its `maximum`, at the surface.

    Raises
    ------
    InputError
        If a number is out of range, or `over` is unknown.
    """
    field = induced_field(amplitude, frequency, radius)
    share = _SHARES[one_of("over", over, tuple(_SHARES))]
    duty_cycle = within("duty_cycle", duty_cycle, 0, 1, "(1)")
    conductivity = within("conductivity", conductivity, 0.01, 10, "S/m")
    return share * duty_cycle * conductivity * field**2 / (2 * within("density", density, 100, 1e4, "kg/m^3"))


def heating_limit(
    frequency: float,
    radius: float,
    rate: float = WHOLE_BODY_SAR["normal"],
    duty_cycle: float = 1.0,
    conductivity: float = _MUSCLE,
    density: float = _WATER,
    over: str = "mean",
) -> float:
    """Return the peak of the drive field in T at which a cylinder has a specific absorption rate.

    Parameters
    ----------
    frequency, radius, duty_cycle, conductivity, density, over
        As in `absorption_rate`; the duty cycle must be above zero.
    rate
        Specific absorption rate in W/kg, from 1e-3 to 1e3; the entries of `WHOLE_BODY_SAR` are those of IEC 60601-2-33.

    Raises
    ------
    InputError
        If a number is out of range, or `over` is unknown.
    """
    rate = within("rate", rate, 1e-3, 1e3, "W/kg")
    within("duty_cycle", duty_cycle, 1e-6, 1, "(1)")
    one = absorption_rate(1e-3, frequency, radius, duty_cycle, conductivity, density, over)
    return 1e-3 * math.sqrt(rate / one)


def _frequency(value: float) -> float:
    return within("frequency", value, 1, 1e6, "Hz")


def _radius(value: float) -> float:
    return within("radius", value, 1e-3, 1, "m")
