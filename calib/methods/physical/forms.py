r"""Forms of the fields that the table of a scanner leaves out: what a fit errs by because of them.

The table (`scanner_table`) ends with some degree of each map, and holds constant fields and a shear in the plane alone.
Real fields go on: every error of the field along z has, by Maxwell's equations, components in the plane of about its
size. Such forms hardly show in a few block means, so that no fit takes them, and yet the rows in between and at the
edges err by them. As parameters beside those of the table they are

- the coil's sensitivity of degree 5, the drive field of degree 3, and the line field of degree 4, at rest and turning;
- the selection field in the plane, of degree 1 to 3 at rest and 0 to 2 turning;
- the drive field in the plane of degree 1 and 2.

Their priors are `SCALES` times the size that the fit found for the group of the table that is nearest, in units of the
table, :math:`\lambda^2 = \langle (x^2 + v) / s^2 \rangle` with values x, posterior variances v and scales s of the
group. One step of the fit from its end, with all of these free, gives two things (`deviation`): the posterior of a
scanner that has them, and how far the rows move where the data see them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from calib.methods.physical.fit import Fit
from calib.methods.physical.levenberg import fit_scanner
from calib.methods.physical.measurement import Measurement
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import Parameter, Parameters, ScannerState, Term
from calib.methods.physical.polynomials import exponents

__all__ = ["SCALES", "Wider", "sizes_of_groups", "wider_fit", "wider_table"]

SCALES = {
    "coil4": 0.005,
    "drive2": 0.015,
    "drive_tilt": 0.01,
    "perpendicular": 0.005,
    "static3": 0.002,
    "turning": 0.005,
}
"""Standard deviation of the forms that are nearest to a group of the table, where that group is as large as there."""
_TOLERANCE = 3e-4  # error of the quadrature; of a step, not of rows
_IN_PLANE = "xy"


@dataclass(frozen=True, eq=False)
class Wider:
    """A fit with the forms that the table leaves out.

    Parameters
    ----------
    parameters
        The table with these.
    start
        The fitted state, in which they are zero.
    fit
        The fit one step on.
    """

    parameters: Parameters
    start: ScannerState
    fit: Fit


def wider_table(parameters: Parameters) -> Parameters:
    """Return the table with the forms that it leaves out behind its own; their group is that which they go with."""
    return replace(parameters, shared=(*parameters.shared, *_forms(parameters.coils)))


def _forms(coils: int) -> Iterator[Parameter]:
    for coil in range(coils):
        yield from _map("coil4", "p_z", (5,), coil=None if coils == 1 else coil)
    yield from _map("drive2", "a_z", (3,))
    yield from _map("static3", "b_z", (4,))
    yield from _map("turning", "b_z", (4,), "line")
    for x in _IN_PLANE:
        yield from _map("drive_tilt", f"a_{x}", (1, 2))
        yield from _map("perpendicular", f"b_{x}", (1, 2, 3))
        for factor in ("cos", "sin"):
            yield from _map("perpendicular", f"b_{x}", (0, 1, 2), "line", factor)


def _map(
    group: str,
    component: str,
    degrees: tuple[int, ...],
    frame: str = "grid",
    factor: str = "one",
    coil: int | None = None,
) -> Iterator[Parameter]:
    """All terms of some degrees of a component."""
    for degree in degrees:
        for i, j in exponents(degree, degree):
            name = f"form {component} {i}{j} {frame} {factor}{'' if coil is None else f' {coil}'}"
            term = Term(component, ((i, j, 1.0),), frame, factor)
            words = f"{component}, a form beyond the table"
            yield Parameter(name, group, SCALES[group], words, "1", (term,), coil=coil)


def sizes_of_groups(parameters: Parameters, fit: Fit) -> dict[str, float]:
    """Return the size of the parameters of every group that was free, over their scales in the table."""
    variances = np.zeros(len(fit.free))
    variances[fit.free] = np.diag(fit.covariance)[: fit.free.sum()]
    square = fit.state.shared**2 + variances
    scales = np.array([p.scale for p in parameters.shared])
    groups = {name: parameters.group(name) for name in SCALES}
    return {name: float(np.sqrt(np.mean(square[i] / scales[i] ** 2))) for name, i in groups.items() if len(i)}


def wider_fit(measurement: Measurement, fit: Fit) -> Wider:
    """Go one step on from a fit of the full scanner, with the forms that its table leaves out."""
    table = measurement.parameters
    wide = wider_table(table)
    forms = wide.shared[len(table.shared) :]
    sizes = sizes_of_groups(table, fit)
    nothing = np.zeros(len(forms))
    more = np.array([p.scale * sizes[p.group] for p in forms])
    mean, scale = np.concatenate([fit.priors.mean, nothing]), np.concatenate([fit.priors.shared, more])
    start = ScannerState(np.concatenate([fit.state.shared, nothing]), fit.state.gains, fit.state.local)
    model = Model(wide, measurement.sampling, measurement.fine, start, measurement.sample, _TOLERANCE)
    priors = replace(fit.priors, mean=mean, shared=scale)
    found = fit_scanner(model, measurement.values, measurement.sigma, start, wide.groups, 1, priors, hold=False)
    return Wider(wide, start, found)
