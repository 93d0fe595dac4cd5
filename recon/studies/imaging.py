"""Images from recovered matrices, by the commands of the table: what Table IV and Fig. 7 share.

For every test matrix two tubes are measured at 30 dB on a grid twice as fine as the image's (no inverse crime), the
left one 2 to 6 mm wide and 8 to 12 mm from the right one, drawn once per matrix. The images are those of
`mpisim reconstruct`: ADMM with the paper's weights, x >= 0, and, for every matrix and the reference alike,
`--eps auto`: the radius of the noise ball from the data, at least the paper's sqrt(M), at which a matrix in error can
leave no image at all. An image is compared with the one from the reference matrix, as published, and with the phantom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

import numpy as np
import xarray as xr

from calib.studies.harness.cache import ResultCache
from calib.studies.harness.study import StudyOptions, studies
from mpisim.cli.command import call
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.io import read, write
from mpisim.io.digest import digest

__all__ = ["FIGURES", "Imaging", "Recipe", "recipes"]

IMAGE_SNR = 30.0
FIGURES = ("psnr", "ssim", "psnr_phantom", "ssim_phantom")
_KEPT = (*FIGURES, "eps", "feasible", "converged", "iterations")


@dataclass(frozen=True)
class Recipe:
    """How a matrix is recovered: method, factor, sampling, how its weights were made, if it has any, and its version."""

    method: str
    factor: int
    sampling: str
    learned: bool
    training: Mapping[str, Any]
    version: int = 1

    @property
    def missing(self) -> bool:
        """Whether it has no weights."""
        return self.learned and self.training["file"] is None


def recipes(options: StudyOptions, usual: Sequence[str] | None = None) -> tuple[list[Recipe], list[str]]:
    """Return what is recovered for a study (by the usual methods, or all), and what to tell about missing weights."""
    listed = call("methods", [])["methods"]
    methods = options.chosen(tuple(listed), usual)
    learned = tuple(name for name in methods if listed[name]["learned"])
    told: list[str] = []
    trained: dict[tuple[str, int], Mapping[str, Any]] = {}
    if learned:
        chosen = {k: v for k, v in vars(options).items() if k not in ("out", "methods", "cache")}
        result = studies()["weights"](options.store / "weights", methods=learned, cache=options.store, **chosen)
        trained = {(row["method"], row["factor"]): row for row in result["table"]}
        told = result["missing"]
    cases = [(m, f) for m in methods for f in options.factors or ()]
    empty = {"status": "no training", "file": None, "digest": None}
    return [
        Recipe(m, f, listed[m]["sampling"][0], listed[m]["learned"], trained.get((m, f), empty), listed[m]["version"])
        for m, f in cases
    ], told


class Imaging:
    """Measurements and images of matrices, as files in a folder that is removed in the end.

    Parameters
    ----------
    options
        The user's choices.
    matrices
        Fine matrices.
    phantoms
        Width of the left tube and gap in mm, for every matrix; None draws them.
    """

    def __init__(
        self, options: StudyOptions, matrices: list[xr.Dataset], phantoms: list[tuple[float, float]] | None = None
    ) -> None:
        self.matrices = matrices
        self.phantoms = phantoms or [_tubes(m) for m in range(len(matrices))]
        self.cache = ResultCache(options.store)
        self._folder = TemporaryDirectory(prefix="mpisim-study-")
        self._references: dict[int, Mapping[str, Any]] = {}

    def __enter__(self) -> Imaging:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    @cached_property
    def about(self) -> dict[str, Any]:
        """What all rows depend on."""
        values = [m["system_matrix"].values for m in self.matrices]
        told = {"snr": PROTOCOL_SNR, "image_snr": IMAGE_SNR, "eps": "auto", "seed": "number of the matrix"}
        return {"matrices": digest(*values), "phantoms": self.phantoms, **told}

    def file(self, name: str, m: int) -> Path:
        """Where a file of a matrix lies."""
        return Path(self._folder.name) / f"{name}_{m}.nc"

    def reference(self, m: int) -> Mapping[str, Any]:
        """Measure the phantom with a matrix and reconstruct it with the same; return the figures."""
        if m not in self._references:
            matrix, y = self.file("matrix", m), self.file("y", m)
            write(self.matrices[m], matrix)
            left, gap = self.phantoms[m]
            tubes = ["--phantom", "tubes", "--left-width", left, "--gap", gap]
            call("measure", [matrix, *tubes, "--snr", IMAGE_SNR, "--seed", m, "--out", y])
            self._references[m] = call("reconstruct", [matrix, y, "--eps", "auto", "--out", self.file("reference", m)])
        return self._references[m]

    def image(self, recipe: Recipe, m: int) -> Mapping[str, Any]:
        """Recover a matrix from noisy data and reconstruct with it; return the figures."""
        self.reference(m)
        coarse, fine, image = (self.file(name, m) for name in ("coarse", "fine", f"{recipe.method}_{recipe.factor}x"))
        how = ["--factor", recipe.factor, "--sampling", recipe.sampling, "--snr", PROTOCOL_SNR, "--seed", m]
        call("downsample", [self.file("matrix", m), *how, "--out", coarse])
        weights = [] if recipe.training["file"] is None else ["--weights", recipe.training["file"]]
        call("recover", [coarse, "--method", recipe.method, *weights, "--out", fine])
        compared = ["--eps", "auto", "--reference", self.file("reference", m)]
        return call("reconstruct", [fine, self.file("y", m), *compared, "--out", image])

    def figures(self, recipe: Recipe) -> dict[str, list[Any]]:
        """Return the figures of every matrix, from the cache or made."""
        name = f"image_{recipe.method}_{recipe.factor}x"
        own = {
            "method": recipe.method,
            "version": recipe.version,
            "factor": recipe.factor,
            "weights": recipe.training["digest"],
        }
        told = f"{recipe.method} {recipe.factor}x: images of {len(self.matrices)} matrices"
        return self.cache.row(name, {**self.about, **own}, lambda: self._all(lambda m: self.image(recipe, m)), told)

    def reference_figures(self) -> dict[str, list[Any]]:
        """Return the figures of the reference matrices, against the phantom."""
        return self.cache.row("image_reference", self.about, lambda: self._all(self.reference))

    def shown(self, recipe: Recipe | None, m: int) -> xr.Dataset:
        """Return an image of one matrix, from the cache or made; its attributes hold its figures.

        Without a recipe it is that of the reference matrix, with the `phantom` beside it.
        """
        name = "reference" if recipe is None else f"{recipe.method}_{recipe.factor}x"
        own = {} if recipe is None else {"weights": recipe.training["digest"], "version": recipe.version}

        def make() -> xr.Dataset:
            figures = self.reference(m) if recipe is None else self.image(recipe, m)
            image = read(self.file(name, m))
            if recipe is None:
                image = image.assign(phantom=read(self.file("y", m))["phantom"])
            return image.assign_attrs({k: figures[k] for k in FIGURES if figures.get(k) is not None})

        return self.cache.matrix(f"shown_{name}", {**self.about, "matrix": m, "image": name, **own}, make)

    def _all(self, one: Any) -> dict[str, list[Any]]:
        results = [one(m) for m in range(len(self.matrices))]
        return {key: [r[key] for r in results] for key in _KEPT if key in results[0]}


def _tubes(m: int) -> tuple[float, float]:
    """Width of the left tube and gap, in mm to a tenth, of the m-th matrix."""
    left, gap = np.random.default_rng([7, m]).uniform((2.0, 8.0), (6.0, 12.0)).round(1).tolist()
    return left, gap
