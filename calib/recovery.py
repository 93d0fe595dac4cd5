"""Recovery of fine system matrices from coarse ones: one protocol, one table of methods.

A method takes the coarse rows (row, h, w), their complex noise deviation (row,) and the sampling of the file, and gives
the fine rows (row, H, W). `recover` does everything around it: what may be given, the axes, provenance.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from calib.learned.bundled import bundled_weights
from calib.methods.bicubic import apply_separable, bicubic_matrix
from calib.methods.compressed import compressed_sensing
from calib.methods.consistency import nearest_consistent
from calib.methods.profile import profile
from mpisim.data.noise import rms
from mpisim.data.sampling import expect_coarse, fine_axes, sample_offset
from mpisim.data.views import as_images, noise_per_row, replace_rows
from mpisim.errors import InputError, one_of, positive, require
from mpisim.progress import progress

if TYPE_CHECKING:
    import torch

    from calib.learned.model import RecoveryModel

__all__ = ["METHODS", "Method", "apply_model", "recover"]

_ROWS_AT_ONCE = {"cpu": 32, "other": 256}  # what the caches of a processor hold, what keeps a GPU busy


@dataclass(frozen=True)
class Method:
    """An entry of the table.

    Parameters
    ----------
    summary
        One line for `mpisim methods`.
    schemes
        Samplings it can take.
    apply
        Recovers a coarse dataset: (dataset, weights or None) -> fine rows (row, H, W) and what to note.
    learned
        Whether it needs weights; then `apply` takes a `unit`, too.
    version
        Raised by whoever changes the numbers that the method gives: results that studies keep are computed again.
    """

    summary: str
    schemes: tuple[str, ...]
    apply: Callable[..., tuple[np.ndarray, Mapping[str, Any]]]
    learned: bool = False
    version: int = 1


def recover(
    coarse: xr.Dataset,
    method: str = "transms",
    weights: str | os.PathLike[str] | None = None,
    unit: float | None = None,
) -> xr.Dataset:
    """Recover the fine system matrix of a coarse one.

    Parameters
    ----------
    coarse
        A coarse system matrix of the schema.
    method
        A name of `METHODS`.
    weights
        A weights file of `mpisim train`; None takes the one that ships with the package, for a file without noise the
        one that was trained on for exact block means, if there is one.
    unit
        RMS of all coarse values of the whole matrix, in its unit, where `coarse` is a part of one; None takes that of
        `coarse`. Networks whose `scaling` is `amplitude` (the shipped ones of 8x) see how strong a row is against it.

    Returns
    -------
    xarray.Dataset
        A fine system matrix with origin `recovered`.

    Raises
    ------
    InputError
        If the method is unknown, the matrix is not coarse or not sampled as the method asks, the weights are missing or
        made for another method or factor, or the unit is not positive.
    """
    one_of("method", method, METHODS)
    entry = METHODS[method]
    expect_coarse(coarse, entry.schemes, method)
    unit = None if unit is None else positive("unit", unit)
    require(entry.learned or weights is None, "weights", f"left out for the method {method}", str(weights))
    values, notes = entry.apply(coarse, weights, **({"unit": unit} if entry.learned else {}))
    x, y = fine_axes(coarse)
    recovery = {"method": method, "sampling": coarse.attrs["sampling"], **notes}
    return replace_rows(
        coarse.drop_vars("sampled", errors="ignore"),
        values,
        x,
        y,
        stage="fine",
        origin="recovered",
        recovery=recovery,
        sampling=None,
    )


def _bicubic(coarse: xr.Dataset, offset: float = 0.0) -> np.ndarray:
    factor = coarse.attrs["sampling"]["factor"]
    values = as_images(coarse)
    along_y, along_x = (bicubic_matrix(n, factor, offset) for n in values.shape[-2:])
    return apply_separable(along_y, along_x, values)


def bicubic(coarse: xr.Dataset, weights: None) -> tuple[np.ndarray, Mapping[str, Any]]:
    """Bicubic interpolation of block means, equal to MATLAB's imresize."""
    return _bicubic(coarse), {}


def bicubic_strided(coarse: xr.Dataset, weights: None) -> tuple[np.ndarray, Mapping[str, Any]]:
    """Bicubic interpolation of strided samples as if they lay at the centres of their blocks, as published."""
    return _bicubic(coarse), {}


def bicubic_strided_aligned(coarse: xr.Dataset, weights: None) -> tuple[np.ndarray, Mapping[str, Any]]:
    """Bicubic interpolation of strided samples where they lie, (S - 1)/2 voxels off the centres."""
    return _bicubic(coarse, sample_offset("strided", coarse.attrs["sampling"]["factor"])), {}


def bicubic_dc(coarse: xr.Dataset, weights: None) -> tuple[np.ndarray, Mapping[str, Any]]:
    """Bicubic interpolation projected on the measured block means to within the noise (TranSMS Eq. 22)."""
    factor = coarse.attrs["sampling"]["factor"]
    return nearest_consistent(_bicubic(coarse), as_images(coarse), noise_per_row(coarse), factor), {}


def ridge(coarse: xr.Dataset, weights: None) -> tuple[np.ndarray, Mapping[str, Any]]:
    """Every row as the most likely ridge (`calib.methods.ridge`), then data consistency: physics, no training."""
    from calib.methods.ridge import ridge_interpolate

    def interpolate(means: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        return ridge_interpolate(means, sigma, factor)

    factor = coarse.attrs["sampling"]["factor"]
    found = apply_in_batches(interpolate, coarse)
    return nearest_consistent(found, as_images(coarse), noise_per_row(coarse), factor), {}


def _learned(
    method: str, coarse: xr.Dataset, weights: str | os.PathLike[str] | None, unit: float | None = None
) -> tuple[np.ndarray, Mapping[str, Any]]:
    """Recover by a network with weights from a file or from the package."""
    from calib.nets import NETS

    file = weights_file(coarse, method, weights)
    model, about = load_network(file, method, coarse.attrs["sampling"]["factor"])
    sides = as_images(coarse).shape[-2:]
    fits = not NETS[method].even or all(n % 2 == 0 for n in sides)
    require(fits, "coarse", f"of even sides for {method}", f"{sides[1]} x {sides[0]}")
    found = apply_in_batches(model, coarse, unit=unit)
    return found, {"weights": file.name, "trained": about.get("train")}


def weights_file(coarse: xr.Dataset, method: str, weights: str | os.PathLike[str] | None = None) -> Path:
    """Return the file with a network's weights: the given one, or the one that ships for this factor and noise.

    Raises `InputError` if none is given and none ships.
    """
    factor = coarse.attrs["sampling"]["factor"]
    file = bundled_weights(method, factor, not noise_per_row(coarse).any()) if weights is None else Path(weights)
    if weights is None and not file.is_file():
        raise InputError(
            f"Input weights must be given for {method} at {factor}x, for which none ship with the package; "
            "instead received none."
        )
    return file


def load_network(file: Path, method: str, factor: int) -> tuple[RecoveryModel, dict[str, Any]]:
    """Load the model of a weights file, and what the file tells of it.

    Raises `InputError` if it was made for another method or factor.
    """
    from calib.learned.checkpoint import load_model

    model, about = load_model(file)
    fits = (model.config.method, model.config.factor) == (method, factor)
    require(
        fits, "weights", f"made for {method} at {factor}x", f"{model.config.method} at {model.config.factor}x in {file}"
    )
    return model, about


def apply_model(model: RecoveryModel, coarse: xr.Dataset) -> xr.Dataset:
    """Recover a coarse matrix with a model in memory, in bounded batches."""
    found = apply_in_batches(model.eval(), coarse, next(model.parameters()).device)
    return replace_rows(coarse, found, *fine_axes(coarse), stage="fine", origin="recovered", sampling=None)


def apply_in_batches(
    recover_rows: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    coarse: xr.Dataset,
    device: Any = "cpu",
    unit: float | None = None,
    finer: int | None = None,
) -> np.ndarray:
    """Recover fine rows by a function of (rows (B, 2, h, w), their noise deviation (B,)), in bounded batches.

    Both are in units of the RMS of all coarse values, or of `unit`. The rows that come out have `finer` times as many
    voxels along each edge, by default the sampling's factor.
    """
    import torch

    from calib.learned.model import from_channels, to_channels

    values, sigma = as_images(coarse), noise_per_row(coarse)
    unit = unit or float(rms(values)) or 1.0  # single precision holds rows of any unit
    finer = coarse.attrs["sampling"]["factor"] if finer is None else finer
    found = np.empty((len(values), *(finer * n for n in values.shape[-2:])), np.complex64)
    with torch.inference_mode():
        at_once = _ROWS_AT_ONCE["cpu" if torch.device(device).type == "cpu" else "other"]
        for start in progress(range(0, len(values), at_once), unit="batch"):
            part = slice(start, start + at_once)
            noise = torch.from_numpy((sigma[part] / unit).astype(np.float32)).to(device)
            found[part] = from_channels(recover_rows(to_channels(values[part] / unit).to(device), noise))
    found *= np.float32(unit)
    return found


def _network(method: str, summary: str, scheme: str = "box") -> Method:
    return Method(summary, (scheme,), partial(_learned, method), learned=True)


METHODS: dict[str, Method] = {
    "bicubic": Method("bicubic interpolation of block means (MATLAB imresize)", ("box",), bicubic),
    "bicubic-dc": Method("bicubic, then data consistency with the block means", ("box",), bicubic_dc),
    "bicubic-strided": Method("bicubic of strided samples, unaligned as published", ("strided",), bicubic_strided),
    "bicubic-strided-aligned": Method(
        "bicubic of strided samples where they lie", ("strided",), bicubic_strided_aligned
    ),
    "cs": Method("compressed sensing: random voxels, sparse in the Fourier domain", ("random",), compressed_sensing),
    "ridge": Method("every row as the most likely ridge, then data consistency; nothing trained", ("box",), ridge),
    "profile": Method(
        "one profile per harmonic for all angles of an ideal scanner; nothing trained", ("box",), profile
    ),
    "srcnn": _network("srcnn", "SRCNN: three convolutions on the bicubic upsample"),
    "vdsr": _network("vdsr", "VDSR: 20 convolutions that correct the bicubic upsample"),
    "smrnet": _network("smrnet", "2d-SMRnet: residual dense blocks on strided samples", "strided"),
    "transms": _network("transms", "TranSMS: transformer and dense branch, data consistency; after a ridge fit"),
    "transms-plain": _network("transms-plain", "TranSMS without the ridge fit"),
    "transms-nodc": _network("transms-nodc", "TranSMS without data consistency"),
    "rdsr": _network("rdsr", "TranSMS without the transformer branch"),
    "ctsr": _network("ctsr", "TranSMS without the convolution branch"),
    "cnn-vit": _network("cnn-vit", "TranSMS of plain convolutions and a vision transformer"),
    "rd-vit": _network("rd-vit", "TranSMS with a vision transformer"),
    "cnn-ct": _network("cnn-ct", "TranSMS with plain convolutions"),
}
