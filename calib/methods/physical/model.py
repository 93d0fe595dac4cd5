r"""The scanner's model: block means and their Jacobian, and fine rows, of the values of all parameters.

Coil c has at the angle i and the harmonic k the rows

.. math:: a = \epsilon_k\, \gamma_{ck}\,(1 + g_i)\, e^{i\varphi_i}\, F_{ck}, \qquad \epsilon_k = i \text{ for even } k,
          \; 1 \text{ for odd } k,

with the real F of `kernels`, averaged over the sample. Derivatives of F by all other parameters are real: those of
`Linear`, a linear map of the moments (`fields`). A fit takes them angle by angle; `Model.jacobian` is the dense matrix
of all, for tests and small problems.

What is simplified: the sample is a box along the axes of the grid and flat, without errors of position of its own;
particles follow the field at once, up to a complex gain for each harmonic, which is what relaxation with a constant
time does; the tracer's sizes are log-normal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from calib.methods.physical.fields import FieldMap, Fields
from calib.methods.physical.kernels import PLANES, block_means, block_moments
from calib.methods.physical.magnetisation import curve_table
from calib.methods.physical.parameters import Parameters, ScannerState
from calib.methods.physical.polynomials import monomials
from calib.methods.physical.quadrature import Rule, half_period, measured_rule, voxel_rule
from mpisim.data.grid import Grid
from mpisim.data.sampling import Sampling
from mpisim.errors import require

__all__ = ["Linear", "Model"]

_BYTES = 64e6
"""Size of the moments that are held at once."""
_TOLERANCE = 1e-5


@dataclass(frozen=True, eq=False)
class Linear:
    """The real part of the model about a state, at some of the angles.

    Parameters
    ----------
    which
        These angles.
    flux
        F, shape (angle, coil, value, harmonic).
    by_shared
        Derivatives by the shared parameters, (angle, coil, parameter, value, harmonic).
    by_local
        Derivatives by offset and error of the angle, (angle, coil, 2, value, harmonic).
    """

    which: slice
    flux: np.ndarray
    by_shared: np.ndarray
    by_local: np.ndarray


class Model:
    """A field-free-line scanner on the grid of a coarse matrix.

    Parameters
    ----------
    parameters
        The table; its angles, harmonics and coils are those of the matrix.
    sampling, fine
        How the coarse matrix was measured, and the voxels of the fine one, with coordinates from the scanner's axis.
    like
        A state about as steep as those that are to come: it settles the number of points and times.
    sample
        Edges (x, y) in m of the sample of the fine matrix; None where it fills a voxel.
    tolerance
        Error of the quadrature, relative to the largest values.

    Attributes
    ----------
    scale
        R, the unit of lengths, in m.
    measured
        Points of the values that were measured.
    sines, basis
        Times and projections of the kernels.
    """

    def __init__(
        self,
        parameters: Parameters,
        sampling: Sampling,
        fine: Grid,
        like: ScannerState,
        sample: tuple[float, float] | None = None,
        tolerance: float = _TOLERANCE,
    ) -> None:
        require(len(fine.shape) == 2, "grid", "of two axes, x and y", f"one of {len(fine.shape)}")
        self.parameters, self.sampling, self.fine = parameters, sampling, fine
        self.scale = max(fine.fov[:2]) / 2
        self.fields = FieldMap(parameters, (fine.center[0] / self.scale, fine.center[1] / self.scale))
        self._resolution = self._needed(like, tolerance)
        self._sample = sample
        self._harmonics = np.array(parameters.harmonics)
        self.sines, self.basis = half_period(self._harmonics, self._resolution[0], tolerance)
        self.measured = measured_rule(sampling, fine, sample, self._resolution)
        self._of_measured = monomials(self.measured.points, self.fields.degree)
        self._for_moments = np.ascontiguousarray(self._of_measured[..., : self.fields.counts.max()].swapaxes(1, 2))

    @classmethod
    def of(cls, coarse: xr.Dataset, parameters: Parameters, like: ScannerState, tolerance: float = _TOLERANCE) -> Model:
        """Return the model of a coarse matrix; the file may state the size of the fine matrix' sample.

        Raises
        ------
        InputError
            If angles, harmonics or coils of the matrix are not those of the parameters.
        """
        sampling = Sampling.of(coarse)
        must = "that of the parameters"
        n_angles, n_frequencies = coarse.sizes.get("angle"), coarse.sizes.get("frequency")
        require(n_angles == len(parameters.angles), "number of angles of coarse", must, n_angles)
        require(n_frequencies == len(parameters.harmonics), "number of frequencies of coarse", must, n_frequencies)
        n_coils = coarse.sizes.get("receive", 1)
        require(n_coils == parameters.coils, "number of receive channels of coarse", must, n_coils)
        stated = coarse.attrs.get("sample")
        size = stated.get("size") if isinstance(stated, dict) else None
        sample = None if size is None else (float(size[0]), float(size[1]))
        return cls(parameters, sampling, sampling.fine_grid(Grid.of(coarse)), like, sample, tolerance)

    def _needed(self, state: ScannerState, tolerance: float) -> tuple[float, float, float]:
        """Steepness, reach and tolerance by which the quadrature of a state is settled."""
        log_beta, variance, log_reach = (
            float(state.shared[self.parameters.place(n)]) for n in ("steepness", "size_variance", "reach")
        )
        return float(np.exp(log_beta + np.sqrt(max(variance, 0.0)))), float(np.exp(log_reach)), tolerance

    @property
    def steepness(self) -> float:
        """The steepness that the quadrature was settled for: that of sizes a standard deviation above the median."""
        return self._resolution[0]

    @property
    def evaluations(self) -> int:
        """Fields at all points, times and angles: what the means cost."""
        return self.measured.weights.size * self.sines.size * len(self.parameters.angles)

    def resolves(self, state: ScannerState, slack: float = 10.0) -> bool:
        """Return whether points and times are enough for a state, up to `slack` times the tolerance."""
        needed = self._needed(state, slack * self._resolution[2])
        rule = measured_rule(self.sampling, self.fine, self._sample, needed)
        sines, _ = half_period(self._harmonics, needed[0], needed[2])
        return rule.points.shape[1] <= self.measured.points.shape[1] and sines.size <= self.sines.size

    @property
    def units(self) -> np.ndarray:
        """The factors epsilon of the harmonics."""
        return np.where(self._harmonics % 2 == 0, 1j, 1.0)

    def means(self, state: ScannerState) -> np.ndarray:
        """Return the values that the sampling measures, complex (angle, coil, harmonic, value), x fastest."""
        flux = self._flux(self.fields.fields(state), self.measured)
        return self._received(state, flux).swapaxes(-1, -2)

    def rows(self, state: ScannerState) -> np.ndarray:
        """Return fine rows, complex (angle, coil, harmonic, y, x)."""
        rule = voxel_rule(self.fine, self._sample, self._resolution)
        rows = self._received(state, self._flux(self.fields.fields(state), rule)).swapaxes(-1, -2)
        return np.ascontiguousarray(rows).reshape(*rows.shape[:-1], *self.fine.array_shape)

    def flux(self, state: ScannerState, tables: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return F, (angle, coil, harmonic, value), of the magnetisation curves of tables in place of the state's."""
        fields = self.fields.fields(state)
        return [self._flux(fields, self.measured, table).swapaxes(-1, -2) for table in tables]

    def linear(self, state: ScannerState, places: np.ndarray | None = None) -> Iterator[Linear]:
        """Yield the model about a state, some angles at a time, in their order.

        With `places` the derivatives are those by these shared parameters alone.
        """
        for which, flux, moments, fields in self.moments(state):
            assert fields.to_shared is not None and fields.to_local is not None
            shape = moments.shape
            flat = moments.reshape(*shape[:3], -1)
            every = places is None or len(places) == fields.to_shared.shape[2]
            to_shared = fields.to_shared if every else fields.to_shared[:, :, places]
            by_shared = np.matmul(to_shared, flat).reshape(*shape[:2], -1, *shape[3:])
            by_local = np.matmul(fields.to_local[:, None], flat).reshape(*shape[:2], -1, *shape[3:])
            yield Linear(which, flux, by_shared, by_local)

    def jacobian(self, state: ScannerState) -> np.ndarray:
        """Return the dense derivatives of `means` by the state's vector, (parameter, angle, coil, harmonic, value)."""
        n_shared, n_gains, n_angles = len(state.shared), state.gains.size, len(state.local)
        shape = (n_angles, *state.gains.shape, len(self.measured.points))
        out = np.zeros((self.parameters.size, *shape), dtype=complex)
        local = out[n_shared + 2 * n_gains :].reshape(n_angles, 4, *shape)
        for part in self.linear(state):
            flux = part.flux.swapaxes(-1, -2)
            gains = self.gains(state)[part.which]
            out[:n_shared, part.which] = np.moveaxis(part.by_shared.swapaxes(-1, -2), 2, 0) * gains[..., None]
            by_local = part.by_local.swapaxes(-1, -2) * gains[:, :, None, :, None]
            without = gains / state.gains
            for c, k in np.ndindex(*state.gains.shape):
                number = n_shared + c * state.gains.shape[1] + k
                out[number, part.which, c, k] = without[:, c, k, None] * flux[:, c, k]
                out[number + n_gains, part.which, c, k] = 1j * out[number, part.which, c, k]
            for row, i in enumerate(range(n_angles)[part.which]):
                received = gains[row][..., None] * flux[row]
                local[i, :2, i] = by_local[row].swapaxes(0, 1)
                local[i, 2, i] = received / (1 + state.local[i, 2])
                local[i, 3, i] = 1j * received
        return out

    def gains(self, state: ScannerState) -> np.ndarray:
        """Return all factors of F at a state, complex (angle, coil, harmonic)."""
        of_angle = (1 + state.local[:, 2]) * np.exp(1j * state.local[:, 3])
        return of_angle[:, None, None] * (self.units * state.gains)

    def at_amplitude(self, state: ScannerState, amplitude: float = 1.0) -> np.ndarray:
        """Return F, (angle, coil, value, harmonic), where the drive has `amplitude` times its own."""
        fields = self.fields.fields(state)
        return self._flux(replace(fields, drive=amplitude * fields.drive), self.measured)

    def _received(self, state: ScannerState, flux: np.ndarray) -> np.ndarray:
        return self.gains(state)[:, :, None, :] * flux

    def fields_at(self, fields: Fields, rule: Rule) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return b (angle, value, point, 3), a (value, point, 3) and p (coil, value, point, 3) at the rule's points."""
        values, parts = self._monomials(rule), []
        for coefficients in (fields.selection, fields.drive, fields.coils):
            at = coefficients.reshape(-1, values.shape[-1]) @ values.reshape(-1, values.shape[-1]).T
            at = at.reshape(*coefficients.shape[:-1], *values.shape[:-1])
            parts.append(np.ascontiguousarray(np.moveaxis(at, coefficients.ndim - 2, -1)))
        return parts[0], parts[1], parts[2]

    def _monomials(self, rule: Rule) -> np.ndarray:
        return self._of_measured if rule is self.measured else monomials(rule.points, self.fields.degree)

    def _flux(self, fields: Fields, rule: Rule, table: np.ndarray | None = None) -> np.ndarray:
        b, a, p = self.fields_at(fields, rule)
        flux = np.empty((len(b), len(p), len(rule.weights), len(self._harmonics)))
        table = curve_table(fields.variance) if table is None else table
        block_means(b, a, p, rule.weights, self.sines, self.basis, self._harmonics, fields.beta, table, flux)
        return flux

    def moments(self, state: ScannerState) -> Iterator[tuple[slice, np.ndarray, np.ndarray, Fields]]:
        """Yield angles, F, (angle, coil, value, harmonic), its moments and the fields, some angles at a time."""
        yield from self._derived(state, self.measured.weights, self.fields.counts, self._for_moments)

    def by_fields(self, state: ScannerState) -> Iterator[tuple[slice, np.ndarray, np.ndarray, Fields]]:
        """Yield the same with the derivatives of F by the fields at the points in place of moments.

        They are (angle, coil, plane, value, point, harmonic), times the weights of the points.
        """
        weights = self.measured.weights
        ones = np.ones((weights.size, 1, 1))
        for which, flux, planes, fields in self._derived(state, weights.reshape(-1, 1), np.ones(PLANES, int), ones):
            of_points = (*weights.shape, len(self._harmonics))
            flux, planes = (v.reshape(*v.shape[:-2], *of_points) for v in (flux, planes))
            yield which, flux.sum(axis=-2), planes, fields

    def at_points(self, forms: np.ndarray) -> np.ndarray:
        """Return what forms of the moments, (form, moment), multiply `by_fields` with, (plane, value, point, form)."""
        terms, points = self._of_measured.astype(forms.dtype), self.measured.weights.shape
        found, start = np.empty((PLANES, *points, len(forms)), forms.dtype), 0
        for plane, count in enumerate(self.fields.counts):
            part = np.ascontiguousarray(forms[:, start : start + count].T)
            np.matmul(terms[..., :count].reshape(-1, count), part, out=found[plane].reshape(-1, len(forms)))
            start += count
        return found

    def _derived(
        self, state: ScannerState, weights: np.ndarray, counts: np.ndarray, terms: np.ndarray
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray, Fields]]:
        """Yield moments with some terms for values of some points, which are those of `measured` in their order."""
        n_angles, n_coils = len(state.local), self.parameters.coils
        shape = (n_coils, int(counts.sum()), len(weights), len(self._harmonics))
        at_once = max(1, int(_BYTES / (8 * np.prod(shape))))
        for start in range(0, n_angles, at_once):
            which = slice(start, min(start + at_once, n_angles))
            fields = self.fields.fields(state, which, derivatives=True)
            points = (*weights.shape, 3)
            b, a, p = (v.reshape(*v.shape[:-3], *points) for v in self.fields_at(fields, self.measured))
            flux, found = np.empty((len(b), n_coils, *shape[2:])), np.empty((len(b), *shape))
            table = curve_table(fields.variance)
            of_time = (self.sines, self.basis, self._harmonics, fields.beta, table)
            block_moments(b, a, p, weights, terms, counts, *of_time, flux, found)
            yield which, flux, found, fields
