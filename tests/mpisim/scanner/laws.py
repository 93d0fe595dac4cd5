"""Laws of fields by numbers: derivatives at points, and scanners that are turned as a whole."""

import math
from dataclasses import replace

import numpy as np

from mpisim import Dipole, LinePlane, SolidHarmonics, Uniform

STEP = 2e-5  # m


def jacobian(field, points, step=STEP):
    """Derivatives of a field (point, 3) at `points` by central differences of the fourth order, in 1/m."""
    columns = []
    for axis in np.eye(3):
        one, two = (field(points + n * step * axis) - field(points - n * step * axis) for n in (1, 2))
        columns.append((8 * one - two) / (12 * step))
    return np.stack(columns, axis=-1)  # (point, component, direction)


def assert_maxwellian(field, points, tolerance=1e-8):
    """Neither curl nor divergence at `points`, relative to the largest derivative."""
    derivatives = jacobian(field, points)
    scale = np.abs(derivatives).max()
    assert scale > 0
    assert np.abs(derivatives - derivatives.transpose(0, 2, 1)).max() < tolerance * scale
    assert np.abs(np.trace(derivatives, axis1=1, axis2=2)).max() < tolerance * scale


def rotation(angle):
    """The matrix of a rotation about z."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def turned_part(part, angle):
    """A part at rest, turned by an angle about z; a part that turns with the line is as it was."""
    if getattr(part, "turning", False):
        return part
    matrix = rotation(angle)
    if isinstance(part, SolidHarmonics):
        terms = []
        for degree, order, c in part.coefficients:
            m, sign = abs(order), 1 if order >= 0 else -1
            terms.append((degree, order, c * math.cos(m * angle)))
            terms.append((degree, -order, sign * c * math.sin(m * angle)) if m else (degree, 0, 0.0))
        return replace(part, coefficients=tuple(terms))
    if isinstance(part, Uniform):
        return replace(part, vector=tuple(matrix @ part.vector))
    assert isinstance(part, Dipole)
    return replace(part, position=tuple(matrix @ part.position), moment=tuple(matrix @ part.moment))


def turned_plane(plane, angle):
    matrix = rotation(angle)[:2, :2]
    return LinePlane(plane.offset, tuple(matrix @ plane.tilt), tuple(matrix @ plane.in_plane_field))


def turned_scanner(scanner, angle):
    """A scanner with all parts at rest, its plane, its coil and its angles turned about z."""
    return replace(
        scanner,
        angles=tuple(a + angle for a in scanner.angles),
        selection=tuple(turned_part(p, angle) for p in scanner.selection),
        drive=tuple(turned_part(p, angle) for p in scanner.drive),
        plane=turned_plane(scanner.plane, angle),
        sensitivity=tuple(rotation(angle) @ scanner.sensitivity),
    )
