r"""Posterior mean and covariance of rows under the covariance of a family, neighbouring angles and harmonics jointly.

All rows of an angle are one vector, :math:`a_\theta = V_\theta z_\theta`, with the joint coefficients
:math:`z_\theta` of all harmonics (the strongest directions of the family). A window is an angle with its neighbours. A
priori its coefficients are Gaussian with mean :math:`\mu` and covariance :math:`C` of the family's members and
reflected members. The block means are :math:`\bar b = M V z + n` with noise :math:`N`, so that with
:math:`C = L L^T`, :math:`A = (MV)^T N^{-1} M V` and :math:`v = (MV)^T N^{-1} \bar b`

.. math:: \hat z = \mu + L\,(I + L^T A L)^{-1} L^T (v - A\mu), \qquad
          \mathrm{cov}\,z = L\,(I + L^T A L)^{-1} L^T.

Only the angle in the middle of a window is taken from it. Since block means of a row are that row's alone, A is made of
blocks, one for each angle.

Members are measured as the matrix is: each harmonic has RMS one on the block means. A harmonic's gain is therefore part
of neither, and a prior does not need to know it.

The noise of a harmonic is that of its rows, plus what the bases leave of the family's rows. Rows whose angles are
reflections of each other share all matrices.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from calib.methods.linear_bayes.family import Family
from calib.methods.linear_bayes.reflections import Turns
from mpisim.data.blocks import block_mean, filling, is_partial

__all__ = ["MODES", "REACH", "Posterior", "Prior", "posterior_rows"]

REACH = 2
"""Neighbours on both sides of an angle in its window."""
MODES = 112
"""Joint coefficients of an angle, at most."""
_JITTER = 1e-9  # of the largest variance
_COMPARED = 6  # angles at which members are compared with a matrix
_NEGLIGIBLE = 1e-8  # of the largest variance
_UNSEEN = 1e-6  # of the largest variance, in the map of standard deviations


Chosen: TypeAlias = tuple[int, ...] | None
"""Numbers of chosen members, None for all."""


class Prior:
    """A family as block means of a factor show it: joint directions, means and covariances of windows.

    Parameters
    ----------
    family
        The known matrices.
    factor
        Block edge S.
    angles
        Numbers of the family's angles that are measured, and of its frequencies.
    frequencies
        See `angles`.
    """

    def __init__(self, family: Family, factor: int, angles: np.ndarray, frequencies: np.ndarray) -> None:
        self.family, self.factor, self.angles, self.frequencies = family, factor, angles, frequencies
        images = family.images(family.bases[:, frequencies])
        means = block_mean(images.reshape(-1, *family.shape), factor)
        self.share = filling(family.shape, factor) if is_partial(family.shape, factor) else None
        self.means = (means if self.share is None else means * self.share).reshape(*images.shape[:3], -1)
        self.gram = np.einsum("chrm,chqm->chrq", self.means, self.means, optimize=True)
        self._mean: np.ndarray | None = None
        self._directions: dict[int, np.ndarray] = {}
        self._joint: dict[int, np.ndarray] = {}
        self._windows: dict[tuple[int, int, Chosen], tuple[np.ndarray, np.ndarray]] = {}
        self._last: Chosen = None

    @cached_property
    def strengths(self) -> np.ndarray:
        """RMS of the block means of the members' harmonics, (member, frequency)."""
        power = np.zeros((self.family.members, self.frequencies.size))
        for a in self.angles:
            c = self.family.coefficients[:, a][:, self.frequencies]
            gram = self.gram[self.family.places[a].basis]
            power += np.einsum("nhr,hrq,nhq->nh", c, gram, c, optimize=True)
        values = self.angles.size * self.means.shape[-1] / self.family.channels
        return np.asarray(np.sqrt(power / values))

    def mean_values(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return the block means of the family's mean, complex (angle, frequency, h, w)."""
        if self._mean is None:
            found = []
            for a in self.angles:
                mean = self.family.samples(int(a)).mean(0)
                rows = block_mean(self.family.fine_rows(int(a), mean)[self.frequencies], self.factor)
                found.append(rows[:, 0] + (1j * rows[:, 1] if self.family.channels == 2 else 0))
            self._mean = np.stack(found).reshape(len(found), -1, *shape)
        return self._mean

    def joint(self, angle: int) -> np.ndarray:
        """Return the joint coefficients z of all members and reflected ones at an angle, (member, mode)."""
        if angle not in self._joint:
            samples = self.family.samples(angle)[:, self.frequencies]
            scale = np.tile(self.strengths, (len(samples) // len(self.strengths), 1))
            flat = (samples / scale[..., None]).reshape(len(samples), -1).astype(np.float32)
            basis = self.family.places[angle].basis
            if basis not in self._directions:
                power, vectors = np.linalg.eigh(flat.T @ flat)
                kept = int(np.sum(power > _NEGLIGIBLE * power[-1]))
                self._directions[basis] = vectors[:, ::-1][:, : min(MODES, max(1, kept))]
            self._joint[angle] = flat @ self._directions[basis]
        return self._joint[angle]

    def directions(self, basis: int) -> np.ndarray:
        """Return V of a basis as (frequency, rank, mode)."""
        if basis not in self._directions:
            self.joint(next(int(a) for a in self.angles if self.family.places[a].basis == basis))
        return self._directions[basis].reshape(self.frequencies.size, -1, self._directions[basis].shape[1])

    def neighbours(self, angle: int, reach: int) -> list[int]:
        """Return the measured angles in a window, the middle one first."""
        if self.family.angles.size < 2:
            return [angle]
        away = np.abs(self.family.angles[self.angles] - self.family.angles[angle])
        if self.family.parity.size:  # a line: what is beyond 180 degrees is known
            away = np.minimum(away % np.pi, np.pi - away % np.pi)
        nearest = np.argsort(np.round(away, 6), kind="stable")
        return [int(a) for a in self.angles[nearest][: 2 * reach + 1]]

    def window(self, angle: int, reach: int = REACH, chosen: Chosen = None) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and root L of the covariance of the joint coefficients of a window of the `chosen` members."""
        key = (angle, reach, chosen)
        if key not in self._windows:
            samples = np.concatenate([self.joint(a) for a in self.neighbours(angle, reach)], axis=1)
            if chosen is not None:
                copies = len(samples) // self.family.members
                samples = samples.reshape(copies, self.family.members, -1)[:, list(chosen)].reshape(-1, samples.shape[1])
            mean = samples.mean(0)
            rows = (samples - mean) / np.float32(len(samples) ** 0.5)
            if chosen is not None and chosen != self._last:
                self._windows = {k: v for k, v in self._windows.items() if k[2] is None}
                self._last = chosen
            self._windows[key] = mean, _root(rows)
        return self._windows[key]

    def nearest(self, rows: np.ndarray, count: int) -> Chosen:
        """Return the numbers of the members whose rows are nearest to rows (angle, frequency, channel, y, x)."""
        if count >= self.family.members:
            return None
        away = np.zeros(self.family.members)
        for number in range(0, len(self.angles), max(1, len(self.angles) // _COMPARED)):
            angle = int(self.angles[number])
            place = self.family.places[angle]
            back = place.reflection.back(rows[number]).reshape(self.frequencies.size, -1)
            back = back * self.family.sign(place.odd)[self.frequencies, None]
            flat = np.einsum("hv,hrv->hr", back, self.family.bases[place.basis][self.frequencies], optimize=True)
            z = np.einsum("hr,hrk->k", flat, self.directions(place.basis), optimize=True)
            away += np.sum((self.joint(angle)[: self.family.members] - z) ** 2, axis=1)
        return tuple(int(i) for i in np.sort(np.argsort(away)[:count]))

    @cached_property
    def orbits(self) -> list[tuple[int, list[Turns]]]:
        """The angles whose windows are computed, and the reflections that take them to the angles they stand for."""
        measured, found, done = set(self.angles.tolist()), [], set()
        turns = self.family.turns if self.share is None else self.family.turns[:1]
        closed = [t for t in turns if {int(t.source[a]) for a in measured} == measured]
        for a in self.angles:
            if int(a) in done:
                continue
            used = []
            for t in closed:
                target = int(np.nonzero(t.source == a)[0][0])
                if target not in done:
                    done.add(target)
                    used.append(t)
            found.append((int(a), used))
        return found


def _root(rows: np.ndarray) -> np.ndarray:
    """Return L (q, k) with L L^T = rows^T rows."""
    if rows.shape[0] < rows.shape[1]:
        return np.ascontiguousarray(rows.T)
    rows = rows.astype(float)
    covariance = rows.T @ rows
    covariance[np.diag_indices_from(covariance)] += _JITTER * covariance.diagonal().max()
    return np.linalg.cholesky(covariance).astype(np.float32)


class Posterior(NamedTuple):
    """Rows in units of the measured strengths.

    Parameters
    ----------
    rows
        (angle, frequency, channel, y, x).
    variance
        Variances of their errors, of the same shape; None where they were not wanted.
    explained
        Mean variance of the errors of their block means, (frequency,).
    """

    rows: np.ndarray
    variance: np.ndarray | None
    explained: np.ndarray


def posterior_rows(
    prior: Prior,
    values: np.ndarray,
    noise: np.ndarray,
    *,
    centred: bool = True,
    scale: float = 1.0,
    reach: int = REACH,
    chosen: Chosen = None,
    variances: bool = True,
) -> Posterior:
    """Return the posterior of all rows.

    Parameters
    ----------
    prior
        What is known of them.
    values
        Their block means, (angle, frequency, channel, h, w), of unit RMS for each frequency; angles and frequencies are
        those of the prior, in its order.
    noise
        Variance of the noise of a value, (frequency,).
    centred
        Whether rows are about the mean of the family, and else about zero, with its second moments.
    scale
        Factor on the standard deviations of the prior.
    reach
        Neighbours on both sides of an angle in its window.
    chosen
        Numbers of the members that make the prior; None for all.
    variances
        Whether the variances are wanted.
    """
    family, number = prior.family, {int(a): i for i, a in enumerate(prior.angles)}
    share = 1.0 if prior.share is None else prior.share
    information = {}
    shape = (len(prior.angles), prior.frequencies.size, family.channels, *family.shape)
    rows = np.empty(shape, np.float32)
    variance = np.empty(shape, np.float32) if variances else None
    explained = np.zeros(prior.frequencies.size)
    for centre, turns in prior.orbits:
        window = prior.neighbours(centre, reach)
        mean, root = prior.window(centre, reach, chosen)
        if not centred:  # second moments about zero
            mean, root = np.zeros_like(mean), np.concatenate([root, mean[:, None]], axis=1)
        root = root * np.float32(scale)
        projected, solved = [], []
        starts = np.cumsum([0] + [prior.directions(family.places[a].basis).shape[2] for a in window])
        for a, start, end in zip(window, starts[:-1], starts[1:], strict=True):
            basis = family.places[a].basis
            if basis not in information:
                v = prior.directions(basis)
                information[basis] = np.einsum("hrk,hrq,hql->kl", v, prior.gram[basis] / noise[:, None, None], v, optimize=True)
            projected.append(information[basis] @ root[start:end])
        inner = np.concatenate(projected)
        system = cho_factor((np.eye(root.shape[1]) + root.T @ inner).astype(np.float64), lower=True)
        data = np.stack([np.concatenate([_data(prior, values, noise, t, a, number, share) for a in window]) for t in turns])
        given = np.concatenate([information[family.places[a].basis] @ mean[s:e] for a, s, e in zip(window, starts[:-1], starts[1:], strict=True)])
        middle = slice(0, starts[1])
        found = mean[middle] + cho_solve(system, root.T @ (data - given).T).T @ root[middle].T
        v = prior.directions(family.places[centre].basis)
        coefficients = np.einsum("hrk,tk->thr", v, found, optimize=True)
        for t, c in zip(turns, coefficients, strict=True):
            a = int(np.nonzero(t.source == centre)[0][0])
            odd = family.sign(t.odd[a])[prior.frequencies]
            rows[number[a]] = t.reflection.rows(_fine(prior, centre, c)) * odd[:, None, None, None]
        half = solve_triangular(system[0], root[middle].T, lower=True)
        of_rows = np.einsum("hrk,lk->hrl", v, half, optimize=True)
        gram = prior.gram[family.places[centre].basis]
        explained += len(turns) * np.einsum("hrl,hrq,hql->h", of_rows, gram, of_rows, optimize=True)
        if variance is not None:
            spread = _spread(prior, centre, half.T @ half, v)
            for t in turns:
                a = int(np.nonzero(t.source == centre)[0][0])
                variance[number[a]] = t.reflection.rows(spread)
    return Posterior(rows, variance, explained / (len(prior.angles) * prior.means.shape[-1]))


def _data(
    prior: Prior, values: np.ndarray, noise: np.ndarray, turns: Turns, a: int, number: dict[int, int], share: np.ndarray | float
) -> np.ndarray:
    """Return (MV)^T N^-1 b of the row that a reflection takes from angle a."""
    family, place = prior.family, prior.family.places[a]
    target = int(np.nonzero(turns.source == a)[0][0])
    sign = family.sign(turns.odd[target]) * family.sign(place.odd)
    back = place.reflection.back(turns.reflection.back(values[number[target]] * share))
    flat = back.reshape(len(back), -1) * (sign[prior.frequencies] / noise)[:, None]
    return np.einsum("hrk,hrm,hm->k", prior.directions(place.basis), prior.means[place.basis], flat, optimize=True)


def _fine(prior: Prior, angle: int, coefficients: np.ndarray) -> np.ndarray:
    """Return rows (frequency, channel, y, x) of coefficients (frequency, rank)."""
    family, place = prior.family, prior.family.places[angle]
    basis = family.bases[place.basis][prior.frequencies]
    rows = family.images(np.einsum("hr,hrv->hv", coefficients, basis, optimize=True))
    return place.reflection.rows(rows) * family.sign(place.odd)[prior.frequencies][:, None, None, None]


def _spread(prior: Prior, angle: int, covariance: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the variances (frequency, channel, y, x) of rows whose joint coefficients have this covariance."""
    family, place = prior.family, prior.family.places[angle]
    power, vectors = np.linalg.eigh(covariance)
    keep = power > _UNSEEN * power[-1]
    half = np.einsum("hrk,kl->hrl", v, vectors[:, keep] * np.sqrt(power[keep]), optimize=True).astype(np.float32)
    basis = family.bases[place.basis][prior.frequencies]
    spread = np.stack([np.sum((b.T @ f) ** 2, axis=1) for b, f in zip(basis, half, strict=True)])
    left = family.left[prior.frequencies] / np.mean(prior.strengths, axis=0) ** 2
    return place.reflection.rows(family.images(spread + left[:, None]))
