"""Methods of recovery with each of their bundled weights, and their errors on single matrices.

A network may have two sets of weights: those of ideal scanners, under its own name, and those that were trained on
imperfect ones (`calib.learned.bundled.realistic_weights`), whose name here ends in "realistic". Studies of imperfect
scanners show both.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import xarray as xr

from calib.learned.bundled import realistic_weights
from calib.recovery import METHODS
from calib.studies.harness.recovery import Recovery, recovered_by
from calib.studies.harness.results import Row
from calib.studies.harness.trained import Trained
from mpisim.data.metrics import nrmse
from mpisim.errors import DataWarning
from mpisim.io.digest import digest

__all__ = ["Variant", "error_of", "ready_variants"]


@dataclass(frozen=True)
class Variant:
    """A method of recovery with its weights.

    Parameters
    ----------
    name
        What tables call it.
    method
        Name of the method.
    weights
        Its weights; None for a method without.
    """

    name: str
    method: str
    weights: Trained | None

    @property
    def sampling(self) -> str:
        """The sampling that the method needs."""
        return METHODS[self.method].samplings[0]


def ready_variants(recovery: Recovery, factor: int) -> tuple[list[Variant], list[Row]]:
    """Return what can run at a factor, and for each chosen method whether it has weights.

    Where the user chooses no methods they are those that have weights or need none.
    """
    options = recovery.options
    untrained = Recovery(replace(options, train=False))
    ready = [name for name in METHODS if not untrained.missing(name, factor)]
    variants: list[Variant] = []
    status: list[Row] = []
    for name in options.chosen(tuple(METHODS), ready):
        missing = recovery.missing(name, factor)
        status.append({"method": name, "factor": factor, "status": "missing" if missing else "made"})
        learned = METHODS[name].learned
        if not missing:
            variants.append(Variant(name, name, recovery.weights(name, factor) if learned else None))
        file = realistic_weights(name, factor, options.bundled)
        if learned and file.is_file():
            variants.append(Variant(f"{name}, realistic", name, Trained.of_file(file, "bundled")))
    return variants, status


def error_of(recovery: Recovery, coarse: xr.Dataset, fine: xr.Dataset, variant: Variant, factor: int) -> float:
    """Return the nRMSE of a variant on one coarse matrix, from the cache or computed.

    Warnings that rows do not fit what a method presumes are not shown: the error is the answer.
    """
    weights = variant.weights
    key = {
        "method": variant.method,
        "version": METHODS[variant.method].version,
        "factor": factor,
        "coarse": digest(coarse["system_matrix"].values),
        "fine": digest(fine["system_matrix"].values),
        "weights": None if weights is None else weights.digest,
    }

    def compute() -> Row:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            recovered = recovered_by(coarse, variant.method, None if weights is None else weights.weights)
        return {"nrmse": nrmse(recovered, fine)}

    return float(recovery.cache.row(f"imperfection_{variant.method}_{factor}x", key, compute)["nrmse"])
