r"""What changed since an earlier fit of the same scanner.

The new posterior leans on the earlier fit, and so hides a part of a change. What counts here is the fit with a prior
that is `LOOSER` times as wide for shared parameters and gains, and that lets all angles move together (`freed`): the
change :math:`\delta` of its parameters, with the variance :math:`D + C_0`, :math:`C_0` being that of the earlier fit.
Parameters that the new data do not tell apart have a large variance here, and are not named. The phases of gains and
angles are apart from all others, and treated in the same way. Single angles are named where they differ from what all
did together.

Standard errors of both fits presume that their models hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from calib.methods.physical.earlier import Earlier
from calib.methods.physical.fit import Fit
from calib.methods.physical.fitting import Fitted
from calib.methods.physical.freed import Freed, freed
from calib.methods.physical.parameters import LOCAL, LocalParameter, Parameters

__all__ = ["CHANGED", "LOOSER", "POSSIBLE", "Change", "changes", "changes_reported"]

LOOSER = 10.0
"""Width of the prior of a change over that of the fit."""
CHANGED = 3.0
"""Standard errors from which a change is named."""
POSSIBLE = 2.0
"""Standard errors from which something may have changed."""
_ODD_ANGLE = 4.0  # the same for single angles, of which there are many
_FEWEST_ANGLES = 4


@dataclass(frozen=True)
class Change:
    """The change of a parameter.

    Parameters
    ----------
    name, meaning, unit
        What it is, in words, and its unit.
    earlier
        Its value in the earlier fit; None for what has none, such as a mean over angles.
    change, std
        Change and standard error.
    """

    name: str
    meaning: str
    unit: str
    earlier: float | None
    change: float
    std: float

    @property
    def significance(self) -> float:
        """Change in standard errors."""
        return self.change / self.std

    def described(self) -> dict[str, object]:
        """Return it in values that JSON holds."""
        found: dict[str, object] = {"name": self.name, "meaning": self.meaning, "unit": self.unit}
        if self.earlier is not None:
            found["earlier"] = float(f"{self.earlier:.6g}")
        return {
            **found,
            "change": float(f"{self.change:.4g}"),
            "std": float(f"{self.std:.3g}"),
            "sentence": self.said(),
        }

    def said(self) -> str:
        """Return it as a sentence."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        words = f"{self.meaning[0].upper()}{self.meaning[1:]}: {self.change:+.3g} +- {self.std:.2g}{unit}"
        return f"{words} ({abs(self.significance):.1f} standard errors)."


def changes(parameters: Parameters, fit: Fit, earlier: Earlier, length: float) -> list[Change]:
    """Return all changes that can be told, the most significant first.

    Parameters
    ----------
    parameters, fit
        The table, and the new fit.
    earlier
        The earlier one.
    length
        R in m.
    """
    alone = freed(fit, np.array(parameters.angles), earlier.state.local, LOOSER)
    found = [*_of_shared(parameters, fit, earlier, length, alone), *_of_phases(parameters, fit, earlier)]
    found += _of_angles(parameters, earlier, length, alone)
    return sorted(found, key=lambda change: -abs(change.significance))


def changes_reported(fitted: Fitted, earlier: Earlier) -> dict[str, object]:
    """Return what the metadata say of changes, in values that JSON holds.

    Returns
    -------
    dict
        `compared`, the number of parameters that were compared; `parameters`, those that differ by `POSSIBLE` standard
        errors or more; `changed`, the sentences of those that differ by `CHANGED` or more.
    """
    every = changes(fitted.measurement.parameters, fitted.climbed.fit, earlier, fitted.model.scale)
    return {
        "compared": len(every),
        "parameters": [c.described() for c in every if abs(c.significance) >= POSSIBLE],
        "changed": [c.said() for c in every if abs(c.significance) >= CHANGED],
    }


def _alone(covariance: np.ndarray, precision: np.ndarray, away: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Changes that the new data say alone, and their covariance."""
    inverse = np.linalg.inv(covariance)
    alone = np.linalg.inv(inverse - precision * (1 - 1 / LOOSER**2))
    return alone @ (inverse @ away), alone


def _of_shared(parameters: Parameters, fit: Fit, earlier: Earlier, length: float, found: Freed) -> Iterator[Change]:
    places, n_gains = np.flatnonzero(fit.free), fit.state.gains.size
    for number, place in enumerate(places):
        parameter, std = parameters.shared[place], earlier.shared_std[place]
        if not np.isfinite(std):
            continue
        unit, scale = ("mm", 1e3 * length) if parameter.unit == "R" else (parameter.unit, 1.0)
        spread = scale * float(np.sqrt(found.covariance[number, number] + std**2))
        value, change = scale * float(earlier.state.shared[place]), scale * float(found.change[number])
        yield Change(parameter.name, parameter.meaning, unit, value, change, spread)
    of_gains = slice(len(places), len(places) + n_gains)
    yield from _of_gains(
        parameters,
        (found.change[of_gains] + np.log(abs(earlier.scale))).reshape(fit.state.gains.shape),
        found.covariance[of_gains, of_gains],
        earlier.gain_std[0],
        ("gain", "gain", "%", 100.0),
    )


def _of_phases(parameters: Parameters, fit: Fit, earlier: Earlier) -> Iterator[Change]:
    n_gains = fit.state.gains.size
    assert fit.priors.gains is not None
    local = np.broadcast_to(fit.priors.local, fit.state.local.shape)[:, 3]
    mean = np.broadcast_to(fit.priors.local_mean, fit.state.local.shape)[:, 3]
    precision = np.zeros((n_gains + len(local),) * 2)
    precision[:n_gains, :n_gains] = fit.priors.gains.precision
    precision[range(n_gains, len(precision)), range(n_gains, len(precision))] = 1 / local**2
    away = np.concatenate([fit.priors.gains.away(fit.state.gains)[1], fit.state.local[:, 3] - mean])
    change, alone = _alone(fit.posterior.phases, precision, away)
    yield from _of_gains(
        parameters,
        (change[:n_gains] + np.angle(earlier.scale)).reshape(fit.state.gains.shape),
        alone[:n_gains, :n_gains],
        earlier.gain_std[1],
        ("phase", "phase", "degrees", 180 / np.pi),
    )


def _of_gains(
    parameters: Parameters,
    change: np.ndarray,
    covariance: np.ndarray,
    std: np.ndarray,
    words: tuple[str, str, str, float],
) -> Iterator[Change]:
    """Changes of what all harmonics of a coil share, and of single harmonics against that."""
    name, word, unit, scale = words
    n_coils, n_harmonics = change.shape
    for c in range(n_coils):
        of_coil = slice(c * n_harmonics, (c + 1) * n_harmonics)
        own, which = covariance[of_coil, of_coil], f" of coil {c}" if n_coils > 1 else ""
        weights = np.full(n_harmonics, 1 / n_harmonics)
        mean, suffix = float(weights @ change[c]), f"_{c}" if n_coils > 1 else ""
        spread = float(np.sqrt(weights @ own @ weights + np.mean(std[c] ** 2)))
        more = ", with the amount of tracer in the sample" if name == "gain" else " of the receive chain, all angles"
        meaning = f"{word}{which}{more}"
        yield Change(f"{name}{suffix}", meaning, unit, None, *_told(name, mean, spread, scale))
        for k, harmonic in enumerate(parameters.harmonics if n_harmonics > 1 else ()):
            apart = np.eye(n_harmonics)[k] - weights
            spread = float(np.sqrt(apart @ own @ apart + std[c, k] ** 2))
            meaning = f"{word} of the harmonic {harmonic}{which} against the others"
            told = _told(name, float(change[c, k] - mean), spread, scale)
            yield Change(f"{name}{suffix}_{harmonic}", meaning, unit, None, *told)


def _told(name: str, change: float, std: float, scale: float) -> tuple[float, float]:
    """Change and standard error in the unit that is told; logarithms of amplitudes as relative changes."""
    if name != "gain":
        return scale * change, scale * std
    return scale * float(np.expm1(change)), scale * float(np.exp(change)) * std


def _of_angles(parameters: Parameters, earlier: Earlier, length: float, found: Freed) -> Iterator[Change]:
    n_angles = len(parameters.angles)
    common, covariance = found.together
    rest, spread = (
        values[-3 * n_angles :].reshape(n_angles, 3)
        for values in (found.change - found.waves @ common, np.diag(found.covariance))
    )
    known = np.isfinite(earlier.local_std[:, :3])
    std = np.where(known, earlier.local_std[:, :3], 0.0)
    together = [(0, "", "all angles"), (0, "axis_x", "place of the axis along x"), (0, "axis_y", "along y")]
    together += [(1, "", "all angles")]
    for wave, (j, name, words) in enumerate(together):
        if known[:, j].sum() < n_angles or n_angles < _FEWEST_ANGLES:
            continue
        unit, scale = _unit_of(LOCAL[j], length)
        error = scale * float(np.sqrt(covariance[wave, wave] + np.mean(std[:, j] ** 2) / n_angles))
        meaning = f"{LOCAL[j].meaning}, {words}"
        yield Change(name or LOCAL[j].name, meaning, unit, None, scale * float(common[wave]), error)
    for i, j in np.ndindex(rest.shape):
        error = float(np.sqrt(spread[i, j] + std[i, j] ** 2))
        if known[i, j] and abs(rest[i, j]) > _ODD_ANGLE * error:
            unit, scale = _unit_of(LOCAL[j], length)
            degrees = np.degrees(parameters.angles[i])
            meaning = f"{LOCAL[j].meaning}, at {degrees:.4g} degrees against the others"
            yield Change(
                f"{LOCAL[j].name} {degrees:.4g}", meaning, unit, None, scale * float(rest[i, j]), scale * error
            )


def _unit_of(parameter: LocalParameter, length: float) -> tuple[str, float]:
    """Unit in which an error of an angle is told, and how many of it are one of the table."""
    return {"R": ("mm", 1e3 * length), "rad": ("degrees", 180 / np.pi)}.get(parameter.unit, ("%", 100.0))
