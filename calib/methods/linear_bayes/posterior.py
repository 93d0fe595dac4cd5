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

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from calib.methods.linear_bayes.reflections import Turns
from calib.methods.linear_bayes.windows import REACH, Chosen, Prior

__all__ = ["Posterior", "posterior_rows"]

_UNSEEN = 1e-6  # of the largest variance, in the map of standard deviations


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
        projected = []
        starts = np.cumsum([0] + [prior.directions(family.places[a].basis).shape[2] for a in window])
        for a, start, end in zip(window, starts[:-1], starts[1:], strict=True):
            view = prior.view(a)
            if view not in information:
                v = prior.directions(family.places[a].basis)
                information[view] = np.einsum(
                    "hrk,hrq,hql->kl", v, prior.gram[view] / noise[:, None, None], v, optimize=True
                )
            projected.append(information[view] @ root[start:end])
        inner = np.concatenate(projected)
        system = cho_factor((np.eye(root.shape[1]) + root.T @ inner).astype(np.float64), lower=True)
        data = np.stack(
            [np.concatenate([_data(prior, values, noise, t, a, number, share) for a in window]) for t in turns]
        )
        given = np.concatenate(
            [information[prior.view(a)] @ mean[s:e] for a, s, e in zip(window, starts[:-1], starts[1:], strict=True)]
        )
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
        gram = prior.gram[prior.view(centre)]
        explained += len(turns) * np.einsum("hrl,hrq,hql->h", of_rows, gram, of_rows, optimize=True)
        if variance is not None:
            spread = _spread(prior, centre, half.T @ half, v)
            for t in turns:
                a = int(np.nonzero(t.source == centre)[0][0])
                variance[number[a]] = t.reflection.rows(spread)
    return Posterior(rows, variance, explained / (len(prior.angles) * prior.member_means.shape[-1]))


def _data(
    prior: Prior,
    values: np.ndarray,
    noise: np.ndarray,
    turns: Turns,
    a: int,
    number: dict[int, int],
    share: np.ndarray | float,
) -> np.ndarray:
    """Return (MV)^T N^-1 b of the row that a reflection takes from angle a."""
    family, place = prior.family, prior.family.places[a]
    target = int(np.nonzero(turns.source == a)[0][0])
    back, sign = turns.reflection.back(values[number[target]] * share), family.sign(turns.odd[target])
    if prior.symmetric:
        back, sign = place.reflection.back(back), sign * family.sign(place.odd)
    flat = back.reshape(len(back), -1) * (sign[prior.frequencies] / noise)[:, None]
    directions = prior.directions(place.basis)
    return np.einsum("hrk,hrm,hm->k", directions, prior.member_means[prior.view(a)], flat, optimize=True)


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
