"""Methods of recovery with each of their bundled weights, and their errors on single matrices.

A network may have two sets of weights: those of ideal scanners, under its own name, and those that were trained on
imperfect ones (`calib.learned.bundled.realistic_weights`), whose name here ends in "realistic". Studies of imperfect
scanners show both.
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass, replace

import xarray as xr

from calib.evaluation import evaluate
from calib.learned.bundled import realistic_weights
from calib.nets.table import FACTORS
from calib.recovery import METHODS
from calib.studies.harness.bounds import known_scanner
from calib.studies.harness.recovery import Recovery, recovered_by
from calib.studies.harness.results import Row
from calib.studies.harness.trained import Trained
from mpisim.data.metrics import nrmse
from mpisim.data.schema import STD
from mpisim.errors import DataWarning
from mpisim.io.digest import digest

__all__ = ["Variant", "error_of", "figures_of", "ready_variants"]

_WITHOUT_DEVIATION = ("bicubic", "ridge", "profile")
"""Methods that are no networks and state no standard deviation."""
_NO_FIGURES = dict.fromkeys(("within_68", "within_95", "std_over_rmse", "instead", "scanner"))


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

    Where the user chooses no methods they are those that have weights or need none. Networks are left out at factors
    that none is made for.
    """
    options = recovery.options
    untrained = Recovery(replace(options, train=False))
    possible = [name for name in METHODS if factor in FACTORS or not METHODS[name].learned]
    ready = [name for name in possible if not untrained.missing(name, factor)]
    variants: list[Variant] = []
    status: list[Row] = []
    for name in options.chosen(tuple(METHODS), ready):
        if name not in possible:
            continue
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

    def compute() -> Row:
        return {"nrmse": nrmse(_recovered(coarse, variant), fine)}

    name = f"imperfection_{variant.method}_{factor}x"
    return float(recovery.cache.row(name, _key(coarse, fine, variant, factor), compute)["nrmse"])


def figures_of(recovery: Recovery, coarse: xr.Dataset, fine: xr.Dataset, variant: Variant, factor: int) -> Row:
    """Return error and coverage of a variant on one coarse matrix, from the cache or computed.

    The row holds `nrmse`, the figures of `mpisim.data.coverage.Coverage` (None where the method states no deviation),
    `instead`, the method that recovered the rows where this one gave up, and `scanner`, what
    `calib.studies.harness.bounds` needs of a fitted one. The row of a method that states no deviation, such as a
    network, is that of `error_of`.
    """
    if variant.weights is not None or variant.method in _WITHOUT_DEVIATION:
        return {**_NO_FIGURES, "nrmse": error_of(recovery, coarse, fine, variant, factor)}

    def compute() -> Row:
        found = _recovered(coarse, variant)
        about = found.attrs["recovery"]
        covered = evaluate(found, fine).coverage if STD in found else None
        return {
            **_NO_FIGURES,
            **({} if covered is None else asdict(covered)),
            "nrmse": nrmse(found, fine),
            "instead": about.get("instead"),
            "scanner": known_scanner(about) if "angle_errors" in about else None,
        }

    return recovery.cache.row(f"limits_{variant.method}_{factor}x", _key(coarse, fine, variant, factor), compute)


def _key(coarse: xr.Dataset, fine: xr.Dataset, variant: Variant, factor: int) -> Row:
    return {
        "method": variant.method,
        "version": METHODS[variant.method].version,
        "factor": factor,
        "coarse": digest(coarse["system_matrix"].values),
        "fine": digest(fine["system_matrix"].values),
        "weights": None if variant.weights is None else variant.weights.digest,
    }


def _recovered(coarse: xr.Dataset, variant: Variant) -> xr.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return recovered_by(coarse, variant.method, None if variant.weights is None else variant.weights.weights)
