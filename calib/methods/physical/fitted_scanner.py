r"""The fitted scanner as scanner, tracer and calibration scan, which `mpisim.simulate` simulates.

Fields, errors of the angles and gains of the fit are those of `mpisim.FittedFFL`, with its polynomials as they are, so
that the same rows come out, but for what the profiles of the residual add. Rows know three numbers in two combinations
only: :math:`\beta A` with :math:`\beta = m / (k_B T)`, and :math:`X_0 = A / (G R)`. One of the gradient G, the
amplitude A and the core diameter must be known from elsewhere; the other two follow. The scale of the coil cannot be
told from the gains, nor these from the concentration: the sensitivity is what the file states, or 800 / m, the
concentration such that the gains are 1 on average.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from calib.methods.physical.maps import fitted_state
from calib.methods.physical.other_angles import expected_errors
from calib.methods.physical.parameters import Parameters, ScannerState, Term
from calib.methods.physical.quadrature import edge_points
from calib.methods.physical.scanner_table import scanner_parameters
from mpisim.constants import BOLTZMANN, MU_0
from mpisim.data.grid import Grid
from mpisim.data.schema import expect
from mpisim.errors import InputError, require
from mpisim.particles.distributions import LogNormal
from mpisim.particles.particle import Particle
from mpisim.scanner.coils import Coil
from mpisim.scanner.ffl import open_sided_ffl
from mpisim.scanner.fitted import FittedFFL
from mpisim.scanner.line_plane import LinePlane
from mpisim.scanner.parts import FieldPart
from mpisim.scanner.simple_fields import Polynomial
from mpisim.simulation.sample import Sample
from mpisim.simulation.setup import Setup

__all__ = ["fitted_scanner"]

_SENSITIVITY, _FREQUENCY = 800.0, 23.2e3
_AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}
_BY_SWITCHES = ("plane_offset", "plane_tilt_x", "plane_tilt_y", "in_plane_x", "in_plane_y")
_HIGHEST_CONCENTRATION = 1e30
_TOLERANCE = 1e-8  # of the quadratures in space and time


def fitted_scanner(
    recovered: xr.Dataset,
    sf_gradient: float | None = None,
    drive_amplitude: float | None = None,
    particle_diameter: float | None = None,
) -> Setup:
    """Return the scanner, tracer and calibration scan that a fit by `physical` found.

    Parameters
    ----------
    recovered
        A fine matrix that `calib.recover` returned with the method `physical`.
    sf_gradient, drive_amplitude, particle_diameter
        Gradient in T/m, amplitude of the drive in T, median of the core diameters in m: at most one of them, from which
        the other two follow. Without one it is the gradient, or else the amplitude, that the matrix states.

    Returns
    -------
    mpisim.Setup
        Its `simulate()` gives the rows of the fitted scanner, without what profiles of the residual add. Other grids,
        angles and tracers may be put in. At angles that were not measured the errors are those to be expected
        (`mpisim.FittedFFL`).

    Raises
    ------
    InputError
        If the matrix holds no fitted scanner, more than one of the three numbers is given, none is known, or the result
        is out of range.
    """
    expect(recovered, "system_matrix", "recovered", "fine")
    recovery = recovered.attrs.get("recovery", {})
    state = fitted_state(recovery)
    harmonics = sorted({int(g["harmonic"]) for g in recovery["gains"]})
    parameters = scanner_parameters(recovery["angles"], harmonics, len(state.gains))
    radius, grid = float(recovery["length_unit"]), _grid(recovered, recovery)
    log_beta, variance, log_reach = (
        float(state.shared[parameters.place(n)]) for n in ("steepness", "size_variance", "reach")
    )
    given = {"sf_gradient": sf_gradient, "drive_amplitude": drive_amplitude, "particle_diameter": particle_diameter}
    tracer = _Tracer(recovered, math.sqrt(variance) / 3)
    gradient, amplitude = _absolute(recovered, given, tracer, math.exp(log_beta), math.exp(log_reach) * radius)
    particle = tracer.of_steepness(math.exp(log_beta) / amplitude)
    sample = _sample(recovered)
    frequency = _frequency(recovered)
    steepest = math.exp(log_beta + math.sqrt(variance))
    unit = MU_0 * 2 * math.pi * frequency * _sensitivity(recovered) * tracer.moment(particle)
    unit *= math.prod(sample.edges(grid)) * sample.concentration
    mean = float(np.exp(np.mean(np.log(np.abs(state.gains)))))
    concentration = min(sample.concentration * mean / unit, _HIGHEST_CONCENTRATION)
    unit *= concentration / sample.concentration
    points = max(edge_points(edge / radius, steepest, math.exp(log_reach), _TOLERANCE) for edge in grid.voxel[:2])
    sample = Sample(sample.size, sample.height, concentration, points=max(points, sample.points))
    ideal = open_sided_ffl(
        gradient,
        angles=parameters.angles,
        drive_amplitude=amplitude,
        drive_frequency=frequency,
        harmonics=tuple(harmonics),
    )
    samples = max(ideal.samples_per_period, _enough_samples(steepest, harmonics[-1]))
    fields = _Fields(parameters, state, radius, grid.center)
    scanner = FittedFFL.of(
        ideal,
        samples_per_period=samples,
        selection=fields.polynomials("b", "line"),
        background=fields.polynomials("b", "grid"),
        drive=fields.polynomials("a", "grid"),
        coils=tuple(
            Coil((0.0, 0.0, _sensitivity(recovered)), fields.polynomials("p", "grid", coil))
            for coil in range(parameters.coils)
        ),
        plane=fields.plane(gradient),
        tilt=tuple(fields.value(f"plane_tilt_{x}") for x in "xy"),
        errors=_errors(parameters, state, radius),
        other_angles=_other_angles(recovery, parameters, state, radius),
        row_gains=tuple(
            (c, k, float(gain.real), float(gain.imag))
            for c, of_coil in enumerate(state.gains / unit)
            for k, gain in zip(harmonics, of_coil, strict=True)
        ),
    )
    return Setup(scanner, particle, grid, sample)


class _Fields:
    """The fields of a state as parts of a scanner, about its axis."""

    def __init__(
        self, parameters: Parameters, state: ScannerState, radius: float, center: tuple[float, float, float]
    ) -> None:
        self._parameters, self._state, self._radius = parameters, state, radius
        self._center = (center[0] / radius, center[1] / radius)

    def value(self, name: str) -> float:
        """Value of a parameter."""
        return float(self._state.shared[self._parameters.place(name)])

    def plane(self, gradient: float) -> LinePlane:
        """The height of the line's plane and the field in it."""
        field = tuple(gradient * self._radius * self.value(f"in_plane_{x}") for x in "xy")
        return LinePlane(self._radius * self.value("plane_offset"), in_plane_field=field)  # type: ignore[arg-type]

    def polynomials(self, kind: str, frame: str, coil: int | None = None) -> tuple[FieldPart, ...]:
        """Polynomials of one of the fields b, a and p, in the coordinates of the line or at rest, one for each axis."""
        found: dict[str, dict[tuple[int, int], float]] = {}
        for parameter, value in zip(self._parameters.shared, self._state.shared, strict=True):
            other = coil is not None and parameter.coil not in (None, coil)
            if parameter.name in _BY_SWITCHES or other or value == 0:
                continue
            for term in parameter.terms:
                if term.component[0] == kind and term.frame == frame:
                    _add(found.setdefault(term.component[-1], {}), term, float(value), self._origin(frame))
        return tuple(
            Polynomial(
                tuple((i, j, 0, c) for (i, j), c in terms.items() if c),
                _AXES[axis],
                self._radius,
                turning=frame == "line",
            )
            for axis, terms in found.items()
            if any(terms.values())
        )

    def _origin(self, frame: str) -> tuple[float, float]:
        return self._center if frame == "grid" else (0.0, 0.0)


def _add(terms: dict[tuple[int, int], float], term: Term, value: float, origin: tuple[float, float]) -> None:
    """Add a term about an origin to a polynomial about the axis, in place."""
    for i, j, c in term.polynomial:
        for k in range(i + 1):
            for m in range(j + 1):
                shift = (-origin[0]) ** (i - k) * (-origin[1]) ** (j - m)
                part = value * c * math.comb(i, k) * math.comb(j, m) * shift
                terms[k, m] = terms.get((k, m), 0.0) + part


class _Tracer:
    """Log-normal cores of a spread, with the material that a matrix states."""

    def __init__(self, recovered: xr.Dataset, spread: float) -> None:
        self._spread = spread
        stated = _stated(recovered, "particle")
        while isinstance(stated.get("particle"), Mapping):
            stated = stated["particle"]
        known = {k: float(stated[k]) for k in ("saturation_magnetisation", "temperature") if k in stated}
        self._material = {
            "saturation_magnetisation": Particle.saturation_magnetisation,
            "temperature": Particle.temperature,
            **known,
        }

    def _of(self, median: float) -> LogNormal:
        nodes = min(math.ceil(5 + 300 * self._spread**2), 100)
        return LogNormal(median, self._spread, nodes, **self._material)

    def of_steepness(self, beta: float) -> LogNormal:
        """Return the tracer whose volume-weighted median has a steepness in 1/T."""
        moment = beta * BOLTZMANN * self._material["temperature"]
        diameter = (6 * moment / (math.pi * self._material["saturation_magnetisation"])) ** (1 / 3)
        return self._of(diameter * math.exp(-3 * self._spread**2))

    def steepness(self, median: float) -> float:
        """Return that of a median of the number of cores."""
        volume = math.pi / 6 * (median * math.exp(3 * self._spread**2)) ** 3
        return volume * self._material["saturation_magnetisation"] / (BOLTZMANN * self._material["temperature"])

    def moment(self, particle: LogNormal) -> float:
        """Return the mean moment of a particle in A m^2."""
        median = Particle(particle.median, particle.saturation_magnetisation, particle.temperature)
        return float(median.moment) * math.exp(4.5 * self._spread**2)


def _absolute(
    recovered: xr.Dataset, given: dict[str, float | None], tracer: _Tracer, steepness: float, reach: float
) -> tuple[float, float]:
    """Return gradient and amplitude, from one number that is known, beta A and A / G."""
    known = {name: value for name, value in given.items() if value is not None}
    names = ", ".join(given)
    require(len(known) <= 1, names, "at most one of the three, since the other two follow", ", ".join(known))
    if not known:
        stated = _stated(recovered, "scanner")
        known = {name: float(stated[name]) for name in ("sf_gradient", "drive_amplitude") if name in stated}
    for name, value in known.items():
        require(np.isfinite(value) and value > 0, name, "above 0", value)
        if name == "sf_gradient":
            return value, value * reach
        amplitude = value if name == "drive_amplitude" else steepness / tracer.steepness(value)
        return amplitude / reach, amplitude
    raise InputError(
        "Input sf_gradient must be given, or drive_amplitude or particle_diameter, since rows tell only beta A and "
        f"A / G, here {steepness:.4g} and {1e3 * reach:.4g} mm; instead received none, and a matrix that states none."
    )


def _stated(recovered: xr.Dataset, name: str) -> Mapping[str, Any]:
    found = recovered.attrs.get(name)
    return found if isinstance(found, Mapping) else {}


def _grid(recovered: xr.Dataset, recovery: Mapping[str, Any]) -> Grid:
    """Return the voxels, with coordinates from the axis that the fit has taken."""
    grid = Grid.of(recovered)
    center = recovery.get("center", grid.center[:2])
    return Grid(grid.shape, grid.fov, (float(center[0]), float(center[1]), 0.0))


def _sample(recovered: xr.Dataset) -> Sample:
    """Return the sample that a matrix states, as the fit takes it: a flat box without errors of position."""
    stated = _stated(recovered, "sample")
    size = stated.get("size")
    return Sample(None if size is None else (float(size[0]), float(size[1])), float(stated.get("height", 1e-3)))


def _sensitivity(recovered: xr.Dataset) -> float:
    stated = _stated(recovered, "scanner").get("sensitivity")
    along = abs(float(stated[2])) if isinstance(stated, list | tuple) and len(stated) == 3 else 0.0
    return along or _SENSITIVITY


def _frequency(recovered: xr.Dataset) -> float:
    """Return that of the drive in Hz, from the frequencies of the rows, or what the matrix states."""
    if "frequency" in recovered.coords and "harmonic" in recovered.coords:
        return float(np.median(recovered["frequency"].values / recovered["harmonic"].values))
    return float(_stated(recovered, "scanner").get("drive_frequency", _FREQUENCY))


def _enough_samples(steepness: float, highest: int) -> int:
    """Return how many samples of a period the tolerance needs (`quadrature`)."""
    needed = math.log(1 / _TOLERANCE) / math.asinh(math.pi / steepness) + 2 * highest
    return 2 * math.ceil(needed / 2)


def _errors(
    parameters: Parameters, state: ScannerState, radius: float
) -> tuple[tuple[float, float, float, float, float], ...]:
    rows = []
    for angle, (offset, error, gain, phase) in zip(parameters.angles, state.local, strict=True):
        rows.append((float(angle), float(radius * offset), float(error), float(gain), float(phase)))
    return tuple(rows)


def _other_angles(
    recovery: Mapping[str, Any], parameters: Parameters, state: ScannerState, radius: float
) -> tuple[tuple[float, float, float], ...]:
    """Return what is expected of the errors of angles that were not measured, in m, rad, relative and rad."""
    told = recovery["angle_errors"].values()
    std = np.stack([np.asarray(e["std"], dtype=float) for e in told], axis=1)
    expected = expected_errors(np.array(parameters.angles), state.local, std)
    values = expected.coefficients * np.array([radius, 1.0, 1.0, 1.0])[:, None]
    return tuple((float(a), float(b), float(c)) for a, b, c in values)
