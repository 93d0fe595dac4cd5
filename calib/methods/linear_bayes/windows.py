r"""A family as block means of a factor show it: joint coefficients of angles, and the covariances of windows.

Members are measured as a matrix is: each harmonic has RMS one on the block means. The rows of an angle are one vector,
with the strongest directions of all harmonics together as coordinates, its joint coefficients. A window is an angle and
its nearest neighbours; the sample covariance of its joint coefficients, of all members or of chosen ones, with all
reflections, is the prior of `calib.methods.linear_bayes.posterior`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TypeAlias

import numpy as np

from calib.methods.linear_bayes.family import Family
from calib.methods.linear_bayes.reflections import Turns
from mpisim.data.sampling import Sampling

__all__ = ["MODES", "REACH", "Chosen", "Prior"]

REACH = 2
"""Neighbours on both sides of an angle in its window."""
MODES = 112
"""Joint coefficients of an angle, at most."""
_NEGLIGIBLE = 1e-8  # of the largest variance
_JITTER = 1e-9  # of the largest variance
_COMPARED = 6  # angles at which members are compared with a matrix
Chosen: TypeAlias = tuple[int, ...] | None
"""Numbers of chosen members, None for all."""


class Prior:
    """A family as block means of a factor show it: joint directions, means and covariances of windows.

    Parameters
    ----------
    family
        The known matrices.
    sampling
        How the matrix was measured: block means, or large samples at any positions.
    angles
        Numbers of the family's angles that are measured, and of its frequencies.
    frequencies
        See `angles`.

    Attributes
    ----------
    member_means, gram
        Means of the vectors of a basis as the sampling measures them, times `share`, (view, frequency, rank, value),
        and their products. A `view` is a basis where reflected rows have reflected block means. Otherwise (partial
        blocks, any positions) it is an angle, whose basis is first brought to where its row lies.
    share
        What `Sampling.filling` is.
    """

    def __init__(self, family: Family, sampling: Sampling, angles: np.ndarray, frequencies: np.ndarray) -> None:
        self.family, self.sampling, self.angles, self.frequencies = family, sampling, angles, frequencies
        self.share = sampling.filling
        self.symmetric = sampling.scheme == "box" and self.share is None
        images = family.images(family.bases[:, frequencies])
        if not self.symmetric:
            images = np.stack([self._placed(images, int(a)) for a in angles])
        means = sampling.apply(images.reshape(-1, *family.shape))
        self.member_means = (means if self.share is None else means * self.share).reshape(*images.shape[:3], -1)
        self._views = {int(a): i for i, a in enumerate(angles)}
        self.gram = np.einsum("chrm,chqm->chrq", self.member_means, self.member_means, optimize=True)
        self._mean: np.ndarray | None = None
        self._directions: dict[int, np.ndarray] = {}
        self._joint: dict[int, np.ndarray] = {}
        self._windows: dict[tuple[int, int, Chosen], tuple[np.ndarray, np.ndarray]] = {}
        self._last: Chosen = None

    def _placed(self, images: np.ndarray, angle: int) -> np.ndarray:
        """Return the basis of an angle, of images (basis, frequency, rank, channel, y, x), where its row lies."""
        place = self.family.places[angle]
        sign = self.family.sign(place.odd)[self.frequencies, None, None, None, None]
        return place.reflection.rows(images[place.basis]) * sign.astype(images.dtype)

    def view(self, angle: int) -> int:
        """Return the number of the means that the row of an angle has."""
        return self.family.places[angle].basis if self.symmetric else self._views[angle]

    @cached_property
    def strengths(self) -> np.ndarray:
        """RMS of the block means of the members' harmonics, (member, frequency)."""
        power = np.zeros((self.family.members, self.frequencies.size))
        for a in self.angles:
            c = self.family.coefficients[:, a][:, self.frequencies]
            gram = self.gram[self.view(int(a))]
            power += np.einsum("nhr,hrq,nhq->nh", c, gram, c, optimize=True)
        values = self.angles.size * self.member_means.shape[-1] / self.family.channels
        return np.asarray(np.sqrt(power / values))

    def mean_values(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return the block means of the family's mean, complex (angle, frequency, h, w)."""
        if self._mean is None:
            found = []
            for a in self.angles:
                mean = self.family.samples(int(a)).mean(0)
                rows = self.sampling.apply(self.family.fine_rows(int(a), mean)[self.frequencies])
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
                samples = samples.reshape(copies, self.family.members, -1)[:, list(chosen)].reshape(
                    -1, samples.shape[1]
                )
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
        turns = self.family.turns if self.symmetric else self.family.turns[:1]
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
