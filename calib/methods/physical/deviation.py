r"""Standard deviation of recovered rows, from the posterior covariance of the scanner's parameters and of the profiles.

About the fit, rows are linear in the parameters. With the derivatives :math:`J_s` by shared parameters and
:math:`J_i` by the errors of the angle i, the posterior covariance C of the shared ones, and :math:`D_i, R_i` of
`levenberg`, the part along the phase of the prediction has the variance

.. math:: s_a^2 = (J_s - R_i J_i)\, C\, (J_s - R_i J_i)^T + J_i D_i^{-1} J_i^T ,

and the part across it that of the phases of gains and angles, which is 4 to 100 times smaller. `UNEVEN` times that of
the profiles, also of those that noise may hide (`profiles`), is added to both: profiles are taken to be alike
everywhere, or to vary as few modulations do. Both parts do not depend on each other, so that those of the real and of
the imaginary part of a row of the phase :math:`\varphi` are

.. math:: s_r^2 = s_a^2 \cos^2\varphi + s_x^2 \sin^2\varphi, \qquad
          s_i^2 = s_a^2 \sin^2\varphi + s_x^2 \cos^2\varphi

(`mpisim.data.deviation`).

The parameters are those of the table, the forms that it leaves out (`forms`), and those of another magnetisation curve
(`curve`): their covariance is that of a fit one step on, with these free. The rows would move by this step, by
:math:`\Delta a`. They do not, so that this is an error, and the square of `MOVED` times it is added, of its part along
the phase to the variance along and of that across to the other. The first term is what the data cannot see, the second
what they see and the table cannot hold.

What no form describes is in none of these. If chi2 is above its expectation by :math:`\Delta`, the residual has an
energy of :math:`\sigma^2 \Delta` that the model lacks. The variance is then increased by a mean square of `LACKING`
squared times it, in proportion to itself and to the number of the harmonic. An excess of `CHANCE` standard deviations
of chi2 is chance and does not count. Where there are so few positions that profiles of the residual say nothing of what
lies between (`FEW_POSITIONS`), the excess is that without them, and the factor `FEW_LACKING`. For exact values all of
the residual is lacking.

Where forms are free, the variance is multiplied by `INFLATION` squared, with few positions by `FEW_INFLATION` squared.
All numbers were chosen with fits of scanners of the preset `realistic`, split `validation`, and of others that were
drawn like those outside with other seeds, never with those of the splits `test` and `outside`. `INFLATION` and `MOVED`
are those of 11 such scanners at 4x and 8x, 6 at 2x, and 3 or 4 outside; `FEW_INFLATION` is that of 25 at 16x, 7 of them
of the split `train`, and `UNEVEN` that of four drawn like those outside, at 2x to 16x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from calib.methods.physical.curve import Curve, curve_changes
from calib.methods.physical.fit import Fit
from calib.methods.physical.kernels import squared_forms
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import ScannerState
from mpisim.data.deviation import along_and_across

__all__ = [
    "CHANCE",
    "FEW_INFLATION",
    "FEW_LACKING",
    "FEW_POSITIONS",
    "INFLATION",
    "LACKING",
    "MOVED",
    "UNEVEN",
    "Variances",
    "deviation",
    "lacking_error",
    "variances",
]

INFLATION = 0.82
"""Factor on the standard deviation where further forms are free: most scanners have fewer of them."""
MOVED = 1.5
"""Error of the rows over the distance that they would move: forms of higher degrees move them, too."""
FEW_INFLATION = 1.0
"""The same for few positions, where the data say little of how large such forms are."""
UNEVEN = 2.0
"""Variance of profiles of the residual over that of their posterior, which takes them to be alike everywhere."""
LACKING = 0.77
"""Error of the rows over what the model lacks of the measured values."""
FEW_LACKING = 2.5
"""The same for few positions, of what the fit without profiles lacks."""
FEW_POSITIONS = 9
"""Positions up to which profiles of the residual say nothing of what lies between."""
CHANCE = 2.0
"""Standard deviations of chi2 above its expectation that count as chance."""


class Variances(NamedTuple):
    """Variances of the parts of the rows' error along the phase of the rows and across it, of one shape."""

    along: np.ndarray
    across: np.ndarray

    @property
    def average(self) -> np.ndarray:
        """Mean of both."""
        return (self.along + self.across) / 2


def deviation(
    model: Model,
    fit: Fit,
    lacking: float = 0.0,
    start: ScannerState | None = None,
    added: np.ndarray | float = 0.0,
    curve: Curve | None = None,
    inflation: float = INFLATION,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard deviation of the rows and its circularity, (angle, coil, harmonic, value).

    Parameters
    ----------
    model
        The model of the values in question, such as all voxels of the fine grid.
    fit
        The fitted scanner, with the forms that the table leaves out where it is not an ideal one.
    lacking
        Mean square of the error that what the model lacks makes.
    start
        The state whose rows these are; None for that of the fit.
    added
        Variance of each part of the profiles at the same values.
    curve
        What the data say of another magnetisation curve; None where the curve is that of the model.
    inflation
        Factor on the standard deviation where there is a `start`.
    """
    phase = model.gains(fit.state)[..., None]
    found = np.stack(variances(model, fit, curve)) + added
    if start is not None:
        moved = MOVED * (model.means(fit.state) - model.means(start)) * (phase.conj() / np.abs(phase))
        found = (found + [moved.real**2, moved.imag**2]) * inflation**2
    harmonics = np.array(model.parameters.harmonics, dtype=float)[:, None]
    weighted = harmonics * found
    mean = max(float(np.mean(weighted.sum(0))), np.finfo(float).tiny)
    along, across = found + weighted * (lacking / mean)
    return along_and_across(along, across, phase)


def lacking_error(energy: float, excess: float | None = None, count: int = 1, few: bool = False) -> float:
    """Return the mean square of the error of rows from what the model lacks.

    Parameters
    ----------
    energy
        Mean square of the noise; without an excess that of all that the model lacks.
    excess
        Standard deviations of chi2 above its expectation.
    count
        Number of complex values.
    few
        Whether there are few positions; the excess is then that without profiles.
    """
    beyond = 1.0 if excess is None else max(excess - CHANCE, 0.0) / np.sqrt(count)
    return (FEW_LACKING if few else LACKING) ** 2 * beyond * energy


def variances(model: Model, fit: Fit, curve: Curve | None = None) -> Variances:
    """Return the posterior variances by the parameters alone; arguments and shapes as in `deviation`."""
    changes = None if curve is None else curve_changes(model, fit.state)
    state, phases, n_gains = fit.state, fit.posterior.phases, fit.state.gains.size
    sizes, by_gain = np.abs(model.gains(state)), np.diag(phases)[:n_gains].reshape(state.gains.shape)
    at = _Forms.of(fit, curve)
    shape = (len(state.local), *state.gains.shape, len(model.measured.weights))
    found = Variances(np.empty(shape), np.empty(shape))
    for which, flux, planes, fields in model.by_fields(state):
        assert fields.to_shared is not None and fields.to_local is not None
        for row, i in enumerate(range(len(sizes))[which]):
            across = phases[:n_gains, n_gains + i].reshape(state.gains.shape)
            of_phase = by_gain + 2 * across + phases[n_gains + i, n_gains + i]
            for c, size in enumerate(sizes[i]):
                of_angle = at.at_angle(i, c, fields.to_shared[row, c], fields.to_local[row])
                real, explained = of_angle.of(model, planes[row, c], flux[row, c])
                if curve is not None and changes is not None:
                    change = changes[:, i, c].swapaxes(-1, -2) / size - explained
                    real += np.einsum("avk,ab,bvk->vk", change, curve.second, change)
                found.along[i, c] = (real * size**2).T
                found.across[i, c] = (flux[row, c] ** 2 * of_phase[c] * size**2).T
    return found


@dataclass(frozen=True)
class _AngleForms:
    """Linear forms of the moments m and the flux F of a coil at an angle, in units of its gain.

    The variance is the sum of the squares of the first forms :math:`R m + r_k F` for the harmonic k, what parameters
    explain of another curve are the others.
    """

    by_moment: np.ndarray
    by_flux: np.ndarray
    squared: int

    def of(self, model: Model, planes: np.ndarray, flux: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the variance (value, harmonic), and what parameters explain, (2, value, harmonic) or none.

        Arguments are the derivatives by the fields at the points, (plane, value, point, harmonic), and the flux.
        """
        forms = model.at_points(self.by_moment.astype(np.float32))  # a part in a million of the variance is enough
        squares, others = np.empty(flux.shape), np.empty((len(self.by_moment) - self.squared, *flux.shape))
        by_flux = np.ascontiguousarray(self.by_flux.T, dtype=np.float32)
        squared_forms(forms, by_flux, planes, flux, self.squared, squares, others)
        return squares, others


@dataclass(frozen=True)
class _Forms:
    """What the posterior of a fit says of moments and flux at any angle."""

    fit: Fit
    curve: Curve | None
    places: np.ndarray
    root: np.ndarray
    own: np.ndarray

    @classmethod
    def of(cls, fit: Fit, curve: Curve | None) -> _Forms:
        own = np.linalg.cholesky(fit.posterior.local)
        return cls(fit, curve, np.flatnonzero(fit.free), np.linalg.cholesky(fit.covariance), own)

    def at_angle(self, i: int, coil: int, to_shared: np.ndarray, to_local: np.ndarray) -> _AngleForms:
        """Return the forms of a coil, from the maps of moments to derivatives (parameter, moment) and (2, moment)."""
        ratio, gain = self.fit.posterior.ratio[i], 1 / (1 + self.fit.state.local[i, 2])
        harmonics = self.fit.state.gains.shape[1]
        by_moment = -ratio[:, :2] @ to_local
        by_moment[: len(self.places)] += to_shared[self.places]
        by_flux = np.repeat(-ratio[:, 2:] * gain, harmonics, axis=1)
        numbers = np.arange(harmonics)
        by_flux[len(self.places) + coil * harmonics + numbers, numbers] += 1
        shared, of_flux = self.root.T @ by_moment, self.root.T @ by_flux
        local, of_gain = self.own[i].T[:, :2] @ to_local, np.repeat(self.own[i].T[:, 2:] * gain, harmonics, axis=1)
        every = np.block([[shared, of_flux], [local, of_gain]])
        root = np.asarray(np.linalg.qr(every, mode="r"))  # as many rows as forms, not parameters
        squared, moments = len(root), by_moment.shape[1]
        if self.curve is not None:
            of_local = self.curve.by_local[i].T
            linear = of_local[:, :2] @ to_local + self.curve.by_shared.T @ by_moment
            constant = of_local[:, 2:] * gain + self.curve.by_shared.T @ by_flux
            root = np.vstack([root, np.hstack([linear, constant])])
        return _AngleForms(root[:, :moments], root[:, moments:], squared)
