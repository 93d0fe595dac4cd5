"""Which method recovers a coarse matrix that no scanner can be fitted to, or that is read block by block.

Where no method is named, `auto` asks first whether a fitted scanner or the covariance of known matrices describes the
matrix (`calib.automatic`). This is what it takes if neither does, and what a file in blocks, of which no method sees
all rows, has from the start.

For block means `transms` is taken if its bundled weights fit: they take the factor, and the matrix is within the scope
that they state (`calib.learned.scope`). Otherwise a method is taken that presumes less: `profile` (rows of an ideal
scanner), or `ridge` if there are no angles, or the matrix comes in blocks. For other samplings it is the interpolant
that knows where the samples lie, or compressed sensing. A warning gives the reason, unless the method is `transms` or
that of another sampling.

The data have the last word. Profiles have to predict block means that are held out of their fits
(`calib.methods.held_out`), and most rows have to be ridges for `ridge`; else the next simpler method is taken, and last
`bicubic-dc`. The part of its block means that `transms` leaves unexplained (`misfit`) shows whether a matrix is like
those of the training, for which it is about 1. Scanners whose coil sensitivity varies by up to 40 % over the field of
view have 1.2 to 2.4, and `transms` is among the best methods for them. Other grids and harmonics, for which it is 9 to
500 times worse than `profile`, have 6 to 600 at 4x and 8x. Above `MISFIT` a method is taken that presumes less.

Angles that look like degrees are not used: the choice is then that of a matrix without angles.

There may be weights that were trained on imperfect scanners. They are taken for simulated files that state such a
scanner. A measured file states none: there `transms` recovers it with the weights of ideal scanners first. If its
misfit is above `IDEAL_MISFIT`, the other weights are tried, and kept where they leave less unexplained. Without noise
there is no misfit, and the weights are those of ideal scanners; the reason says that this is not known.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr

from calib.learned.bundled import bundled_weights, realistic_weights
from calib.learned.differences import DEFAULT, MISFIT, differences, listed, unexplained
from calib.learned.facts import Facts
from calib.learned.scope import stated_metadata
from calib.methods.held_out import doubt_of_ridges, held_out
from calib.methods.profile import has_profiles, instead_of_profiles
from calib.nets.table import FACTORS, NETS
from mpisim.data.angles import look_like_degrees
from mpisim.data.sampling import Sampling
from mpisim.data.views import noise_per_row
from mpisim.errors import warn

__all__ = [
    "DEFAULT",
    "IDEAL_MISFIT",
    "MISFIT",
    "Choice",
    "choose",
    "choose_again",
    "named",
    "settle",
    "warn_of",
    "warn_of_degrees",
    "weights_of",
    "with_imperfect",
]

IDEAL_MISFIT = 1.5
"""Largest `misfit` with the weights of ideal scanners at which those of imperfect ones are not tried."""
_BLIND = 8  # factor from which a ridge explains the block means of nearly any row
_REFUTED = 0.04  # share of energy, as that of `held_out`, from which profiles do not count
_OF_SAMPLING = {"strided": "bicubic-strided-aligned", "random": "cs", "positions": "smooth-rows"}


@dataclass(frozen=True)
class Choice:
    """A method and why it was taken.

    Parameters
    ----------
    method
        Its name.
    reason
        Why it was taken, in words; the file of the recovered matrix states it. Empty where the method was named.
    unchecked
        Whether the matrix has not yet been compared with what the weights were trained on.
    usual
        Whether it was named, or is the method that a sound matrix of its sampling gets; a warning reports any other.
    imperfect
        Whether bundled weights that were trained on imperfect scanners are preferred.
    """

    method: str
    reason: str = ""
    unchecked: bool = True
    usual: bool = True
    imperfect: bool = False


def choose(coarse: xr.Dataset, weights: str | os.PathLike[str] | None = None, in_blocks: bool = False) -> Choice:
    """Choose a method for a coarse matrix; `settle` has the last word.

    Parameters
    ----------
    coarse
        The coarse system matrix, or a block of it.
    weights
        Weights that were given; the method is then the one that they belong to.
    in_blocks
        Whether it is a block; then no method is taken that needs all rows at once.
    """
    if weights is not None:
        method = str(stated_metadata(weights).get("model", {}).get("method", DEFAULT))
        return Choice(method if method in NETS else DEFAULT, "its weights were given")
    return _choice(_with_sound_angles(coarse), in_blocks)


def named(method: str, coarse: xr.Dataset) -> Choice:
    """Return the choice of a method that was named; its weights are those for the scanner that the matrix states."""
    return Choice(method, imperfect=Facts.of(coarse).imperfect is True)


def weights_of(
    choice: Choice, factor: int, weights: str | os.PathLike[str] | None, bundled: Path | None
) -> str | os.PathLike[str] | None:
    """Return the weights file of a choice: the one that was given, that for imperfect scanners, or `bundled`."""
    if weights is not None:
        return weights
    file = realistic_weights(choice.method, factor)
    return file if choice.imperfect and file.is_file() else bundled


def with_imperfect(coarse: xr.Dataset, choice: Choice, recovered: xr.Dataset) -> Choice | None:
    """Return the choice of weights for imperfect scanners, if they should be tried after those of ideal ones.

    That is where the default method was taken for a matrix that does not state its scanner, and leaves more unexplained
    than it does on ideal ones; the arguments are those of `choose_again`.
    """
    misfit = recovered.attrs["recovery"].get("misfit", 0.0)
    if choice.unchecked or choice.imperfect or misfit <= IDEAL_MISFIT or not _has_realistic(coarse):
        return None
    reason = f"{unexplained(misfit)} with the weights of ideal scanners, and less with those of imperfect ones"
    return Choice(DEFAULT, reason, unchecked=False, imperfect=True)


def choose_again(coarse: xr.Dataset, choice: Choice, recovered: xr.Dataset, in_blocks: bool = False) -> Choice:
    """Return the choice, or another one if the result of the default method does not explain the block means.

    The arguments are those of `choose`, which made the choice, and the result of the method, or of its first block.
    `settle` has the last word on the other one.
    """
    misfit = recovered.attrs["recovery"].get("misfit", 0.0)
    if choice.unchecked or misfit <= MISFIT:
        return choice
    reason = f"{unexplained(misfit)}: the matrix is unlike those of its training"
    return _lesser(_with_sound_angles(coarse), reason, in_blocks)


def settle(coarse: xr.Dataset, choice: Choice) -> Choice:
    """Return the choice, or another one where the data speak against its method.

    `profile` must predict block means that it has not seen; rows must be ridges for `ridge`. The noise of the coarse
    matrix must be known; the matrix may be the first block of a file.
    """
    if choice.usual:
        return choice
    if choice.method == "profile":
        choice = _unless(choice, _doubt_of_profiles(coarse), "ridge")
    if choice.method == "ridge":
        blind = Sampling.of(coarse).factor >= _BLIND
        doubt = f"block means at {_BLIND}x or more show too little of a ridge" if blind else doubt_of_ridges(coarse)
        choice = _unless(choice, doubt, "bicubic-dc")
    return choice


def _unless(choice: Choice, doubt: str, instead: str) -> Choice:
    """Return the choice, or, where there is a doubt about it, another method with both reasons."""
    return replace(choice, method=instead, reason=f"{choice.reason}, and {doubt}") if doubt else choice


def _doubt_of_profiles(coarse: xr.Dataset) -> str:
    """Return in words how profiles err at what is held out of their fits; empty where they predict it."""
    share = held_out(coarse)
    off = f"profiles err by {100 * share**0.5:.2g} % of the matrix at block means that were held out of their fits"
    return off if share > _REFUTED else ""


def warn_of(choice: Choice) -> None:
    """Say in one line which method was taken and why, if it is not the usual one."""
    if not choice.usual:
        warn(f"The method is {choice.method}, because {choice.reason}.")


def warn_of_degrees(angles: np.ndarray) -> None:
    """Warn in one line if the angles of a coarse matrix look like degrees."""
    if look_like_degrees(angles):
        most = float(np.abs(angles).max())
        warn(f"The angles of coarse go up to {most:.4g} rad and look like degrees; the result keeps them as they are.")


def _with_sound_angles(coarse: xr.Dataset) -> xr.Dataset:
    """Return a matrix without its angles where these look like degrees."""
    doubtful = "angle" in coarse.coords and look_like_degrees(coarse["angle"].values)
    return coarse.drop_vars("angle") if doubtful else coarse


def _choice(coarse: xr.Dataset, in_blocks: bool) -> Choice:
    sampling = Sampling.of(coarse)
    if sampling.scheme in _OF_SAMPLING:
        method = _OF_SAMPLING[sampling.scheme]
        return Choice(method, f"{DEFAULT} needs block means; this matrix has {sampling.scheme} samples")
    unfit = _unfit(coarse)
    return _lesser(coarse, unfit, in_blocks) if unfit else _fitting(coarse)


def _fitting(coarse: xr.Dataset) -> Choice:
    """Return the choice of the default method, with the weights that fit what the matrix states of its scanner."""
    imperfect, realistic = Facts.of(coarse).imperfect, _has_realistic(coarse)
    if imperfect and realistic:
        reason = "its weights were trained on imperfect scanners, such as this file states"
        return Choice(DEFAULT, reason, unchecked=False, imperfect=True)
    if imperfect:
        known = f"{DEFAULT} was trained on ideal scanners and this one has imperfections"
        reason = f"no other is known to be better, although {known}"
        return Choice(DEFAULT, reason, unchecked=False, usual=False)
    unknown = imperfect is None and realistic and not noise_per_row(coarse).any()
    reason = ", if the scanner is ideal, which is not known" if unknown else ""
    return Choice(DEFAULT, f"its weights were trained on such matrices{reason}", unchecked=False)


def _has_realistic(coarse: xr.Dataset) -> bool:
    """Whether there are weights of the default method for imperfect scanners that fit the matrix."""
    file = realistic_weights(DEFAULT, Sampling.of(coarse).factor)
    return file.is_file() and not differences(coarse, file, exact=True)


def _lesser(coarse: xr.Dataset, reason: str, in_blocks: bool) -> Choice:
    """Return the method that presumes less."""
    if not has_profiles(coarse) or in_blocks:
        return Choice("ridge", reason, usual=False)
    instead, why = instead_of_profiles(coarse)
    return Choice(instead or "profile", f"{reason}, and {why}" if instead else reason, usual=False)


def _unfit(coarse: xr.Dataset) -> str:
    """Return in words why the default method does not fit; empty where it does."""
    factor = Sampling.of(coarse).factor
    file = bundled_weights(DEFAULT, factor)
    if factor not in FACTORS or not file.is_file():
        return f"no weights of {DEFAULT} are bundled for {factor}x"
    different = differences(coarse, file, exact=True)
    return f"{DEFAULT} was trained on other matrices: this one has {listed(different)}" if different else ""
