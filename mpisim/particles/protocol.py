r"""What a model of the tracer's magnetisation is to the engines.

The engines ask for the moment over one period of the drive, so that a model may have a history: with relaxation the
moment at one time depends on the field before it, and after many periods it is as periodic as the field. A model whose
moment follows the field at once is a subclass of `Instantaneous`.

A model may offer more, which makes it faster. `sizes` says that its equilibrium is a sum of Langevin functions,

.. math:: \bar m(B) = \sum_i n_i\,m_i\,L(\beta_i |B|)\,\frac{B}{|B|},

with the number fraction :math:`n_i`, the moment :math:`m_i` and the steepness :math:`\beta_i` of each size.
`response` says that the moment is this equilibrium filtered in time: a complex gain at each frequency.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mpisim.errors import InputError, finite, require

__all__ = ["Instantaneous", "Magnetisation", "Sizes", "relaxing_sizes_of", "response_of", "sizes_of"]


class Magnetisation(Protocol):
    """A model of the magnetisation; `mpisim.Particle`, the Langevin equilibrium, is one.

    A model should be a frozen dataclass whose class is entered under `mpisim.particles` (`mpisim.PARTICLES`), so that
    files can hold its parameters and build it again. Its `diameter` (m), if it has one, becomes a coordinate of the
    system matrix. `mpisim.simulate` warns of too few samples by the steepness of its `sizes`, or else by its `beta`
    (1/T), the steepness at zero field.

    A method `sizes()` that returns `Sizes` says that the model's equilibrium is a sum of Langevin functions; a method
    `response(frequencies)` that returns a complex gain for each frequency in Hz says that its moment is this sum
    filtered in time. A model with `sizes` takes the fast engines, for one tone and for several. A subclass with other
    moments but the inherited `sizes` does not: a method that stands further down in the hierarchy counts.
    """

    def moments(self, field: np.ndarray, period: float) -> np.ndarray:
        """Mean moment of one particle over a period of the drive, once it is periodic.

        Parameters
        ----------
        field
            Field in T at the times j `period` / N, shape (time, ..., 3) with N times. Each point of the other axes
            stands alone.
        period
            Period of the field in s.

        Returns
        -------
        numpy.ndarray
            Moment in A m^2, of the shape of `field`.
        """


class Instantaneous(ABC):
    """A model whose moment follows the field at once: a subclass gives `moment_vector`."""

    @abstractmethod
    def moment_vector(self, field: np.ndarray) -> np.ndarray:
        """Mean moment of one particle in A m^2 at `field` (..., 3) in T; shape (..., 3)."""

    def moments(self, field: np.ndarray, period: float) -> np.ndarray:
        """Mean moment in A m^2 at every time of `field` (time, ..., 3) in T, whatever the period in s."""
        return self.moment_vector(field)


@dataclass(frozen=True, eq=False)
class Sizes:
    """Sizes of Langevin particles.

    Parameters
    ----------
    moments
        Magnetic moment of a particle of each size in A m^2, shape (size,).
    betas
        Steepness m / (k_B T) of each size in 1/T, shape (size,).
    fractions
        Number of particles of each size per particle of the tracer, shape (size,). For the nodes of a quadrature their
        sum is 1 only as exactly as the quadrature.

    Raises
    ------
    InputError
        If the shapes differ, or a value is not a finite number of zero or more.
    """

    moments: np.ndarray
    betas: np.ndarray
    fractions: np.ndarray

    def __post_init__(self) -> None:
        for name in ("moments", "betas", "fractions"):
            values = np.array(getattr(self, name), dtype=float)
            finite(f"{name} of the sizes", values)
            require(values.ndim == 1 and values.size > 0, f"{name} of the sizes", "one number a size", values.shape)
            require(bool(np.all(values >= 0)), f"{name} of the sizes", "zero or more", values.min())
            values.flags.writeable = False
            object.__setattr__(self, name, values)
        shapes = {self.moments.shape, self.betas.shape, self.fractions.shape}
        require(len(shapes) == 1, "sizes", "described by arrays of one shape", " and ".join(map(str, sorted(shapes))))

    @property
    def moment(self) -> float:
        """Mean moment of a particle in saturation, in A m^2."""
        return float((self.fractions * self.moments).sum())

    @property
    def shares(self) -> np.ndarray:
        """Share of each size in the mean moment, shape (size,), with the sum 1."""
        return self.fractions * self.moments / self.moment


def sizes_of(model: object) -> Sizes | None:
    """Return the sizes that a model is made of; None where it offers none, or has moments that are not theirs.

    Raises
    ------
    InputError
        If what its `sizes` returns is neither `Sizes` nor None.
    """
    order = [set(vars(kind)) for kind in type(model).__mro__]
    home = next((i for i, names in enumerate(order) if "sizes" in names), 0)
    if "sizes" not in order[home] or any({"moment_vector", "moments"} & names for names in order[:home]):
        return None
    sizes = model.sizes()  # type: ignore[attr-defined]
    require(sizes is None or isinstance(sizes, Sizes), "sizes of the particle", "mpisim.Sizes or None", repr(sizes))
    return sizes


def relaxing_sizes_of(model: object) -> Sizes | None:
    """Return the sizes of a model, or of the equilibrium that relaxes in it, its `particle`; None without either.

    Raises `InputError` as `sizes_of`.
    """
    return sizes_of(model) or sizes_of(getattr(model, "particle", None))


def response_of(model: object, frequencies: np.ndarray) -> np.ndarray | None:
    """Return the complex gain of a model's filter in time at frequencies in Hz; None where it follows at once.

    Raises
    ------
    InputError
        If what its `response` returns is not one finite number for each frequency.
    """
    if not hasattr(model, "response"):
        return None
    gains = np.asarray(model.response(frequencies))
    if gains.shape != frequencies.shape or gains.dtype.kind not in "fc":
        raise InputError(
            "Input response of the particle must be one complex gain for each frequency; instead received "
            f"{gains.dtype} of shape {gains.shape}."
        )
    return finite("response of the particle", gains)
