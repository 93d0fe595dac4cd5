r"""How far cheaper models of the tracer are from the Fokker-Planck equation, over diameter, anisotropy and frequency.

The matrix of an ideal field-free-line scanner (0.7 T/m, 16 x 16 voxels over 32 x 32 mm, 4 angles, harmonics 2 to 9) is
simulated with the Fokker-Planck equation and with each cheaper model; a figure is the norm of the difference over the
norm of the former. Moments turn in the core (Neel, damping 0.1, the easy axis along the field) or with the particle
(Brown, in water, with a coating of 10 nm). Cores with a barrier above 30 k_B T are left out: this drive does not turn
their moments.

`langevin` and `easy-axis` are equilibria, without and with the anisotropy. With `+debye` they relax with one constant
time: for Brown that of the particle, for Neel the one for which the difference is least, as a calibration would find
it. `field-dependent` takes the time of Brown's rotation, shorter in strong fields. `gains` are figures after the best
complex factor of each harmonic, which a calibration of the receive chain takes out.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from calib.studies.harness.cache import ResultCache
from calib.studies.harness.figures import curves, grouped
from calib.studies.harness.results import Row, table_dataset, text_table, write_results
from calib.studies.harness.study import StudyOptions
from mpisim.cli.command import Result
from mpisim.data.grid import Grid
from mpisim.errors import DataWarning, InputError
from mpisim.particles.anisotropy import AnisotropicEquilibrium
from mpisim.particles.cores import alphas_of
from mpisim.particles.fokker_planck import BrownRotation, NeelRotation
from mpisim.particles.particle import Particle
from mpisim.particles.protocol import Magnetisation
from mpisim.particles.relaxation import Debye, FieldDependentRelaxation
from mpisim.plot.panels import save_figure
from mpisim.progress import progress
from mpisim.scanner.ffl import open_sided_ffl
from mpisim.simulation.matrix import simulate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["particle_models"]

DIAMETERS = (15.0, 20.0, 25.0, 30.0)  # nm
CONSTANTS = (0.0, 2.5, 5.0, 10.0)  # kJ/m^3
FREQUENCIES = (2.5, 25.0, 100.0)  # kHz
_NEEL = ("langevin", "langevin+debye", "easy-axis", "easy-axis+debye")
_BROWN = ("langevin", "langevin+debye", "field-dependent")
_COATING = 10e-9  # m
_BLOCKED = 30.0  # barrier in k_B T above which a tracer is left out
_VERSION = 1
_TIMES = np.concatenate([[0.0], np.geomspace(1e-9, 1e-2, 561)])  # s, twenty in a factor of 2


class _Case(NamedTuple):
    """A tracer and a drive: `rotation`, diameter in nm, anisotropy in kJ/m^3 and frequency in kHz."""

    rotation: str
    diameter: float
    constant: float
    frequency: float


def particle_models(options: StudyOptions) -> Result:
    """Run the study; write `particle_models.nc`, `.csv` and the figures `particle_models.png` and `.._brown.png`.

    The short form has two diameters, two anisotropies and one frequency, and 8 x 8 voxels.
    """
    cache = ResultCache(options.store, options.report)
    table: list[Row] = []
    voxels = 8 if options.quick else 16
    for case in progress(list(_cases(options.quick)), unit="tracer"):
        key = {**case._asdict(), "voxels": voxels, "version": _VERSION}
        found = cache.row("particle_model", key, partial(_errors, case, voxels))
        names = _NEEL if case.rotation == "neel" else _BROWN
        rare = bool(found["rare"])
        table += [
            {**case._asdict(), "model": name, "percent": found[name], "gains": found[f"{name} gains"], "rare": rare}
            for name in names
        ]
    data = table_dataset(
        table,
        "row",
        ("diameter", "constant", "frequency", "percent", "gains", "rare"),
        {"rotation": "rotation", "model": "model"},
    )
    short = ", a short form" if options.quick else ""
    files = write_results(options, "particle_models", data, table, _heat_maps(table, short), cache.earlier)
    brown = options.out / f"particle_models_brown{'_quick' * options.quick}.png"
    save_figure(_brown_curves(table, short), brown)
    titles = ("rotation", "nm", "kJ/m^3", "kHz", "model", "%", "% after gains")
    lines = [
        [r["rotation"], *(f"{r[n]:g}" for n in ("diameter", "constant", "frequency")), r["model"], *_percents(r)]
        for r in table
    ]
    return {"table": table, "files": [*files, str(brown)], "text": text_table(titles, lines)}


def _percents(row: Row) -> list[str]:
    return ["-" if row[name] is None else f"{row[name]:.3g}" for name in ("percent", "gains")]


def _cases(quick: bool) -> Iterator[_Case]:
    diameters = (20.0, 25.0) if quick else DIAMETERS
    constants, frequencies = ((0.0, 5.0), (25.0,)) if quick else (CONSTANTS, FREQUENCIES)
    for frequency, constant, diameter in itertools.product(frequencies, constants, diameters):
        if alphas_of(Particle(diameter * 1e-9), constant * 1e3)[0] <= _BLOCKED:
            yield _Case("neel", diameter, constant, frequency)
    for frequency, diameter in itertools.product(frequencies, diameters):
        yield _Case("brown", diameter, 0.0, frequency)


def _errors(case: _Case, voxels: int) -> Mapping[str, float | None]:
    """Return the error of every cheaper model in %, as it is and after the best gains, and `rare` (0 or 1).

    `rare` says that somewhere the moments cross their barrier so rarely that no scan would reach the periodic state;
    errors are None where not even the solver does.
    """
    core, constant = Particle(case.diameter * 1e-9), case.constant * 1e3
    omega = 2e3 * np.pi * case.frequency * np.arange(2, 10)

    def rows(model: Magnetisation) -> np.ndarray:
        scanner = open_sided_ffl(0.7, angles=4, drive_frequency=1e3 * case.frequency)
        values = simulate(scanner, model, Grid((voxels, voxels)))["system_matrix"].values.astype(complex)
        return values.swapaxes(0, 1).reshape(len(omega), -1)

    langevin = rows(core)
    if case.rotation == "brown":
        accurate_model = BrownRotation(core, coating=_COATING)
        time = float(accurate_model.times()[0])
        cheap = {"langevin": langevin, "langevin+debye": rows(Debye(core, time))}
        cheap["field-dependent"] = rows(FieldDependentRelaxation(core, time))
        accurate, rare = rows(accurate_model), 0.0
    else:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", DataWarning)
            try:
                accurate = rows(NeelRotation(core, constant))
            except InputError:  # moments that do not become periodic
                return {f"{name}{kind}": None for name in _NEEL for kind in ("", " gains")} | {"rare": 1.0}
        rare = float(any("barrier" in str(warning.message) for warning in caught))
        axis = langevin if constant == 0 else rows(AnisotropicEquilibrium(core, constant))
        cheap = {"langevin": langevin, "langevin+debye": _best_debye(langevin, accurate, omega)}
        cheap |= {"easy-axis": axis, "easy-axis+debye": _best_debye(axis, accurate, omega)}
    found = {name: _percent(values, accurate) for name, values in cheap.items()}
    after = {f"{name} gains": _percent(_with_gains(values, accurate), accurate) for name, values in cheap.items()}
    return {**found, **after, "rare": rare}


def _percent(rows: np.ndarray, accurate: np.ndarray) -> float:
    return float(100 * np.linalg.norm(rows - accurate) / np.linalg.norm(accurate))


def _best_debye(rows: np.ndarray, accurate: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """Return rows (harmonic, value) with the constant time for which they are closest to the accurate ones."""
    relaxed = (rows / (1 + 1j * omega[:, None] * time) for time in _TIMES)
    return min(relaxed, key=lambda values: float(np.linalg.norm(values - accurate)))


def _with_gains(rows: np.ndarray, accurate: np.ndarray) -> np.ndarray:
    """Return rows (harmonic, value) times the complex gain of each harmonic that brings them closest."""
    gains = (rows.conj() * accurate).sum(axis=1) / (np.abs(rows) ** 2).sum(axis=1)
    return gains[:, None] * rows


def _heat_maps(table: list[Row], short: str) -> Figure:
    """Draw the errors for Neel's rotation: a line of panels for each frequency, a column for each model."""
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    chosen = [row for row in table if row["rotation"] == "neel"]
    axes_of = [sorted({row[name] for row in chosen}) for name in ("frequency", "constant", "diameter")]
    frequencies, constants, diameters = axes_of
    figure = Figure(figsize=(11.0, 1.4 + 2.5 * len(frequencies)), dpi=110, layout="constrained")
    axes = figure.subplots(len(frequencies), len(_NEEL), squeeze=False, sharex=True, sharey=True)
    for (i, frequency), (j, model) in itertools.product(enumerate(frequencies), enumerate(_NEEL)):
        values, rare = np.full((2, len(constants), len(diameters)), np.nan)
        for row in (r for r in chosen if r["frequency"] == frequency and r["model"] == model):
            place = constants.index(row["constant"]), diameters.index(row["diameter"])
            values[place], rare[place] = np.nan if row["percent"] is None else row["percent"], row["rare"]
        ax = axes[i, j]
        image = ax.imshow(np.maximum(values, 0.1), norm=LogNorm(0.1, 300), cmap="YlOrRd", origin="lower", aspect="auto")
        for (y, x), value in np.ndenumerate(values):
            text = _shown(value)
            colour = "white" if value > 60 else "black"
            ax.text(x, y, f"{text} *" if rare[y, x] == 1 else text, ha="center", va="center", fontsize=9, color=colour)
        ax.set_title(f"{model.replace('+', ' + ')}, {frequency:g} kHz", fontsize=9)
        ax.set_xticks(range(len(diameters)), [f"{d:g}" for d in diameters])
        ax.set_yticks(range(len(constants)), [f"{k:g}" for k in constants])
    for ax in axes[-1]:
        ax.set_xlabel("core diameter / nm", fontsize=9)
    for ax in axes[:, 0]:
        ax.set_ylabel("anisotropy / (kJ/m$^3$)", fontsize=9)
    figure.colorbar(image, ax=axes, label="error of the matrix / %", shrink=0.7, extend="both")
    note = "- barrier above 30 k$_B$T: blocked; * barrier crossed too rarely for any scan to reach the periodic state"
    figure.suptitle(f"Error in % of cheaper models against Neel's rotation (Fokker-Planck){short}\n{note}", fontsize=10)
    return figure


def _shown(value: float) -> str:
    """Return a figure in % for a cell of the map."""
    if np.isnan(value):
        return "-"
    return "> 999" if value >= 999.5 else f"{value:.2g}" if value < 10 else f"{value:.0f}"


def _brown_curves(table: list[Row], short: str) -> Figure:
    chosen = [{**row, "panel": f"{row['frequency']:g} kHz"} for row in table if row["rotation"] == "brown"]
    return curves(
        grouped(chosen, "panel", "model", "diameter", "percent"),
        ("core diameter / nm", "error of the matrix / %"),
        f"Cheaper models against Brown's rotation (Fokker-Planck), coating 10 nm, water{short}",
    )
