r"""From parameters to polynomials of the fields at every angle, and the linear map from moments to the Jacobian.

All components of the fields are polynomials of coordinates about the centre of the grid. Their coefficients at an angle
are linear in the parameters of the maps, which gives columns of the map; the others are

.. math:: \frac{\partial b}{\partial \ln X_0} = -b, \qquad \frac{\partial F}{\partial \ln \beta A} =
          \frac{\partial F}{\partial b}\cdot b + \frac{\partial F}{\partial a}\cdot a, \qquad
          \frac{\partial}{\partial\theta} u^i v^j = i\,u^{i-1} v^{j+1} - j\,(u + o)\,u^i v^{j-1} .

The second holds because the flux depends on :math:`\beta b` and :math:`\beta a` alone. The coordinate u counts from the
line, which an offset o shifts with all that turns with it; parts at rest stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calib.methods.physical.parameters import COMPONENTS, Parameters, ScannerState, Term
from calib.methods.physical.polynomials import count, exponents, flattened, turned_powers

__all__ = ["FieldMap", "Fields"]


@dataclass(frozen=True, eq=False)
class Fields:
    """Fields of a scanner as polynomials, at every angle.

    Parameters
    ----------
    selection
        Coefficients of b, shape (angle, 3, monomial).
    drive, coils
        Those of a, (3, monomial), and of p, (coil, 3, monomial).
    beta, variance
        Steepness and size variance.
    to_shared, to_local
        Maps from the moments of a coil to the derivatives by the shared parameters, (angle, coil, parameter, moment),
        and by offset and error of the angle, (angle, 2, moment); None where they are not asked for.
    """

    selection: np.ndarray
    drive: np.ndarray
    coils: np.ndarray
    beta: float
    variance: float
    to_shared: np.ndarray | None = None
    to_local: np.ndarray | None = None


class FieldMap:
    """The fields of parameters on a grid.

    Parameters
    ----------
    parameters
        The table.
    center
        Centre of the grid from the scanner's axis, in units of R.

    Attributes
    ----------
    degree
        Highest degree of a polynomial.
    counts
        Monomials of every plane of the kernels: those that a derivative by it needs.
    """

    def __init__(self, parameters: Parameters, center: tuple[float, float]) -> None:
        self.parameters, self.center = parameters, center
        degrees = {name: 0 for name in COMPONENTS}
        degrees["b_z"] = 1
        for term in (term for p in parameters.shared for term in p.terms):
            degrees[term.component] = max([degrees[term.component], *(i + j for i, j, _ in term.polynomial)])
        self.degree = max(degrees.values())
        self.counts = np.array([*(count(degrees[name]) for name in COMPONENTS), 1])
        self._starts = np.concatenate([[0], np.cumsum(self.counts)])
        axis = turned_powers(np.zeros(1), center, self.degree)
        self._axis = {powers: flattened(values, self.degree)[0] for powers, values in axis.items()}
        self._places = {powers: m for m, powers in enumerate(exponents(self.degree))}

    def fields(self, state: ScannerState, which: slice = slice(None), derivatives: bool = False) -> Fields:
        """Return the fields of a state at some of the angles, with the maps to its derivatives if asked for."""
        stated = np.array(self.parameters.angles)[which]
        local = state.local[which]
        line = _Line(stated + local[:, 1], local[:, 0], self.center, self.degree)
        n_angles, n_coils, n_monomials = len(stated), self.parameters.coils, count(self.degree)
        b, by_angle, by_offset = np.zeros((3, n_angles, 3, n_monomials))
        a, p = np.zeros((3, n_monomials)), np.zeros((n_coils, 3, n_monomials))
        b[:, 2], by_angle[:, 2], by_offset[:, 2] = line.power(1, 0), line.by_angle(1, 0), line.by_offset(1, 0)
        a[2, 0] = p[:, 2, 0] = 1
        reach = np.exp(state.shared[self.parameters.place("reach")])
        rows = np.zeros((n_angles, n_coils, len(self.parameters.shared), self._starts[-1])) if derivatives else None
        for number, (parameter, value) in enumerate(zip(self.parameters.shared, state.shared, strict=True)):
            if value == 0 and not derivatives:
                continue
            coils = slice(None) if parameter.coil is None else slice(parameter.coil, parameter.coil + 1)
            for term in parameter.terms:
                component = COMPONENTS.index(term.component)
                kind, along = divmod(component, 3)
                if kind == 0:
                    values, turned, shifted = self._of_term(term, line, derivatives)
                    b[:, along] += value * values
                    by_angle[:, along] += value * turned
                    by_offset[:, along] += value * shifted
                    values = values / reach
                else:
                    values = self._at_rest(term)
                    target = a[along] if kind == 1 else p[coils, along]
                    target += value * values
                if rows is not None:
                    part = slice(self._starts[component], self._starts[component + 1])
                    size = self.counts[component]
                    rows[:, coils, number, part] += values[..., None, :size] if kind == 0 else values[:size]
        b, by_angle, by_offset = b / reach, by_angle / reach, by_offset / reach
        beta, variance = (float(state.shared[self.parameters.place(n)]) for n in ("steepness", "size_variance"))
        to_local = None
        if rows is not None:
            rows[:, :, self.parameters.place("reach")] = -self._flat(b, 0)[:, None]
            by_steepness = self._flat(b, 0) + self._flat(a, 1)
            rows[:, :, self.parameters.place("steepness")] = by_steepness[:, None]
            rows[:, :, self.parameters.place("size_variance"), -1] = 1
            to_local = np.zeros((n_angles, 2, self._starts[-1]))
            to_local[:, 0], to_local[:, 1] = self._flat(by_offset, 0), self._flat(by_angle, 0)
        return Fields(b, a, p, float(np.exp(beta)), variance, rows, to_local)

    def _flat(self, coefficients: np.ndarray, kind: int) -> np.ndarray:
        """Coefficients (..., 3, monomial) of one of the three fields in the order of the moments, (..., moment)."""
        flat = np.zeros((*coefficients.shape[:-2], self._starts[-1]))
        for along in range(3):
            start, end = self._starts[3 * kind + along : 3 * kind + along + 2]
            flat[..., start:end] = coefficients[..., along, : end - start]
        return flat

    def _at_rest(self, term: Term) -> np.ndarray:
        """Coefficients (monomial,) of a term that does not turn."""
        values = np.zeros(count(self.degree))
        for i, j, c in term.polynomial:
            if term.frame == "axis":
                values += c * self._axis[i, j]
            else:
                values[self._places[i, j]] += c
        return values

    def _of_term(self, term: Term, line: _Line, derivatives: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coefficients (angle, monomial) of a term of the selection field; their derivatives by angle and offset."""
        factor, slope = (values[:, None] for values in line.factors[term.factor])
        if term.frame != "line":
            values = self._at_rest(term)
            return factor * values, slope * values, np.zeros(())
        values = sum((c * line.power(i, j) for i, j, c in term.polynomial), np.zeros(()))
        if not derivatives:
            return factor * values, np.zeros(()), np.zeros(())
        turned = sum((c * line.by_angle(i, j) for i, j, c in term.polynomial), np.zeros(()))
        shifted = sum((c * line.by_offset(i, j) for i, j, c in term.polynomial), np.zeros(()))
        return factor * values, slope * values + factor * turned, factor * shifted


class _Line:
    """Powers of the line's coordinates u and v at true angles and offsets, as polynomials about the grid's centre."""

    def __init__(self, angles: np.ndarray, offsets: np.ndarray, center: tuple[float, float], degree: int) -> None:
        powers = turned_powers(angles, center, degree, offsets)
        self._powers = {key: flattened(values, degree) for key, values in powers.items()}
        self._offsets = offsets[:, None]
        cos, sin, one = np.cos(angles), np.sin(angles), np.ones(len(angles))
        self.factors = {"one": (one, 0 * one), "cos": (cos, -sin), "sin": (sin, cos)}

    def power(self, i: int, j: int) -> np.ndarray:
        """Coefficients of u^i v^j, shape (angle, monomial)."""
        return self._powers[i, j]

    def by_angle(self, i: int, j: int) -> np.ndarray:
        """Their derivatives by the angle."""
        total = np.zeros_like(self._powers[0, 0])
        if i:
            total += i * self._powers[i - 1, j + 1]
        if j:
            total -= j * (self._powers[i + 1, j - 1] + self._offsets * self._powers[i, j - 1])
        return total

    def by_offset(self, i: int, j: int) -> np.ndarray:
        """Their derivatives by the offset."""
        return -i * self._powers[i - 1, j] if i else np.zeros_like(self._powers[0, 0])
