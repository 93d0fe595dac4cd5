"""What a method of recovery is and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from mpisim.data.sampling import SCHEMES, PositionSampling
from mpisim.errors import require

__all__ = ["Method", "Recovered"]


@dataclass(frozen=True)
class Recovered:
    """What a method returns.

    Parameters
    ----------
    rows
        Fine rows, complex (row, H, W), in the unit of the coarse matrix.
    metadata
        What the method reports of its work, in values that JSON holds; the file stores it.
    std
        Standard deviation of `rows`, the root of the mean of the variances of both parts (the mean square of the
        complex error is 2 std^2): real, zero or more, (row, H, W), in the unit of `rows`. None where the method cannot
        say. `recover` writes it as `system_matrix_std`.
    circularity
        How the variances of both parts differ (`mpisim.data.deviation`): complex, of a magnitude of at most 1,
        (row, H, W). None where the method cannot say. `recover` writes it as `system_matrix_circularity`.
    """

    rows: np.ndarray
    metadata: Mapping[str, object] = field(default_factory=dict)
    std: np.ndarray | None = None
    circularity: np.ndarray | None = None


@dataclass(frozen=True)
class Method:
    """A method of recovery.

    Parameters
    ----------
    summary
        One line for `mpisim methods`.
    apply
        Recovers a coarse dataset of the schema. It gets the dataset, and by name those of `takes` that are known.
    samplings
        Schemes of sampling that it can take: `box`, `strided`, `random`, `positions`.
    takes
        What else `apply` takes: `weights` (a file or None: the method is a trained network) and `unit` (RMS of the
        complete coarse matrix in its unit; None where the dataset is complete) and `prior` (a file or folder of known
        matrices, or None), `angles` (those of the rows that are wanted, or None) and `prior_scanner` (an earlier fit of
        the same scanner, or None).
    complete
        Whether it needs all rows of a matrix at once; files are otherwise recovered in blocks.
    version
        Raised by whoever changes the numbers that the method gives: results that studies keep are computed again.
    noise
        Whether it uses the noise of the coarse matrix. `apply` then gets a dataset that knows it: the level is
        estimated where the file does not state it.
    """

    summary: str
    apply: Callable[..., Recovered]
    samplings: tuple[str, ...] = ("box",)
    takes: tuple[str, ...] = ()
    complete: bool = False
    version: int = 1
    noise: bool = True

    def __post_init__(self) -> None:
        require(callable(self.apply), "apply of the method", "a function", type(self.apply).__name__)
        for name, known in (
            ("samplings", (*SCHEMES, PositionSampling.scheme)),
            ("takes", ("weights", "unit", "prior", "angles", "prior_scanner")),
        ):
            values = getattr(self, name)
            good = isinstance(values, tuple) and all(value in known for value in values)
            require(good, f"{name} of the method", f"a tuple of {' or '.join(known)}", repr(values))

    @property
    def learned(self) -> bool:
        """Whether it is a trained network, which needs weights."""
        return "weights" in self.takes
