"""Phantoms by name: tubes, tubes of which one is narrowed, rows of bars, and shapes of several concentrations."""

from __future__ import annotations

from collections.abc import Callable

from mpisim.errors import positive, require, whole, within
from recon.phantoms.parts import Disc, Phantom, Rectangle

__all__ = ["PHANTOMS", "resolution", "shape", "stenosis", "tubes"]

_LENGTHS = (1e-6, 0.5)  # m


def _length(name: str, value: object) -> float:
    return within(name, value, *_LENGTHS, "m")


def _gap(name: str, value: object) -> float:
    return within(name, value, 0.0, _LENGTHS[1], "m")


def tubes(
    width_left: float = 4e-3,
    width_right: float = 6e-3,
    length: float = 22e-3,
    gap: float = 10e-3,
    concentration: float = 1.0,
) -> Phantom:
    """Return two upright tubes side by side, centred together (TranSMS Fig. 7: left 2..6 mm wide, gap 8..12 mm).

    Parameters
    ----------
    width_left, width_right
        Widths in m.
    length
        Length along y in m.
    gap
        Distance between their facing walls in m.
    concentration
        Concentration relative to the calibration sample's.

    Raises
    ------
    InputError
        If a length is out of the range from 1e-6 to 0.5 m (a gap may be zero), or the concentration is not positive.
    """
    values = {
        "width_left": _length("width_left", width_left),
        "width_right": _length("width_right", width_right),
        "length": _length("length", length),
        "gap": _gap("gap", gap),
        "concentration": positive("concentration", concentration),
    }
    left = -(width_left + gap + width_right) / 2
    right = left + width_left + gap
    parts = (
        Rectangle((left + width_left / 2, 0.0), (width_left, length), concentration),
        Rectangle((right + width_right / 2, 0.0), (width_right, length), concentration),
    )
    return Phantom("tubes", parts, tuple(values.items()))


def resolution(
    widths: tuple[float, ...] = (1e-3, 1.5e-3, 2e-3, 3e-3),
    length: float = 5e-3,
    gap: float = 2e-3,
    bars: int = 3,
    concentration: float = 1.0,
) -> Phantom:
    """Return rows of upright bars, with spaces as wide as the bars; one row for each width, the finest at the top.

    Parameters
    ----------
    widths
        Widths of the bars, and of the spaces between them, in m.
    length
        Length of the bars along y in m.
    gap
        Distance between rows in m.
    bars
        Bars in a row.
    concentration
        Concentration relative to the calibration sample's.

    Raises
    ------
    InputError
        If a length is out of the range from 1e-6 to 0.5 m (a gap may be zero), or `bars` is not a whole number of at
        least one.
    """
    widths = tuple(_length("widths", w) for w in widths)
    require(len(widths) > 0, "widths", "at least one length", widths)
    bars = whole("bars", bars)
    length, gap = _length("length", length), _gap("gap", gap)
    concentration = positive("concentration", concentration)
    top = (len(widths) * length + (len(widths) - 1) * gap) / 2 - length / 2
    parts = tuple(
        Rectangle(((2 * i - (bars - 1)) * width, top - row * (length + gap)), (width, length), concentration)
        for row, width in enumerate(widths)
        for i in range(bars)
    )
    values = {"widths": list(widths), "length": length, "gap": gap, "bars": bars, "concentration": concentration}
    return Phantom("resolution", parts, tuple(values.items()))


def shape(radius: float = 4e-3, concentration: float = 1.0) -> Phantom:
    """Return a disc, a ring, a square and a bar of different concentrations, which show curved edges and amplitudes.

    Parameters
    ----------
    radius
        Radius of the disc in m; all other lengths are multiples of it.
    concentration
        Concentration of the disc relative to the calibration sample's; the ring has 3/4, the square 1/2 and the bar 1/4
        of it.

    Raises
    ------
    InputError
        If the radius is out of the range from 1e-6 to 0.5 m, or the concentration is not positive.
    """
    r, c = _length("radius", radius), positive("concentration", concentration)
    parts = (
        Disc((-1.75 * r, 1.75 * r), r, c),
        Disc((1.75 * r, 1.75 * r), 1.25 * r, 0.75 * c),
        Disc((1.75 * r, 1.75 * r), 0.6 * r, -0.75 * c),
        Rectangle((-1.75 * r, -1.75 * r), (1.5 * r, 1.5 * r), c / 2),
        Rectangle((1.75 * r, -1.75 * r), (0.6 * r, 2.4 * r), c / 4),
    )
    return Phantom("shape", parts, (("radius", r), ("concentration", c)))


def stenosis(
    width: float = 4e-3,
    narrow: float = 2e-3,
    narrow_length: float = 5e-3,
    length: float = 21e-3,
    gap: float = 6.5e-3,
    concentration: float = 1.0,
) -> Phantom:
    """Return two upright tubes, of which the right one is narrow in its middle.

    TranSMS Fig. 14: the right tube is 21 mm long, of 4 mm inner diameter, and of 2 mm along 5 mm at its centre; the
    left one is 2 mm longer, at 6 to 7 mm from it.

    Parameters
    ----------
    width
        Width of both tubes in m.
    narrow, narrow_length
        Width and length of the narrow part in m.
    length
        Length of the right tube along y in m.
    gap
        Distance between their facing walls in m.
    concentration
        Concentration relative to the calibration sample's.

    Raises
    ------
    InputError
        If a length is out of the range from 1e-6 to 0.5 m (a gap may be zero), the narrow part is wider or longer than
        its tube, or the concentration is not positive.
    """
    values = {
        "width": _length("width", width),
        "narrow": _length("narrow", narrow),
        "narrow_length": _length("narrow_length", narrow_length),
        "length": _length("length", length),
        "gap": _gap("gap", gap),
        "concentration": positive("concentration", concentration),
    }
    require(narrow <= width, "narrow", f"at most the width {width:g} m", narrow)
    require(narrow_length < length, "narrow_length", f"less than the length {length:g} m", narrow_length)
    x, part = (gap + width) / 2, (length - narrow_length) / 2
    y = (length + narrow_length) / 4
    parts = (
        Rectangle((-x, 0.0), (width, length + 2e-3), concentration),
        Rectangle((x, y), (width, part), concentration),
        Rectangle((x, 0.0), (narrow, narrow_length), concentration),
        Rectangle((x, -y), (width, part), concentration),
    )
    return Phantom("stenosis", parts, tuple(values.items()))


PHANTOMS: dict[str, Callable[..., Phantom]] = {
    "tubes": tubes,
    "stenosis": stenosis,
    "resolution": resolution,
    "shape": shape,
}
"""Function by name of the phantom."""
