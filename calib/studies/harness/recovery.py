"""What the studies of recovery share: test matrices, weights, cached errors, and the rows of their tables.

Every matrix is measured coarsely as a method needs it, with the noise of the protocol (33.7 dB re RMS of the block
means) or none; the seed of matrix m of the test split is m, so methods of one sampling see the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from calib.recovery import METHODS, recover
from calib.studies.harness.cache import ResultCache
from calib.studies.harness.protocol import TESTS
from calib.studies.harness.results import deviation, text_table
from calib.studies.harness.study import StudyOptions
from mpisim.data.metrics import nrmse
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.data.sampling import downsample
from mpisim.data.views import as_images
from mpisim.io.digest import digest

if TYPE_CHECKING:
    from calib.studies.harness.trained import Trained, TrainingData
    from calib.training.recipe import TrainConfig

__all__ = ["NOISES", "Recovery", "as_dataset", "as_text", "curves_of", "missing_note"]

NOISES = ("noiseless", "noisy")


class Recovery:
    """Recoveries of the test matrices under the choices of a user.

    Parameters
    ----------
    options
        The choices.
    """

    def __init__(self, options: StudyOptions) -> None:
        from calib.studies.harness.trained import TrainingData

        self.options = options
        self.cache = ResultCache(options.store)
        self.data = TrainingData(lambda: options.matrices("train"), lambda: options.matrices("validation"))
        self._weights: dict[tuple[str, int, bool], Trained | None] = {}

    @cached_property
    def test(self) -> list[xr.Dataset]:
        """The test matrices; few in the short form."""
        return self.options.matrices("test")

    @cached_property
    def test_digest(self) -> str:
        """Digest of the test matrices."""
        return digest(*(m["system_matrix"].values for m in self.test))

    @property
    def complete(self) -> bool:
        """Whether results may be set beside published ones: the whole test split, and no short form."""
        return not self.options.quick and len(self.test) == TESTS

    def weights(self, method: str, factor: int, noiseless: bool = False) -> Trained | None:
        """Return the weights of a learned method, trained if the user wants that, or None if there are none.

        Otherwise they are those that ship, which may be other ones for exact block means (`noiseless`), or else of the
        budget's training in the cache, or else of the longest one there.
        """
        from calib.studies.harness.convergence import longest
        from calib.studies.harness.trained import shipped

        key = (method, factor, noiseless)
        if key not in self._weights:
            known = None if self.options.train else shipped(method, factor, noiseless)
            known = known or self.of_budget(method, factor)
            self._weights[key] = known or longest(self.config(method, factor), self.data, self.options.store)
        return self._weights[key]

    def of_budget(self, method: str, factor: int) -> Trained | None:
        """Return the weights of the very training of the budget, trained if the user wants that, or None.

        With these, methods of equal budgets are compared (Table II, Fig. 4 and 5).
        """
        return self.weights_of(self.config(method, factor), self.data)

    def missing(self, method: str, factor: int) -> bool:
        """Whether a method is learned and has no weights."""
        return METHODS[method].learned and self.weights(method, factor) is None

    def config(self, method: str, factor: int) -> TrainConfig:
        """Return the training of a method under the user's budget."""
        from calib.studies.harness.budgets import STEPS, study_config

        return study_config(method, factor, self.options.steps_of(STEPS[method, factor]))

    def curve(self, known: Trained) -> list[dict[str, Any]]:
        """Return the learning curve of weights, a row per validation; an epoch is all rows of the training matrices.

        Of weights that were trained on from others it is the last part, with the steps and minutes before added.
        """
        count = len(self.data.training) * len(as_images(self.data.training[0]))
        steps, minutes = known.before
        return [
            {
                "method": known.train["method"],
                "factor": known.train["factor"],
                "step": steps + int(entry["step"]),
                "epoch": (steps + entry["step"]) * known.train["batch"] / count,
                "minutes": minutes + entry["minutes"],
                "nrmse_percent": 100 * entry["validation_nrmse"],
            }
            for entry in known.log
        ]

    def recovered(
        self,
        coarse: xr.Dataset,
        method: str,
        factor: int,
        how: Callable[..., xr.Dataset] = recover,
        **options: Any,
    ) -> xr.Dataset:
        """Recover a coarse matrix with the weights of a method that is not missing, or take it from the cache.

        `how` recovers (coarse, method, weights, **options).
        """
        known = self.weights(method, factor) if METHODS[method].learned else None
        key = {
            "method": method,
            "version": METHODS[method].version,
            "coarse": digest(coarse["system_matrix"].values),
            "weights": None if known is None else known.digest,
            "how": how.__name__,
            **options,
        }
        file = None if known is None else known.weights
        return self.cache.matrix(f"matrix_{method}_{factor}x", key, lambda: how(coarse, method, file, **options))

    def weights_of(self, config: TrainConfig, data: Any) -> Trained | None:
        """Return the weights of one training, from the cache or, if the user wants that, trained; or None."""
        from calib.studies.harness.trained import cached, trained

        if self.options.train:
            return trained(config, data, self.options.store, self.options.device)
        return cached(config, data, self.options.store)

    def errors(self, method: str, factor: int, noise: str, weights: Trained | None = None) -> dict[str, Any]:
        """Return `nrmse` (fractions) of every recovered test matrix, and the number `rows_not_converged` of all."""
        snr = PROTOCOL_SNR if noise == "noisy" else None
        scheme = METHODS[method].schemes[0]
        file = None if weights is None else weights.weights

        def compute() -> Mapping[str, Any]:
            found, stopped = [], 0
            for m, fine in enumerate(self.test):
                recovered = recover(downsample(fine, factor, scheme, snr=snr, seed=m), method, file)
                found.append(nrmse(recovered, fine))
                stopped += recovered.attrs["recovery"].get("rows_not_converged", 0)
            return {"nrmse": found, "percent": 100 * float(np.mean(found)), "rows_not_converged": stopped}

        key = {
            "method": method,
            "version": METHODS[method].version,
            "factor": factor,
            "snr": snr,
            "scheme": scheme,
            "seed": "number of the matrix",
            "matrices": self.test_digest,
            "weights": None if weights is None else weights.digest,
        }
        told = f"{method} {factor}x {noise}: {{percent:.3g}} %"
        return self.cache.row(f"recovery_{method}_{factor}x_{noise}", key, compute, told)

    def line(
        self, method: str, factor: int, noise: str, published: float | None, weights: Trained | None
    ) -> dict[str, Any]:
        """Return a row of a table: our figure, the published one, and how the weights were made.

        `nrmse` (fractions over matrices) is there for the file; it is taken out before a table is written.
        """
        missing = METHODS[method].learned and weights is None
        made = {} if missing else self.errors(method, factor, noise, weights)
        found = made.get("nrmse")
        ours = None if found is None else 100 * float(np.mean(found))
        published = published if self.complete else None
        return {
            "method": method,
            "factor": factor,
            "noise": noise,
            "nrmse_percent": ours,
            "published_percent": published,
            "difference_percent": deviation(ours, published),
            **self.training_of(weights, missing),
            "rows_not_converged": made.get("rows_not_converged"),
            "nrmse": found,
        }

    def training_of(self, weights: Trained | None, missing: bool, data: TrainingData | None = None) -> dict[str, Any]:
        """Return the columns that say how weights were made, of the study's training data or of others."""
        from_run = dict.fromkeys(
            ("weights", "steps", "minutes", "parameters", "validation_percent", "gain_percent", "converged")
        )
        if weights is None:
            return {"status": "missing" if missing else "no training", **from_run}
        from calib.studies.harness.convergence import CONVERGED, gain

        gained = gain(weights, data or self.data, self.options.store)
        return {
            "status": "trained",
            "weights": weights.source,
            "steps": weights.steps,
            "minutes": weights.minutes,
            "parameters": weights.parameters,
            "validation_percent": None if weights.validation is None else 100 * weights.validation,
            "gain_percent": gained,
            "converged": "unknown" if gained is None else "yes" if gained < CONVERGED else "no",
        }


def as_dataset(lines: Sequence[Mapping[str, Any]], matrices: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return `nrmse` (method, factor, noise, matrix) of the rows of a table, NaN where weights are missing."""
    names = {key: list(dict.fromkeys(line[key] for line in lines)) for key in ("method", "factor", "noise")}
    values = np.full((*map(len, names.values()), len(matrices)), np.nan)
    for line in lines:
        if line["nrmse"] is not None:
            values[tuple(names[key].index(line[key]) for key in names)] = line["nrmse"]
    coords = {
        **names,
        "sf_gradient": ("matrix", [float(m["sf_gradient"]) for m in matrices], {"units": "T/m"}),
        "particle_diameter": ("matrix", [float(m["particle_diameter"]) for m in matrices], {"units": "m"}),
    }
    data = xr.Dataset({"nrmse": ((*names, "matrix"), values, {"units": "1"})}, coords=coords)
    return data.assign_attrs(snr=PROTOCOL_SNR)


def curves_of(table: Sequence[Mapping[str, Any]]) -> xr.Dataset:
    """Return the rows of learning curves (`Recovery.curve`) as a dataset of points."""
    numbers = ("factor", "step", "epoch", "minutes", "nrmse_percent")
    return xr.Dataset(
        {key: ("point", np.array([row[key] for row in table], dtype=float)) for key in numbers},
        coords={"method": ("point", [row["method"] for row in table])},
    )


def as_text(title: str, lines: Sequence[Mapping[str, Any]], notes: Iterable[str] = ()) -> str:
    """Return a table for the terminal: ours, the published figure and how far ours is off it, and the training."""
    marks = {"no": "*", "unknown": "?"}
    cells = []
    for row in lines:
        ours = "missing" if row["nrmse_percent"] is None else f"{row['nrmse_percent']:.2f}"
        published, off = row["published_percent"], row["difference_percent"]
        cells.append(
            (
                row["method"],
                f"{row['factor']}x",
                row["noise"],
                ours + marks.get(row["converged"], "" if row["converged"] is None else " "),
                None if published is None else f"{published:.2f}",
                None if off is None else f"{off:+.0f}%",
                row["steps"],
                None if row["minutes"] is None else f"{row['minutes']:.1f}",
                row["parameters"],
            )
        )
    used = {row["converged"] for row in lines}
    legend = ["* twice the steps lowered the error by over 2 %: not converged"] * ("no" in used)
    legend += ["? not known whether it converged: no run of at most half the steps to compare"] * ("unknown" in used)
    titles = ("method", "factor", "noise", "ours", "paper", "off by", "steps", "minutes", "parameters")
    return "\n".join([title, text_table(titles, cells, [*legend, *notes])])


def missing_note(options: StudyOptions, lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return what to say about missing weights: the command line that makes them."""
    missing = sorted({(line["method"], line["factor"]) for line in lines if line["status"] == "missing"})
    if not missing:
        return []
    named = ", ".join(f"{m} {f}x" for m, f in missing)
    methods = tuple(dict.fromkeys(m for m, _ in missing))
    factors = tuple(sorted({f for _, f in missing}))
    command = options.command("weights", quick=False, methods=methods, factors=factors, train=True)
    return [f"no weights of {named}; make them with:", f"  {command}"]
