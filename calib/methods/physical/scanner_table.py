r"""The table of a realistic scanner in units of its drive amplitude A.

Lengths are in units of half the longer edge of the field of view, R. The selection field over A is

.. math:: b = \frac1{X_0} \Bigl[ \bigl(u + \sum_j c_j\,S_j(\xi,\eta) + \sum_j c_j\,T_j(u, v)\bigr)\hat z
          + b_\perp \Bigr], \qquad X_0 = \frac{A}{G R},

with the line's coordinates u, v at its true angle :math:`\theta + \delta_\theta` about the scanner's axis, u less the
offset of the line, and coordinates :math:`\xi, \eta` about the centre of the grid. The plane's offset :math:`z_0` makes
:math:`b_\perp = -z_0 \hat u`. A small rotation :math:`(\tau_x, \tau_y)` of the plane makes
:math:`(\tau_y x - \tau_x y)\,\hat u + u\,(\tau_y, -\tau_x)`; higher orders in it are left out (the static and turning
distortions hold most of them). A field in the plane is :math:`(b_x, b_y)`, shear :math:`s_1 (\eta, \xi) +
s_2 (\xi, -\eta)`. The drive is :math:`a = \hat z (1 + \ldots) + (a_x, a_y)`, the coil :math:`p = \hat z (1 + \ldots) +
\ldots`, both with polynomials about the centre of the grid. Maps that only the file's rows show are not kept to
Maxwell's equations: what the plane shows of them does not contradict these.
"""

from __future__ import annotations

from collections.abc import Sequence

from calib.methods.physical.parameters import Parameter, Parameters, Term
from calib.methods.physical.polynomials import exponents

__all__ = ["scanner_parameters"]


def scanner_parameters(
    angles: Sequence[float],
    harmonics: Sequence[int],
    coils: int = 1,
    coil_degree: int = 4,
    drive_degree: int = 2,
    static_degree: int = 3,
) -> Parameters:
    """Return the table of a realistic scanner, with prior scales for those of `mpisim.dataset.realistic` (strong).

    Parameters
    ----------
    angles, harmonics, coils
        Those of the matrix: rad, ascending, and how many.
    coil_degree, drive_degree, static_degree
        Degrees of the polynomials of p_z, of a_z and of the distortion at rest.

    Raises
    ------
    InputError
        If there is no angle or harmonic, or harmonics do not ascend.
    """
    shared = [*_tracer(), *_drive(drive_degree), *_static(static_degree), *_turning(), *_perpendicular()]
    for coil in range(coils):
        shared += _coil(coil, coil_degree, f"_{coil}" if coils > 1 else "", None if coils == 1 else coil)
    return Parameters(tuple(shared), tuple(angles), tuple(harmonics), coils)


def _tracer() -> list[Parameter]:
    return [
        Parameter("steepness", "tracer", 3.0, "ln(beta A), steepness of the magnetisation", "1", mean=2.3),
        Parameter("size_variance", "tracer", 1.0, "variance of ln(xi), nine times that of ln(d)", "1", mean=0.3),
        Parameter("reach", "tracer", 0.2, "ln(A / (G R)), how far the drive moves the line", "1"),
    ]


def _map(name: str, group: str, component: str, degree: int, scales: Sequence[float], words: str) -> list[Parameter]:
    """Parameters of a polynomial about the centre of the grid; one scale for each degree, from the lowest, 1, on."""
    return [
        Parameter(
            f"{name}_{i}{j}",
            f"{group}{i + j}",
            scales[min(i + j, len(scales)) - 1],
            f"{words}, coefficient of xi^{i} eta^{j}",
            "1",
            (Term(component, ((i, j, 1.0),)),),
        )
        for i, j in exponents(degree, 1)
    ]


def _drive(degree: int) -> list[Parameter]:
    tilts = [
        Parameter(f"drive_{x}", "drive_tilt", 0.02, f"drive field along {x} over A", "1", (Term(f"a_{x}", _CONSTANT),))
        for x in "xy"
    ]
    return [*_map("drive", "drive", "a_z", degree, (0.04, 0.05), "drive field along z over A"), *tilts]


def _static(degree: int) -> list[Parameter]:
    return _map("static", "static", "b_z", degree, (0.01, 0.01, 0.004), "line field at rest over G R")


_CONSTANT = ((0, 0, 1.0),)
_TURNING = {
    "u r2": (((3, 0, 1.0), (1, 2, 1.0)), 0.08),
    "u r4": (((5, 0, 1.0), (3, 2, 2.0), (1, 4, 1.0)), 0.02),
    "uu-vv": (((2, 0, 1.0), (0, 2, -1.0)), 0.01),
    "2uv": (((1, 1, 2.0),), 0.01),
    "r2": (((2, 0, 1.0), (0, 2, 1.0)), 0.01),
    "uuu-3uvv": (((3, 0, 1.0), (1, 2, -3.0)), 0.01),
    "3uuv-vvv": (((2, 1, 3.0), (0, 3, -1.0)), 0.01),
    "v r2": (((2, 1, 1.0), (0, 3, 1.0)), 0.01),
    "v": (((0, 1, 1.0),), 0.01),
}


def _turning() -> list[Parameter]:
    return [
        Parameter(
            f"turning {name}",
            "turning1" if name in ("u r2", "u r4") else "turning",
            scale,
            f"line field that turns with the line over G R, coefficient of {name}",
            "1",
            (Term("b_z", polynomial, "line"),),
        )
        for name, (polynomial, scale) in _TURNING.items()
    ]


def _perpendicular() -> list[Parameter]:
    x, y, minus_y = ((1, 0, 1.0),), ((0, 1, 1.0),), ((0, 1, -1.0),)
    offset = (Term("b_x", ((0, 0, -1.0),), "axis", "cos"), Term("b_y", ((0, 0, -1.0),), "axis", "sin"))
    about_x = (
        Term("b_x", minus_y, "axis", "cos"),
        Term("b_y", minus_y, "axis", "sin"),
        Term("b_y", ((1, 0, -1.0),), "line"),
    )
    about_y = (Term("b_x", x, "axis", "cos"), Term("b_y", x, "axis", "sin"), Term("b_x", x, "line"))
    rows = [
        ("plane_offset", 0.02, "height of the line's plane over that of the grid", "R", offset),
        ("plane_tilt_x", 0.015, "rotation of the line's plane about x", "rad", about_x),
        ("plane_tilt_y", 0.015, "rotation of the line's plane about y", "rad", about_y),
        ("in_plane_x", 0.012, "field at rest along x over G R", "1", (Term("b_x", _CONSTANT),)),
        ("in_plane_y", 0.012, "field at rest along y over G R", "1", (Term("b_y", _CONSTANT),)),
        ("shear_1", 0.012, "field at rest (eta, xi) over G R", "1", (Term("b_x", y), Term("b_y", x))),
        ("shear_2", 0.012, "field at rest (xi, -eta) over G R", "1", (Term("b_x", x), Term("b_y", minus_y))),
    ]
    return [Parameter(name, "perpendicular", scale, words, unit, terms) for name, scale, words, unit, terms in rows]


def _coil(number: int, degree: int, suffix: str, coil: int | None) -> list[Parameter]:
    along = _map("coil_z", "coil", "p_z", degree, (0.15, 0.08, 0.03, 0.015), "sensitivity along z over that at centre")
    across = [
        Parameter(
            f"coil_{x}_{i}{j}",
            "coil_across",
            0.05,
            f"sensitivity along {x} over that along z at the centre, coefficient of xi^{i} eta^{j}",
            "1",
            (Term(f"p_{x}", ((i, j, 1.0),)),),
        )
        for x in "xy"
        for i, j in exponents(1)
    ]
    return [
        Parameter(p.name + suffix, p.group, p.scale, p.meaning, p.unit, p.terms, p.mean, coil) for p in along + across
    ]
