r"""The periodic state of a linear system that is driven periodically, by extrapolation over few periods.

One period carries a state c to :math:`P c`, with :math:`P` linear and the same in every period. The periodic state is
the fixed point. Repeated periods approach it as slowly as the slowest relaxation: with a barrier between two
directions that may take thousands. Reduced-rank extrapolation (Eddy 1979; Smith, Ford and Sidi, SIAM Review 29, 199
(1987), doi:10.1137/1029042) takes the combination :math:`c_0 + \sum_i s_i u_i` of the changes :math:`u_i = c_{i+1} -
c_i` whose own change :math:`u_0 + \sum_i s_i (u_{i+1} - u_i)` is least: a few slow modes are then gone at once, which
is what GMRES does with the same periods.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["Advance", "extrapolated", "periodic_state"]

Advance = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Function of states and the indices of their points that returns what follows a period later; see below."""
_PERIODS = 5  # of one extrapolation
_MOST_PERIODS = 200
_CLOSE = 1e-8  # change of a coefficient over a period
_CUTOFF = 1e-12  # of the largest singular value


def periodic_state(advance: Advance, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what a system gives over a period once it is periodic.

    Parameters
    ----------
    advance
        Function of states (point, coefficient) and the indices of their points (point,) that returns the states a
        period later, and what the period gives, shape (time, point).
    start
        States to begin with, real, shape (point, coefficient).

    Returns
    -------
    given
        What the last period gives, shape (time, point).
    done
        Whether the state of a point was periodic to 1e-8 within 200 periods, shape (point,).
    """
    states, left = start.copy(), np.arange(len(start))
    given: np.ndarray | None = None
    for _ in range(_MOST_PERIODS // (_PERIODS + 1)):
        sequence = [states[left]]
        for _ in range(_PERIODS + 1):
            end, values = advance(sequence[-1], left)
            given = np.empty((len(values), len(start))) if given is None else given
            given[:, left] = values
            close = np.abs(end - sequence[-1]).max(axis=1) <= _CLOSE
            left, sequence = left[~close], [state[~close] for state in (*sequence, end)]
            if left.size == 0:
                break
        if left.size == 0:
            break
        states[left] = extrapolated(np.stack(sequence))
    done = np.ones(len(start), dtype=bool)
    done[left] = False
    assert given is not None
    return given, done


def extrapolated(states: np.ndarray) -> np.ndarray:
    """Return the limit of sequences of states (period, point, coefficient) by reduced-rank extrapolation."""
    change = np.diff(states, axis=0)
    second = np.diff(change, axis=0).transpose(1, 2, 0)
    share = np.linalg.pinv(second, rcond=_CUTOFF) @ change[0][..., None]
    return states[0] - np.einsum("ipc,pi->pc", change[:-1], share[..., 0])
