"""Recovery of fine system matrices from coarse ones: one protocol, one table of methods.

A method takes a coarse dataset and returns its fine rows (`calib.methods.record`). `recover` does everything around it:
it checks what may be given and what comes back, and sets the voxels and the provenance of the fine matrix.

Another package adds a method by an entry point of the group `mpisim.recovery_methods`, or with `METHODS.register`, and
tests it with `check_method`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import xarray as xr

from calib.automatic import recover_automatically
from calib.catalogue import RECORDS
from calib.choice import (
    Choice,
    choose,
    choose_again,
    named,
    settle,
    warn_of,
    warn_of_degrees,
    weights_of,
    with_imperfect,
)
from calib.contract import applied, check_method, check_result
from calib.learned.differences import warn_of_scope
from calib.methods.physical.more_angles import coarse_at, wanted_angles
from calib.methods.record import Method, Recovered
from mpisim.data.grid import Grid
from mpisim.data.noise_level import GivenNoise, NoiseLevel, level_of
from mpisim.data.sampling import Sampling
from mpisim.data.schema import expect
from mpisim.data.views import as_images, replace_rows
from mpisim.errors import InputError, one_of, positive, require
from mpisim.plugins import Registry

__all__ = [
    "DEFAULT_METHOD",
    "METHODS",
    "check_method",
    "recover",
    "recover_at",
    "recover_by_choice",
    "recover_usually",
    "without_noise",
]

DEFAULT_METHOD = "auto"
"""The method where none is named."""


def recover(
    coarse: xr.Dataset,
    method: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    unit: float | None = None,
    snr: float | None = None,
    noise_std: float | None = None,
    noiseless: bool = False,
    prior: str | os.PathLike[str] | None = None,
    angles: int | Iterable[float] | None = None,
    prior_scanner: str | os.PathLike[str] | xr.Dataset | None = None,
) -> xr.Dataset:
    """Recover the fine system matrix of a coarse one.

    The noise of a coarse matrix without `noise_std` is unknown. Unless one of `snr`, `noise_std` and `noiseless` gives
    the level, it is then estimated from the rows of the matrix (`mpisim.data.noise_estimate`). A warning says so, and
    the attribute `recovery` holds the level.

    Parameters
    ----------
    coarse
        A coarse system matrix of the schema.
    method
        A name of `METHODS`. None takes `auto` (`calib.automatic`): the scanner is fitted where that explains the
        measurement, and otherwise a method is taken that presumes less. The attribute `recovery` states the `method`
        that was taken, the `reason`, and what else was `tried`. With `weights` the method is the one they belong to,
        and with `unit` one that recovers rows by themselves (`calib.choice`). If a network is named that was trained on
        other matrices, a warning says so.
    weights
        A weights file of `mpisim train`. None takes the bundled one; for exact data it takes the one that was trained
        for exact block means, if there is one.
    unit
        RMS of the complete coarse matrix in its unit; needed only if `coarse` is a block of it. Networks whose
        `scaling` is `amplitude` (the bundled ones of 8x) see how strong a row is against it.
    snr
        RMS of the measured values over their noise in dB.
    noise_std
        Complex noise standard deviation of the measured values, in the unit of the matrix.
    noiseless
        Whether the measured values are exact. At most one of the three may be given; it replaces the level of the file.
    prior
        Known matrices for a method that takes them, such as `linear-bayes`: a file of `mpisim prior` or a folder of
        fine matrices; None for those that are bundled.
    angles
        Angles of the rows that are wanted, in rad, or a number of equidistant ones in [0, pi), measured or not, for
        `physical`, or `auto` where that fits a scanner; None for the measured ones.
    prior_scanner
        An earlier fit of the same scanner for `physical` or `auto`: a matrix that `physical` recovered, its file, or a
        scanner file of `write_fitted_scanner`. Where the scanner is fitted, `recovery` tells what `changes`.

    Returns
    -------
    xarray.Dataset
        A fine system matrix with origin `recovered`, and the variables `system_matrix_std` and
        `system_matrix_circularity` if the method computes them (`mpisim.data.schema`). Its noise is unknown. A noise
        level that was given or estimated is in the attribute `recovery` under `noise`, with `noise_std`, `snr`,
        `estimated`, `bound` (an upper bound) and `by_row` (rows have levels of their own).

    Raises
    ------
    InputError
        If the method is unknown, the matrix is not coarse or not sampled as the method asks, the weights are missing or
        made for another method or factor, the unit is not positive, or the noise level is given twice, or is unknown
        and cannot be estimated.
    """
    given = GivenNoise(snr, noise_std, noiseless)
    options = {"angles": angles, "prior_scanner": prior_scanner}
    if method is not None:
        one_of("method", method, METHODS)
    expect(coarse, "system_matrix", "coarse", stage="coarse")
    if "angle" in coarse.coords:
        warn_of_degrees(coarse["angle"].values)
    if method is None and weights is None and unit is None:
        return _recover_by_itself(coarse, given, prior, options)
    choice = choose(coarse, weights, in_blocks=unit is not None) if method is None else named(method, coarse)
    return _recover_by(choice, coarse, given, weights, unit, prior, options)


def _recover_by_itself(
    coarse: xr.Dataset, given: GivenNoise, prior: str | os.PathLike[str] | None, options: Mapping[str, object]
) -> xr.Dataset:
    """Recover by `auto`; where the noise is unknown and cannot be estimated, by a method that needs none."""
    try:
        level = level_of(coarse, given)
    except InputError:
        choice = without_noise(coarse, given)
        if choice is None:
            raise
        return _recover_by(choice, coarse, given, options=options)
    return recover_at(level, coarse, DEFAULT_METHOD, None, None, prior=prior, options=options)


def without_noise(coarse: xr.Dataset, given: GivenNoise) -> Choice | None:
    """Return the choice for a matrix whose noise cannot be estimated; None if it needs to be known."""
    choice = choose(coarse)
    return None if given != GivenNoise() or METHODS[choice.method].noise else choice


def recover_usually(coarse: xr.Dataset) -> xr.Dataset:
    """Recover a coarse matrix by the choice of `calib.choice`: what `auto` takes where nothing describes the scanner.

    It was the default before there was `auto`, and still is for a file in blocks. Errors are those of `recover`.
    """
    return _recover_by(choose(coarse), coarse, GivenNoise())


def _recover_by(
    choice: Choice,
    coarse: xr.Dataset,
    given: GivenNoise,
    weights: str | os.PathLike[str] | None = None,
    unit: float | None = None,
    prior: str | os.PathLike[str] | None = None,
    options: Mapping[str, object] | None = None,
) -> xr.Dataset:
    """Recover by a choice, at the noise level of the file, or one that is given or estimated if the method needs it."""
    record = METHODS[choice.method]
    Sampling.of(coarse, record.samplings, choice.method)
    level = level_of(coarse, given) if record.noise or given != GivenNoise() else None
    return recover_by_choice(level, coarse, choice, weights, unit, prior=prior, options=options)[0]


def recover_by_choice(
    level: NoiseLevel | None,
    coarse: xr.Dataset,
    choice: Choice,
    weights: str | os.PathLike[str] | None,
    unit: float | None,
    bundled: Path | None = None,
    prior: str | os.PathLike[str] | None = None,
    options: Mapping[str, object] | None = None,
) -> tuple[xr.Dataset, Choice]:
    """Recover a coarse matrix, or the first block of one, by a choice, or by another one where that does not fit.

    `bundled` are weights to take where none are given, None those for the noise of this block. The other arguments are
    those of `recover_at`. Returned are the fine matrix and the choice that it was made by, which is that of all blocks.
    """
    known = coarse if level is None else level.applied(coarse)
    factor, taken = Sampling.of(coarse).factor, settle(known, choice)
    file = weights_of(taken, factor, weights, bundled) if METHODS[taken.method].learned else weights
    recovered = recover_at(level, coarse, taken.method, file, unit, taken.reason, prior, options)
    other = with_imperfect(coarse, taken, recovered)
    if other is not None:
        tried = recover_at(level, coarse, other.method, weights_of(other, factor, None, None), unit, other.reason)
        if tried.attrs["recovery"]["misfit"] < recovered.attrs["recovery"]["misfit"]:
            recovered, taken = tried, other
    again = choose_again(known, taken, recovered, in_blocks=unit is not None)
    if again is not taken:
        taken = settle(known, again)
        recovered = recover_at(level, coarse, taken.method, None, unit, taken.reason)
    elif METHODS[taken.method].learned and taken.unchecked:
        warn_of_scope(known, file, recovered)
    warn_of(taken)
    return recovered, taken


def recover_at(
    level: NoiseLevel | None,
    coarse: xr.Dataset,
    method: str,
    weights: str | os.PathLike[str] | None,
    unit: float | None,
    reason: str = "",
    prior: str | os.PathLike[str] | None = None,
    options: Mapping[str, object] | None = None,
) -> xr.Dataset:
    """Recover a coarse matrix, or a block of one, at this noise level, or at that of the dataset where it is None.

    `reason` says why the method was taken where none was named; `options` hold `angles` and `prior_scanner`. The other
    arguments, the result and errors are those of `recover`; what the weights were trained on is not compared.
    """
    record = METHODS[one_of("method", method, METHODS)]
    coarse = coarse if level is None else level.applied(coarse)
    sampling = Sampling.of(coarse, record.samplings, method)
    unit = None if unit is None else positive("unit", unit)
    require("weights" in record.takes or weights is None, "weights", f"left out for the method {method}", str(weights))
    require("prior" in record.takes or prior is None, "prior", f"left out for the method {method}", str(prior))
    given = {name: value for name, value in (options or {}).items() if value is not None}
    for name in given:
        require(name in record.takes, name, f"left out for the method {method}", "a value")
    with METHODS.guarded(method):
        recovered = applied(record, coarse, weights=weights, unit=unit, prior=prior, **given)
    grid = sampling.fine_grid(Grid.of(coarse))
    if "angles" in given:
        coarse = coarse_at(coarse, wanted_angles(given["angles"]))  # type: ignore[arg-type]
    check_result(recovered, (len(as_images(coarse)), grid.shape[1], grid.shape[0]), method)
    return replace_rows(
        coarse.drop_vars("sampled", errors="ignore"),
        recovered.rows,
        grid,
        std=recovered.std,
        circularity=recovered.circularity,
        stage="fine",
        origin="recovered",
        recovery={
            "method": method,
            **({"reason": reason} if reason else {}),
            "sampling": coarse.attrs["sampling"],
            **({} if level is None else {"noise": level.described()}),
            **recovered.metadata,
        },
        sampling=None,
    )


def _by(coarse: xr.Dataset, method: str | None, given: Mapping[str, object]) -> xr.Dataset:
    """Recover by a named method, or by the choice of `calib.choice`, at the noise of the dataset: for `auto`."""
    if method is None:
        return recover_usually(coarse)
    options = {name: value for name, value in given.items() if name != "prior"}
    return recover_at(None, coarse, method, None, None, prior=given.get("prior"), options=options)  # type: ignore[arg-type]


def _auto(coarse: xr.Dataset, **given: object) -> Recovered:
    return recover_automatically(coarse, _by, **given)


_CHOICE = 4
"""Version of the rules by which `auto` chooses."""
_AUTOMATIC = {
    "auto": Method(
        "chooses: the fitted scanner where it explains the measurement, else what presumes less; says what and why",
        _auto,
        samplings=("box", "strided", "random", "positions"),
        takes=("prior", "angles", "prior_scanner"),
        complete=True,
        version=_CHOICE + sum(RECORDS[name].version for name in ("physical", "profile", "linear-bayes")),
    )
}
METHODS: Registry[Method] = Registry("method of recovery", "mpisim.recovery_methods", Method, {**RECORDS, **_AUTOMATIC})
"""Every method of recovery by name."""
