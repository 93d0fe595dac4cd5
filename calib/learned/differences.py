"""How a coarse matrix differs from those that weights were trained on: by what it states, and by what they explain."""

from __future__ import annotations

import os

import xarray as xr

from calib.learned.bundled import BUNDLED
from calib.learned.facts import Facts
from calib.learned.scope import stated_metadata, stated_scope
from mpisim.data.sampling import Sampling
from mpisim.data.views import noise_per_row
from mpisim.errors import warn

__all__ = ["DEFAULT", "MISFIT", "differences", "listed", "unexplained", "warn_of_scope"]

DEFAULT = "transms"
"""Method of recovery that is taken if its weights fit."""
MISFIT = 5.0
"""Largest `misfit` of a network with which a matrix counts as one like those of its training."""
_ADVICE = "The result may be far off."


def differences(coarse: xr.Dataset, weights: str | os.PathLike[str], exact: bool) -> list[str] | None:
    """Return in words what a coarse matrix has that weights were not trained on; None where that is not known.

    `exact` says whether its values have no noise.
    """
    metadata = stated_metadata(weights)
    scope = stated_scope(metadata)
    if scope is None:
        return None
    found = scope.differences(Facts.of(coarse), Sampling.of(coarse).factor)
    if not exact and metadata.get("train", {}).get("noiseless_fraction") == 1:
        found.append("noise (not exact values)")
    return found


def warn_of_scope(coarse: xr.Dataset, weights: str | os.PathLike[str] | None, recovered: xr.Dataset) -> None:
    """Warn in one line if a network that was named was trained on other matrices, or does not state on which.

    The noise of the coarse matrix must be known. `weights` is None for bundled ones of the result's name. `recovered`
    is their result for the matrix or for its first block.
    """
    recovery = recovered.attrs["recovery"]
    name, misfit = recovery["weights"], recovery.get("misfit", 0.0)
    different = differences(coarse, weights or BUNDLED / name, exact=not noise_per_row(coarse).any())
    if different is None:
        warn(f"The weights {name} do not state what they were trained on; whether they fit this matrix is not known.")
    elif different:
        warn(f"The weights {name} were trained on other matrices: this one has {listed(different)}. {_ADVICE}")
    elif weights is None and recovery["method"] == DEFAULT and misfit > MISFIT:
        warn(f"The weights {name} were trained on other matrices: {unexplained(misfit)}. {_ADVICE}")


def unexplained(misfit: float) -> str:
    """Return in words what the default method leaves of the block means at a `misfit`."""
    return f"{DEFAULT} leaves {misfit**0.5:.2g} times the noise of the block means unexplained in a tenth of the rows"


def listed(words: list[str]) -> str:
    """Return words as a list in a sentence."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
