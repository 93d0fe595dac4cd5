r"""Where a fit starts: the ideal scanner that describes the block means best, by search over its three numbers.

For the steepness, the size variance and the reach of a candidate the gains follow in closed form,

.. math:: \gamma_{ck} = \frac{\langle \epsilon_k F_{ck}, a_{ck}\rangle}{\lVert F_{ck}\rVert^2}, \qquad
          \text{with the misfit}\quad \sum_{ck} \lVert a_{ck}\rVert^2 -
          \frac{|\langle \epsilon_k F_{ck}, a_{ck}\rangle|^2}{\lVert F_{ck}\rVert^2},

in which harmonics and coils count by their energy. The search goes over a grid, then over finer ones around
the best candidate. Some angles are enough, evenly chosen.
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

__all__ = ["ideal_start"]

_STEEPNESS = np.linspace(0.4, 3.6, 9)
_VARIANCES = np.array([0.02, 0.3])
_REACHES = np.linspace(-1.0, 1.0, 11)
_MOST_ANGLES = 4
_FINER = 4  # times that the steps are halved
_TOLERANCE = 1e-3
Candidate = tuple[float, float, float]


def ideal_start(
    values: np.ndarray, parameters: Parameters, sampling: Sampling, fine: Grid
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

    Raises
    ------
    InputError
        If the values are all zero, or their shape is not that of the parameters.
    """
    shape = (len(parameters.angles), parameters.coils, len(parameters.harmonics))
    require(values.shape[:3] == shape, "values", f"of the shape {shape} and the values", values.shape)
    require(bool(np.any(values)), "values", "other than zero somewhere", "zeros only")
    chosen = np.unique(np.linspace(0, len(values) - 1, min(_MOST_ANGLES, len(values))).round().astype(int))
    tracer = tuple(p for p in parameters.shared if p.group == "tracer")
    some = replace(parameters, shared=tracer, angles=tuple(parameters.angles[i] for i in chosen))
    search = _Search(values[chosen], some, sampling, fine)
    best = min(product(_STEEPNESS, _VARIANCES, _REACHES), key=search.misfit)
    steps = np.array([_STEEPNESS[1] - _STEEPNESS[0], best[1], _REACHES[1] - _REACHES[0]])
    for _ in range(_FINER):
        steps = steps / 2
        around = product(*(((-s, 0.0, s)) for s in steps))
        best = min(((best[0] + x, max(best[1] + y, 0.0), best[2] + z) for x, y, z in around), key=search.misfit)
    state = parameters.ideal(*best)
    state.gains[:] = search.gains(best)[0]
    return state, search.misfit(best)


class _Search:
    """Misfits of ideal scanners to values at some angles; every candidate is computed once."""

    def __init__(self, values: np.ndarray, parameters: Parameters, sampling: Sampling, fine: Grid) -> None:
        self._values, self._parameters, self._sampling, self._fine = values, parameters, sampling, fine
        self._energy = np.sum(np.abs(values) ** 2, axis=(0, 3))
        self._found: dict[Candidate, float] = {}

    def gains(self, candidate: Candidate) -> tuple[np.ndarray, np.ndarray]:
        """The best gains of a candidate and the energy that they explain, both (coil, harmonic)."""
        state = self._parameters.ideal(*candidate)
        model = Model(self._parameters, self._sampling, self._fine, state, tolerance=_TOLERANCE)
        means = model.means(state)
        product_ = np.sum(means.conj() * self._values, axis=(0, 3))
        norm = np.maximum(np.sum(np.abs(means) ** 2, axis=(0, 3)), np.finfo(float).tiny)
        return product_ / norm, np.abs(product_) ** 2 / norm

    def misfit(self, candidate: Candidate) -> float:
        """Share of the energy that a candidate leaves."""
        if candidate not in self._found:
            explained = self.gains(candidate)[1]
            self._found[candidate] = float(1 - explained.sum() / self._energy.sum())
        return self._found[candidate]
