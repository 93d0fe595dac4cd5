r"""Profiles of an ideal scanner with a prior from simulated ideal scanners.

The profiles of ideal scanners whose drive reaches the edge of the field of view are one family with one parameter, the
width :math:`\propto 1/(G d^3)` for the gradient G and the core diameter d. The family is simulated on the matrix' own
voxels (`MEMBERS` widths, those of .4 to 1.03 T/m and 14 to 35 nm), and each member is written in the features of
`calib.methods.profile_fit`, so that all its rows and block means are known. Each harmonic has a gain of its own, which
the RMS and the phase of its block means give, and at last the best fit of the posterior mean.

A priori a profile is Gaussian with mean and covariance of `NEAR` neighbouring members, which is a straight piece of the
family. With the centred block means :math:`Y` of these (member, angle and block), their mean
:math:`\bar y`, the data b and the noise :math:`\tau`, the posterior mean is the member's mean plus
:math:`\sum_s\alpha_s` of the centred members, and the evidence is that of Gaussian data,

.. math:: \alpha = (Y Y^T + \tau I)^{-1} Y (b - \bar y), \qquad
          -2\log p = \frac{\lVert b - \bar y\rVert^2 - \alpha^T Y (b-\bar y)}{\tau} + \log\det(I + Y Y^T/\tau),

both from products between members. All harmonics have one piece, the one with the largest evidence. The family must
describe the scanner to within the noise: it has no way to say otherwise. On mild imperfections chi2 of all block means
is 3 to 6. If it exceeds what their number allows, the method is therefore `calib.methods.profile`, and a warning says
so.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import xarray as xr

from calib.methods.coils import recover_coils
from calib.methods.geometry import Geometry
from calib.methods.profile import has_profiles, recover_by_profiles
from calib.methods.profile_fit import Design
from calib.methods.record import Recovered
from mpisim.data.angles import look_like_degrees
from mpisim.data.coverage import expected_nrmse
from mpisim.data.grid import Grid
from mpisim.data.sampling import Sampling
from mpisim.data.views import noise_per_row
from mpisim.errors import require, warn
from mpisim.particles.particle import Particle
from mpisim.scanner.ffl import open_sided_ffl
from mpisim.simulation.matrix import simulate

__all__ = ["MEMBERS", "NEAR", "recover_by_profile_prior"]

MEMBERS = 64
"""Simulated ideal scanners."""
NEAR = 8
"""Neighbouring members of a prior."""
_GRADIENT = 0.7  # T/m, of all members; what counts is the gradient times the third power of the diameter
_WIDTHS = (0.4 * 14e-9**3, 1.03 * 35e-9**3)
_ANGLES = (0.0, 0.35, np.pi / 4)  # at which members are simulated: they show a profile out to the corners
_ROUNDING = 1e-4  # of the RMS: what features and pieces leave of exact rows
_SIGMAS = 6.0  # standard deviations of chi2
_TOLERATED = 0.02  # excess of chi2 that is always tolerated
_MOST_UNCERTAIN = 1.0  # expected nRMSE from which a result tells nothing of the rows


def recover_by_profile_prior(coarse: xr.Dataset) -> Recovered:
    """Recover a coarse matrix of block means with dimensions (angle, [receive,] frequency, y, x).

    The metadata hold `chi2`, and the `width` of the profiles against a scanner of 1 T/m with cores of 25 nm; where
    chi2 refuses the family they are those of `profile`, with a `reason_of_fallback`. Raises `InputError` if the matrix
    has no angles.
    """
    must = (
        "of rows (angle, frequency) or (angle, receive, frequency) with angles in rad for profile-prior; bicubic-dc, "
        "or ridge where the scanner has a field-free line, need none"
    )
    require(has_profiles(coarse), "coarse", must, f"rows {coarse['system_matrix'].dims[:-2]}")
    unlike = _unlike(coarse)
    found = None if unlike else recover_coils(coarse, _fitted)
    if found is not None:
        values = np.atleast_1d(np.asarray(found.metadata["chi2"], dtype=float))
        count = 2 * coarse["system_matrix"].size / values.size
        most = 1 + max(_TOLERATED, _SIGMAS * (2 / count) ** 0.5)
        assert found.std is not None
        uncertain = float(expected_nrmse(found.rows, found.std))
        if values.max() <= most and uncertain <= _MOST_UNCERTAIN:
            return found
        unlike = f"ideal scanners leave {values.max():.3g} times the energy of the noise (chi2)"
        if values.max() <= most:
            unlike = "the block means do not determine the profiles"
    warn(f"All rows were recovered by profile instead of profile-prior, because {unlike}.")
    instead = recover_by_profiles(coarse)
    return Recovered(instead.rows, {"reason_of_fallback": unlike, **instead.metadata}, instead.std)


def _unlike(coarse: xr.Dataset) -> str:
    """Return in words why there is no family for a matrix; empty where there is one."""
    if "harmonic" not in coarse.coords:
        return "the matrix does not state its harmonics"
    if look_like_degrees(coarse["angle"].values):
        return "its angles look like degrees"
    if not np.any(coarse["system_matrix"].values):
        return "all values are zero"
    return ""


class _Members(NamedTuple):
    """Coefficients of the profiles of all members, (frequency, member, feature), real."""

    profiles: np.ndarray


@lru_cache(maxsize=2)
def _members(grid: Grid, harmonics: tuple[int, ...], geometry: Geometry) -> _Members:
    """Simulate ideal scanners on some voxels and fit their profiles."""
    scanner = open_sided_ffl(_GRADIENT, max(grid.fov[:2]), _ANGLES, harmonics=harmonics)
    height, width = grid.shape[1], grid.shape[0]
    features = Design.of(height, width, np.array(_ANGLES), 1, geometry._replace(over=(0, 0))).features
    flat = features.transpose(0, 2, 3, 1).reshape(-1, features.shape[1])
    rows = []
    for strength in np.geomspace(*_WIDTHS, MEMBERS):
        values = simulate(scanner, Particle((strength / _GRADIENT) ** (1 / 3)), grid)["system_matrix"].values
        turned = values * np.exp(-0.5j * np.angle(np.sum(values.astype(complex) ** 2, axis=(0, 2, 3))))[:, None, None]
        rows.append(turned.real.transpose(1, 0, 2, 3).reshape(len(harmonics), -1))
    values = np.stack(rows, axis=1)  # (frequency, member, values)
    inverse = np.linalg.pinv(flat, rcond=1e-7)
    found = values @ inverse.T
    signs = np.sign(np.einsum("hmq,hq->hm", found, found[:, MEMBERS // 2]))
    return _Members(found * signs[..., None])


class _Piece(NamedTuple):
    """Posterior of a harmonic under a piece: weights (member,), root of their covariance (member, member), evidence."""

    weights: np.ndarray
    root: np.ndarray
    evidence: float


def _fitted(coarse: xr.Dataset) -> tuple[Recovered, str]:
    """Recover the matrix of one coil, whatever its chi2."""
    sampling, geometry = Sampling.of(coarse), Geometry.of(coarse)
    values = coarse["system_matrix"].values.astype(complex)
    unit = float(np.abs(values).max())
    values = values / unit
    sigma = noise_per_row(coarse).reshape(values.shape[:2]) / unit
    harmonics = tuple(int(k) for k in coarse["harmonic"].values)
    members = _members(sampling.fine_grid(Grid.of(coarse)), harmonics, geometry)
    height, width = values.shape[-2:]
    design = Design.of(height, width, coarse["angle"].values.astype(float), sampling.factor, geometry)
    count = values[:, 0].size
    rows, std = np.empty((values.shape[1], len(values), *design.features.shape[-2:]), complex), []
    pieces, gains, profiles, noises, of_data = [], [], [], [], []
    for h in range(values.shape[1]):
        b = (values[:, h] * design.weights).reshape(len(values), -1)
        means = np.einsum("mq,aqv->mav", members.profiles[h], design.means, optimize=True)
        size = np.sqrt(np.sum(means**2, axis=(1, 2)) / count)
        means, profile = means / size[:, None, None], members.profiles[h] / size[:, None]
        noise = float(np.mean(sigma[:, h] ** 2))
        phase = np.angle(np.sum(b * means.mean(0)))
        strength = np.sqrt(max(np.mean(np.abs(b) ** 2) - noise, 0.1 * noise, 1e-30))
        tau = noise / 2 / strength**2 + _ROUNDING**2
        data = b * np.exp(-1j * phase) / strength
        pieces.append(_pieces(means.reshape(MEMBERS, -1), data.real.ravel(), tau))
        gains.append(strength * np.exp(1j * phase))
        profiles.append(profile)
        noises.append(tau)
        of_data.append((means, data))
    best = int(np.argmax(np.sum([[p.evidence for p in row] for row in pieces], axis=0)))
    left = 0.0
    for h, row in enumerate(pieces):
        piece, members_here = row[best], slice(best, best + NEAR)
        means, data = of_data[h]
        fit = np.einsum("m,mav->av", piece.weights, means[members_here], optimize=True)
        power = float(np.sum(fit**2))
        size = float(np.sum(fit * data.real)) / power  # the gain of a harmonic below the noise is not in its RMS
        uncertain = noises[h] / power
        fit, gain = fit * size, gains[h] * size
        left += float(np.sum(np.abs(data - fit) ** 2)) / (2 * noises[h])
        profile = profiles[h][members_here]
        rows[h] = gain * np.einsum("q,aqyx->ayx", piece.weights @ profile, design.features, optimize=True)
        spread = np.einsum("rq,aqyx->rayx", piece.root.T @ profile, design.features, optimize=True)
        variance = np.abs(gain) ** 2 * np.sum(spread**2, axis=0) + uncertain * np.abs(rows[h] / (size or 1.0)) ** 2
        std.append(np.sqrt(variance / 2))
    chi2 = float(left) / (count * values.shape[1])
    middle = np.geomspace(*_WIDTHS, MEMBERS)[best + NEAR // 2]
    metadata = {"chi2": round(chi2, 5), "width": round(float(1.0 * 25e-9**3 / middle), 4)}
    shape = (-1, *rows.shape[-2:])
    fine, deviation = rows.swapaxes(0, 1).reshape(shape), np.stack(std, axis=1).reshape(shape)
    return Recovered(fine * unit, metadata, deviation * unit), ""


def _pieces(means: np.ndarray, data: np.ndarray, noise: float) -> list[_Piece]:
    """Return the posterior of a harmonic for every piece, given block means of members (member, values) and data."""
    gram, products, energy = means @ means.T, means @ data, float(data @ data)
    found = []
    for first in range(MEMBERS - NEAR + 1):
        piece = slice(first, first + NEAR)
        centring = np.eye(NEAR) - 1 / NEAR
        g, p = gram[piece, piece], products[piece]
        centred = centring @ g @ centring / NEAR
        towards = centring @ (p - g.mean(1)) / NEAR**0.5
        power, vectors = np.linalg.eigh(centred + noise * np.eye(NEAR))
        alpha = vectors @ ((vectors.T @ towards) / power)
        outside = energy - 2 * p.mean() + g.mean() - towards @ alpha
        evidence = -outside / noise - float(np.sum(np.log(power / noise)))
        weights = np.full(NEAR, 1 / NEAR) + centring @ alpha / NEAR**0.5
        root = centring @ vectors / np.sqrt(power) * (noise / NEAR) ** 0.5
        found.append(_Piece(weights, root, float(evidence)))
    return found
