r"""Where a fit starts: the ideal scanner that describes the block means best, by search over its three numbers.

For the steepness, the size variance and the reach of a candidate the gains follow in closed form,

.. math:: \gamma_{ck} = \frac{\langle \epsilon_k F_{ck}, a_{ck}\rangle}{\lVert F_{ck}\rVert^2}, \qquad
          \text{with the misfit}\quad \sum_{ck} \lVert a_{ck}\rVert^2 -
          \frac{|\langle \epsilon_k F_{ck}, a_{ck}\rangle|^2}{\lVert F_{ck}\rVert^2},

in which harmonics and coils count by their energy. The search goes over a grid, then over finer ones around
the best candidate. Some angles are enough, evenly chosen. Where all candidates of a sparse grid leave more than
half of the energy, there is no field-free line, and the search ends.

A position of the sample whose values are wrong can spoil all of this. `robust_start` counts every position v with the
weight :math:`1 / (1 + e_v / \tilde e)`, e being what a candidate leaves there and :math:`\tilde e` its median over the
positions, likewise every angle, and compares candidates by what they leave at the better four fifths of the positions.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np

from calib.methods.physical.model import Model
from calib.methods.physical.parameters import Parameters, ScannerState
from mpisim.data.grid import Grid
from mpisim.data.sampling import Sampling
from mpisim.errors import require

__all__ = ["ideal_start", "robust_start"]

_STEEPNESS = np.linspace(0.4, 3.6, 9)
_VARIANCES = np.array([0.02, 0.3])
_REACHES = np.linspace(-1.0, 1.0, 11)
_MOST_ANGLES, _MOST_ROBUST = 4, 8
_FINER = 4  # times that the steps are halved
_TOLERANCE = 1e-3
_HOPELESS = 0.5  # share of the energy that all of a sparse grid leave without a field-free line; scanners leave .03
_KEPT = 0.8  # share of the positions by which candidates are compared where some may be wrong
_REWEIGHTED = 8
_FAR = 20.0  # times the median of what is left at a position, from which it is taken to be wrong
_MOST_WRONG = 0.2  # share of the positions that are taken to be wrong; the worst of all
Candidate = tuple[float, float, float]


def ideal_start(
    values: np.ndarray,
    parameters: Parameters,
    sampling: Sampling,
    fine: Grid,
    out: np.ndarray | None = None,
) -> tuple[ScannerState, float]:
    """Return the ideal scanner that describes measured values best, and the share of their energy that it leaves.

    Parameters
    ----------
    values
        What was measured, complex (angle, coil, harmonic, value).
    parameters
        The table, for all angles.
    sampling, fine
        How it was measured, and the fine voxels.
    out
        Positions (value,) that do not count; None for none.

    Raises
    ------
    InputError
        If the values are all zero, or their shape is not that of the parameters.
    """
    search = _search(values, parameters, sampling, fine, out)
    best = search.best()
    state = parameters.ideal(*best)
    state.gains[:] = search.gains(best)[0]
    return state, search.misfit(best)


def robust_start(
    values: np.ndarray, parameters: Parameters, sampling: Sampling, fine: Grid, out: np.ndarray | None = None
) -> tuple[ScannerState, float, np.ndarray]:
    """Return the start where some positions may be wrong, what it leaves of the others, and which are, (value,).

    Parameters and errors are those of `ideal_start`.
    """
    search = _search(values, parameters, sampling, fine, out, robust=True)
    best = search.best()
    state = parameters.ideal(*best)
    state.gains[:], left = search.gains(best)
    most = np.sort(left[search.counts])[::-1][int(_MOST_WRONG * search.counts.sum())]
    wrong = (left > _FAR * np.median(left[search.counts])) & (left > most) & search.counts
    counted = search.counts & ~wrong
    return state, float(left[counted].sum() / max(search.energy[counted].sum(), np.finfo(float).tiny)), wrong


def _search(
    values: np.ndarray,
    parameters: Parameters,
    sampling: Sampling,
    fine: Grid,
    out: np.ndarray | None,
    robust: bool = False,
) -> _Search:
    shape = (len(parameters.angles), parameters.coils, len(parameters.harmonics))
    require(values.shape[:3] == shape, "values", f"of the shape {shape} and the values", values.shape)
    require(bool(np.any(values)), "values", "other than zero somewhere", "zeros only")
    chosen = np.unique(
        np.linspace(0, len(values) - 1, min(_MOST_ROBUST if robust else _MOST_ANGLES, len(values))).round().astype(int)
    )
    tracer = tuple(p for p in parameters.shared if p.group == "tracer")
    some = replace(parameters, shared=tracer, angles=tuple(parameters.angles[i] for i in chosen))
    counts = np.ones(values.shape[-1], dtype=bool) if out is None else ~out
    return _Search(values[chosen], some, sampling, fine, counts, robust)


class _Search:
    """Misfits of ideal scanners to values at some angles; every candidate is computed once."""

    def __init__(
        self,
        values: np.ndarray,
        parameters: Parameters,
        sampling: Sampling,
        fine: Grid,
        counts: np.ndarray,
        robust: bool,
    ) -> None:
        self._values, self._parameters, self._sampling, self._fine = values, parameters, sampling, fine
        self.counts, self._robust = counts, robust
        self.energy = np.sum(np.abs(values) ** 2, axis=(0, 1, 2))
        self._found: dict[Candidate, float] = {}

    def best(self) -> Candidate:
        """The best candidate: of a sparse grid, if none describes anything; else of a grid and of finer ones."""
        first = min(product(_STEEPNESS[1:7:2], _VARIANCES[:1], _REACHES[1::2]), key=self.misfit)
        if self.misfit(first) > _HOPELESS:
            return first
        best = min(product(_STEEPNESS, _VARIANCES, _REACHES), key=self.misfit)
        steps = np.array([_STEEPNESS[1] - _STEEPNESS[0], best[1], _REACHES[1] - _REACHES[0]])
        for _ in range(_FINER):
            steps = steps / 2
            around = product(*(((-s, 0.0, s)) for s in steps))
            best = min(((best[0] + x, max(best[1] + y, 0.0), best[2] + z) for x, y, z in around), key=self.misfit)
        return best

    def gains(self, candidate: Candidate) -> tuple[np.ndarray, np.ndarray]:
        """The best gains of a candidate, (coil, harmonic), and the energy that it leaves, (value,)."""
        state = self._parameters.ideal(*candidate)
        model = Model(self._parameters, self._sampling, self._fine, state, tolerance=_TOLERANCE)
        means = model.means(state)
        weights, tiny = self.counts * np.ones((len(means), 1)), np.finfo(float).tiny
        for _ in range(_REWEIGHTED if self._robust else 1):
            by_value = weights[:, None, None, :]
            norm = np.maximum(np.sum(np.abs(means) ** 2 * by_value, axis=(0, 3)), tiny)
            gains = np.sum(means.conj() * self._values * by_value, axis=(0, 3)) / norm
            each = np.sum(np.abs(self._values - gains[..., None] * means) ** 2, axis=(1, 2))
            left = each.sum(axis=0)
            if self._robust:  # angles count too: those with reversed rows should not spoil the positions
                of_angle = each[:, self.counts].sum(axis=1)
                good = 1 / (1 + of_angle / max(float(np.median(of_angle)), tiny))
                left = good @ each * (len(each) / good.sum())
                weights = good[:, None] * (self.counts / (1 + left / max(float(np.median(left[self.counts])), tiny)))
        return gains, left

    def misfit(self, candidate: Candidate) -> float:
        """Share of the energy that a candidate leaves."""
        if candidate not in self._found:
            left = self.gains(candidate)[1][self.counts]
            most = int(np.ceil(_KEPT * left.size)) if self._robust else left.size
            total = max(float(self.energy[self.counts].sum()), np.finfo(float).tiny)
            self._found[candidate] = float(np.sort(left)[:most].sum() / total)
        return self._found[candidate]
