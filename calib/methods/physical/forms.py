r"""Forms of the fields that the table of a scanner leaves out: what a fit errs by because of them.

The table (`scanner_table`) ends with some degree of each map, and holds constant fields and a shear in the plane alone.
Real fields go on: every error of the field along z has, by Maxwell's equations, components in the plane of about its
size. Such forms hardly show in a few block means, so that no fit takes them, and yet the rows in between and at the
edges err by them. As parameters beside those of the table they are

- the coil's sensitivity of degree 5, the drive field of degree 3, and the line field of degree 4, at rest and turning;
- the selection field in the plane, of degree 1 to 3 at rest and 0 to 2 turning;
- the drive field in the plane of degree 1 and 2.

Their priors are `SCALES` times the size that the fit found for all imperfections, in units of the table,
:math:`\lambda^2 = \sum x^2 / s^2 \,/\, \sum (1 - v / p^2)` with the values x of its parameters, their scales s in the
table, posterior variances v and priors p: a scanner that is close to ideal in what shows is close to ideal in the
rest. One step of the fit from its end, with all of these free, gives two things (`deviation`): the posterior of a
scanner that has them, and how far the rows move where the data see them. Another curve of the magnetisation (`curve`)
is added to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from calib.methods.physical.curve import Curve, curve_of
from calib.methods.physical.fit import Fit
from calib.methods.physical.levenberg import fit_scanner
from calib.methods.physical.measurement import Measurement
from calib.methods.physical.model import Linear, Model
from calib.methods.physical.parameters import Parameter, Parameters, ScannerState, Term
from calib.methods.physical.polynomials import exponents

__all__ = ["SCALES", "Wider", "size_of_imperfections", "wider_fit", "wider_table"]

SCALES = {
    "coil4": 0.005,
    "drive2": 0.015,
    "drive_tilt": 0.01,
    "perpendicular": 0.005,
    "static3": 0.002,
    "turning": 0.005,
}
"""Standard deviation of the forms that go with a group of the table, of a scanner as imperfect as that presumes."""
_TOLERANCE = 3e-4  # error of the quadrature; of a step, not of rows
_IN_PLANE = "xy"
_MOST_KEPT = 256e6  # bytes of derivatives
_TRACER, _LEAST = "tracer", 1e-3  # the least size: none at all would be no prior


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
    curve
        What the data say of another magnetisation curve beside it.
    """

    parameters: Parameters
    start: ScannerState
    fit: Fit
    curve: Curve

    def at(self, angles: np.ndarray, place: np.ndarray, there: np.ndarray, extended: Callable[[Fit], Fit]) -> Wider:
        """Return that of other angles.

        Parameters
        ----------
        angles
            These, in rad.
        place, there
            The nearest angle of the fit to each of them, and whether it is the same.
        extended
            Returns a fit at these angles.
        """
        local = np.where(there[:, None, None], self.curve.by_local[place], 0.0)
        start = extended(replace(self.fit, state=self.start)).state
        parameters = replace(self.parameters, angles=tuple(angles))
        return Wider(parameters, start, extended(self.fit), replace(self.curve, by_local=local))


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


def size_of_imperfections(parameters: Parameters, fit: Fit) -> float:
    """Return the size of all parameters but the tracer's over their scales in the table, as far as data determine them.

    It is 1 for a scanner as imperfect as the table presumes. Where the priors are those of an earlier fit, what this
    one determined counts, too.
    """
    variances = np.full(len(fit.free), np.inf)
    variances[fit.free] = np.diag(fit.covariance)[: fit.free.sum()]
    scales = np.array([p.scale for p in parameters.shared])
    known = 1 - variances / (fit.priors.shared if fit.priors.base is None else scales) ** 2
    counted = np.array([p.group != _TRACER for p in parameters.shared])
    square = np.sum((fit.state.shared / scales)[counted] ** 2)
    return max(float(np.sqrt(square / max(float(known[counted].clip(0, 1).sum()), 1.0))), _LEAST)


class _Remembering(Model):
    """A model that keeps the derivatives of the last state, which both the end of a fit and `curve_of` ask for.

    They depend on shared parameters and errors of the angles, not on the gains.
    """

    _kept: tuple[np.ndarray, np.ndarray, list[Linear]] | None = None

    def linear(self, state: ScannerState, places: np.ndarray | None = None) -> Iterator[Linear]:
        """Yield those by all shared parameters; `places` must be all or None."""
        if self._kept is None or self._kept[0] is not state.shared or self._kept[1] is not state.local:
            self._kept = None
            values = len(state.local) * state.gains.size * len(self.measured.weights)
            if 8 * values * len(state.shared) > _MOST_KEPT:
                yield from super().linear(state)
                return
            self._kept = state.shared, state.local, list(super().linear(state))
        yield from self._kept[2]


def wider_fit(measurement: Measurement, fit: Fit) -> Wider:
    """Go one step on from a fit of the full scanner, with the forms that its table leaves out."""
    table = measurement.parameters
    wide = wider_table(table)
    forms = wide.shared[len(table.shared) :]
    size = size_of_imperfections(table, fit)
    nothing = np.zeros(len(forms))
    more = size * np.array([p.scale for p in forms])
    mean, scale = np.concatenate([fit.priors.mean, nothing]), np.concatenate([fit.priors.shared, more])
    start = ScannerState(np.concatenate([fit.state.shared, nothing]), fit.state.gains, fit.state.local)
    model = _Remembering(wide, measurement.sampling, measurement.fine, start, measurement.sample, _TOLERANCE)
    priors = replace(fit.priors, mean=mean, shared=scale)
    found = fit_scanner(model, measurement.values, measurement.sigma, start, wide.groups, 1, priors, hold=False)
    return Wider(wide, start, found, curve_of(model, measurement.values, measurement.sigma, found))
