"""Images from recovered matrices: what Table IV and Fig. 7 share.

For every test matrix two tubes are measured at 30 dB on a grid twice as fine as that of the image (no inverse crime).
The left one is 2 to 6 mm wide and 8 to 12 mm from the right one, drawn once per matrix. Images are reconstructed by
ADMM with the weights of the paper (the preset `transms`) and x >= 0. For every matrix and for the reference alike the
radius of the noise ball comes from the data (`eps="auto"`) and is at least sqrt(M), that of the paper, at which a
matrix in error can have no image at all. An image is compared with the one from the reference matrix, as published, and
with the phantom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import xarray as xr

from calib.recovery import METHODS
from calib.studies.harness.cache import ResultCache
from calib.studies.harness.missing import missing_note
from calib.studies.harness.recovery import Recovery, recovered_by
from calib.studies.harness.results import Row
from calib.studies.harness.trained import Trained
from mpisim.data.downsampling import downsample
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.io.digest import digest
from recon import methods
from recon.compare import image_figures
from recon.measurement import measure
from recon.phantoms import tubes
from recon.reconstruction import reconstruct

__all__ = ["FIGURES", "Imaging", "RecoveryCase", "Values", "recovery_cases"]

IMAGE_SNR = 30.0
"""RMS of the measured signal over the noise in dB."""
FIGURES = ("psnr", "ssim", "psnr_phantom", "ssim_phantom")
"""Figures of an image against the reference image and against the phantom."""
Values: TypeAlias = Mapping[str, Sequence[float | None]]
"""A number for every matrix, by the name of the figure."""
_SOLVER, _PRESET = "admm", "transms"
_CACHED = (*FIGURES, "eps", "feasible", "converged", "iterations")


@dataclass(frozen=True)
class RecoveryCase:
    """A method of recovery at a factor.

    Parameters
    ----------
    method, factor
        Name of the method, and voxels along the edge of a block.
    weights
        The weights; None for a method without, and where they are missing.
    training
        Columns of a table that state how the weights were trained (`calib.studies.harness.convergence`).
    """

    method: str
    factor: int
    weights: Trained | None
    training: Row

    @property
    def name(self) -> str:
        """Method and factor, as in `bicubic_4x`."""
        return f"{self.method}_{self.factor}x"

    @property
    def missing(self) -> bool:
        """Whether the method is learned and has no weights."""
        return self.training["status"] == "missing"

    @property
    def key(self) -> dict[str, object]:
        """What the recovered matrices depend on besides the coarse ones and the factor, for the cache."""
        digest_of_weights = None if self.weights is None else self.weights.digest
        return {"weights": digest_of_weights, "version": METHODS[self.method].version}


def recovery_cases(recovery: Recovery, default: Sequence[str] | None = None) -> tuple[list[RecoveryCase], list[str]]:
    """Return the cases of a study, and lines of text about missing weights.

    Where the user chooses no methods, they are those of `default`, or all.
    """
    options, cases = recovery.options, []
    for method in options.chosen(tuple(METHODS), default):
        for factor in options.factors or ():
            weights = recovery.weights(method, factor) if METHODS[method].learned else None
            training = recovery.training_columns(weights, recovery.missing(method, factor))
            cases.append(RecoveryCase(method, factor, weights, training))
    rows = [{"method": case.method, "factor": case.factor, **case.training} for case in cases]
    return cases, missing_note(options, rows)


@dataclass(frozen=True)
class _Reference:
    """A measurement and its image from the fine matrix."""

    y: xr.Dataset
    image: xr.Dataset


class Imaging:
    """Measurements with fine matrices, and images from recovered ones.

    Parameters
    ----------
    cache
        Where finished images and figures are stored.
    matrices
        Fine matrices.
    phantoms
        Width of the left tube and gap in mm, for every matrix; None draws them.
    """

    def __init__(
        self, cache: ResultCache, matrices: list[xr.Dataset], phantoms: list[tuple[float, float]] | None = None
    ) -> None:
        self.matrices = matrices
        self.phantoms = phantoms or [tube_lengths(m) for m in range(len(matrices))]
        self.cache = cache
        self._references: dict[int, _Reference] = {}

    @cached_property
    def key(self) -> dict[str, object]:
        """What all results depend on, as a key of the cache."""
        return {
            "matrices": digest(*(m["system_matrix"].values for m in self.matrices)),
            "phantoms": self.phantoms,
            "snr": PROTOCOL_SNR,
            "image_snr": IMAGE_SNR,
            "eps": "auto",
            "seed": "number of the matrix",
            "solver_version": methods.METHODS[_SOLVER].version,
        }

    def figures(self, case: RecoveryCase) -> Values:
        """Return the figures of the images of every matrix after recovery, from the cache or computed."""
        key = {**self.key, "method": case.method, "factor": case.factor, **case.key}
        message = f"{case.method} {case.factor}x: images of {len(self.matrices)} matrices"
        return self.cache.row(f"image_{case.name}", key, lambda: self._all(lambda m: self._image(case, m)), message)

    def reference_figures(self) -> Values:
        """Return the figures of the images from the fine matrices, against the phantom."""
        return self.cache.row("image_reference", self.key, lambda: self._all(lambda m: self._reference(m).image))

    def image(self, case: RecoveryCase | None, m: int) -> xr.Dataset:
        """Return an image of matrix m, from the cache or computed; its attributes hold its figures.

        Without a case it is the image from the fine matrix, with the `phantom` as a second variable.
        """
        name = "reference" if case is None else case.name
        key = {**self.key, "matrix": m, "image": name, **({} if case is None else case.key)}
        return self.cache.matrix(f"shown_{name}", key, lambda: self._drawn(case, m))

    def _drawn(self, case: RecoveryCase | None, m: int) -> xr.Dataset:
        reference = self._reference(m)
        if case is None:
            return reference.image.assign(phantom=reference.y["phantom"])
        return self._image(case, m)

    def _reference(self, m: int) -> _Reference:
        """Measure the phantom with matrix m and reconstruct the image with the same matrix."""
        if m not in self._references:
            left, gap = self.phantoms[m]
            y = measure(self.matrices[m], tubes(width_left=left * 1e-3, gap=gap * 1e-3), snr=IMAGE_SNR, seed=m)
            image = reconstruct(self.matrices[m], y, _SOLVER, eps="auto", preset=_PRESET)
            self._references[m] = _Reference(y, _with_figures(image, None, y))
        return self._references[m]

    def _image(self, case: RecoveryCase, m: int) -> xr.Dataset:
        """Recover matrix m from noisy coarse data and reconstruct the image with the recovered matrix."""
        reference = self._reference(m)
        scheme = METHODS[case.method].samplings[0]
        coarse = downsample(self.matrices[m], case.factor, scheme, snr=PROTOCOL_SNR, seed=m)
        fine = recovered_by(coarse, case.method, None if case.weights is None else case.weights.weights)
        image = reconstruct(fine, reference.y, _SOLVER, eps="auto", preset=_PRESET)
        return _with_figures(image, reference.image, reference.y)

    def _all(self, image: Callable[[int], xr.Dataset]) -> dict[str, list[float | None]]:
        attributes = [image(m).attrs for m in range(len(self.matrices))]
        known = [key for key in _CACHED if any(key in a for a in attributes)]
        return {key: [a.get(key) for a in attributes] for key in known}


def _with_figures(image: xr.Dataset, reference: xr.Dataset | None, y: xr.Dataset) -> xr.Dataset:
    """Return an image with its finite figures as attributes."""
    figures = image_figures(image, reference, y)
    return image.assign_attrs({k: figures[k] for k in FIGURES if figures.get(k) is not None})


def tube_lengths(m: int) -> tuple[float, float]:
    """Return the width of the left tube and the gap of the m-th matrix, in mm to a tenth."""
    left, gap = np.random.default_rng([7, m]).uniform((2.0, 8.0), (6.0, 12.0)).round(1).tolist()
    return left, gap
