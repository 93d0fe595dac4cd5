"""Files of fitted scanners: a scanner file that `simulate` reads, and with it the fit, as the prior of the next one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from calib.methods.physical.fitted_scanner import fitted_scanner
from calib.methods.physical.lines import Lines
from calib.methods.physical.maps import fitted_state
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import LOCAL
from calib.methods.physical.scanner_table import scanner_parameters
from mpisim.data.sampling import Sampling
from mpisim.errors import InputError, require
from mpisim.io.atomic import expect_file, write_text
from mpisim.io.nesting import load_toml
from mpisim.io.reading import read
from mpisim.io.scanner_text import scanner_text

__all__ = ["fit_of", "rest_of_fit", "write_fitted_scanner"]

Source = str | os.PathLike[str] | xr.Dataset | Mapping[str, Any]
_OF_GAIN = ("coil", "harmonic", "amplitude", "relative_std", "phase", "phase_std")


def write_fitted_scanner(
    recovered: xr.Dataset,
    path: str | os.PathLike[str],
    sf_gradient: float | None = None,
    drive_amplitude: float | None = None,
    particle_diameter: float | None = None,
) -> None:
    """Write the scanner that `physical` fitted as a scanner file, which `mpisim.read_scanner` and `simulate` read.

    Its table `fit` holds the parameters and their standard errors, so that the file is also the prior of a later fit
    (`prior_scanner` of `recover`).

    Parameters
    ----------
    recovered
        A fine matrix that `calib.recover` returned with the method `physical`.
    path
        A file with the suffix .toml.
    sf_gradient, drive_amplitude, particle_diameter
        Gradient in T/m, amplitude of the drive in T, median of the core diameters in m: at most one of them, from which
        the other two follow. Without one it is the gradient, or else the amplitude, that the matrix states.

    Raises
    ------
    InputError
        If the matrix holds no fitted scanner, none of the three numbers is known, or the file cannot be written.
    """
    expect_file(path, (".toml",))
    setup = fitted_scanner(recovered, sf_gradient, drive_amplitude, particle_diameter)
    given = {"sf_gradient": sf_gradient, "drive_amplitude": drive_amplitude, "particle_diameter": particle_diameter}
    name = next((name for name, value in given.items() if value is not None), "")
    source = f"{name} was given" if name else "what the matrix states of gradient or amplitude was taken"
    recovery = recovered.attrs["recovery"]
    notes = (
        f"Fitted by {recovery['method']} (stage {recovery.get('stage')}, chi2 {recovery.get('chi2')}). The recovered "
        f"rows differ from those of this scanner by {100 * rest_of_fit(recovered):.2g} % (profiles of the residual, "
        "rows that were recovered otherwise). Rows tell only beta A and A / G of gradient G, amplitude A and core "
        f"diameter: {source}, the others follow. Relaxation and the amount of tracer are in the gains: with another "
        "tracer the rows are right up to a complex factor for each harmonic. Options of the command line may replace "
        "angles and grid. The table fit is what a later fit takes as its prior; it does not follow what you change "
        "above."
    )
    stated = np.asarray(recovery.get("angles_measured", recovered["angle"].values), dtype=float)
    if not np.allclose(stated, recovery["angles"], rtol=0, atol=1e-6):
        notes += " Angles are those of the fit: the stated ones describe no scanner."
    write_text(path, scanner_text(setup, "A fitted scanner.", notes) + "\n" + _fit_text(recovery))


def rest_of_fit(recovered: xr.Dataset) -> float:
    """Return how far recovered rows are from those of the fitted scanner: the norm of the difference over theirs."""
    recovery, lines = recovered.attrs["recovery"], Lines.of(recovered)
    recovered = recovered if lines is None else lines.harmonics_of(recovered)
    setup = fitted_scanner(recovered, sf_gradient=1.0)  # for grid and sample, which do not depend on it
    state = fitted_state(recovery)
    harmonics = sorted({int(g["harmonic"]) for g in recovery["gains"]})
    parameters = scanner_parameters(recovery["angles"], harmonics, len(state.gains))
    every = Sampling.named("box", 1, (setup.grid.array_shape[0], setup.grid.array_shape[1]))
    rows = Model(parameters, every, setup.grid, state, setup.sample.size).rows(state)
    values = recovered["system_matrix"].values.astype(complex)
    if "harmonic" in recovered.coords:
        values = values.take(np.argsort(recovered["harmonic"].values), axis=-3)
    values = values.reshape(len(recovered["angle"]), *rows.shape[1:])
    measured = recovery.get("angles_measured")
    if measured is not None:
        apart = np.abs(np.asarray(measured)[:, None] - recovered["angle"].values)
        there = apart.min(1) < 1e-6
        rows, values = rows[there], values[apart.argmin(1)[there]]
    return float(np.linalg.norm(values - rows) / np.linalg.norm(values))


def fit_of(source: Source) -> Mapping[str, Any]:
    """Return the parameters of a fitted scanner as the attribute `recovery` holds them.

    Parameters
    ----------
    source
        A matrix that `physical` recovered, its file, or a scanner file of `write_fitted_scanner`.

    Raises
    ------
    InputError
        If there is no such file, or it holds no fit.
    """
    if isinstance(source, xr.Dataset):
        found = source.attrs.get("recovery", {})
    elif isinstance(source, Mapping):
        found = source
    elif Path(source).suffix.lower() == ".toml":
        table = load_toml(source, "prior_scanner")
        require("fit" in table, "prior_scanner", "a scanner file with the table fit", "one without it")
        try:
            found = _of_table(table["fit"])
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            must = "a scanner file whose table fit is as `recover` wrote it"
            raise InputError(f"Input prior_scanner must be {must}; instead received {Path(source).name}.") from None
    else:
        found = read(source).attrs.get("recovery", {})
    must = "a matrix that physical recovered, or a scanner file of a fit"
    good = isinstance(found, Mapping) and "parameters" in found and "gains" in found
    require(good, "prior_scanner", must, "one without a fitted scanner")
    return found


def _fit_text(recovery: Mapping[str, Any]) -> str:
    """Return the table `fit`."""
    parameters, local = recovery["parameters"], recovery["angle_errors"]
    lines = [
        "# What the fit found. Lengths are in units of length_unit (m), fields in units of the drive amplitude.",
        "[fit]",
        f'stage = "{recovery.get("stage", "full")}"',
        f"length_unit = {float(recovery['length_unit'])!r}",
        f"center = {_numbers(recovery['center'])}",
        f"angles = {_numbers(recovery['angles'])}",
        "names = [" + ", ".join(f'"{p["name"]}"' for p in parameters) + "]",
        f"values = {_numbers(p['value'] for p in parameters)}",
        f"std = {_numbers(np.nan if p['std'] is None else p['std'] for p in parameters)}",
        "# Gains: " + ", ".join(_OF_GAIN) + ".",
        "gains = [",
        *(f"    {_numbers(g[name] for name in _OF_GAIN)}," for g in recovery["gains"]),
        "]",
    ]
    for name, error in local.items():
        lines += [f"[fit.errors.{name}]", f"value = {_numbers(error['value'])}", f"std = {_numbers(error['std'])}"]
    return "\n".join(lines) + "\n"


def _numbers(values: Any) -> str:
    return "[" + ", ".join(repr(float(v)) for v in values) + "]"


def _of_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table `fit` as the attribute `recovery` holds it."""
    wanted = ("length_unit", "center", "angles", "names", "values", "std", "gains", "errors")
    missing = [name for name in wanted if name not in table]
    require(not missing, "table fit of prior_scanner", f"complete, with {', '.join(wanted)}", f"one without {missing}")
    columns = zip(table["names"], table["values"], table["std"], strict=True)
    errors = {p.name: table["errors"][p.name] for p in LOCAL}
    for error in errors.values():
        list(zip(table["angles"], error["value"], error["std"], strict=True))  # one for each angle
    return {
        "stage": table.get("stage", "full"),
        "length_unit": table["length_unit"],
        "center": table["center"],
        "angles": table["angles"],
        "parameters": [{"name": n, "value": v, "std": None if np.isnan(s) else s} for n, v, s in columns],
        "gains": [dict(zip(_OF_GAIN, row, strict=True)) for row in table["gains"]],
        "angle_errors": errors,
    }
