"""Where scanner, particle, grid and sample meet: one call, one system matrix with its provenance.

Five engines compute the rows. They agree where more than one applies; `auto` takes the first that does:

=================  =================================================================================================
`line_profile`     a scanner with a line profile, in the plane z = 0, a flat sample, Langevin particles: the fastest
`equilibrium`      one sine tone and Langevin particles of any sizes, at most with Debye relaxation; any fields, coils
`several_tones`    any periodic drive and the same tracers; any fields and coils, such as those of Lissajous sequences
`sampled_profile`  as `line_profile`, with any magnetisation; the coil receives along z alone
`time_domain`      any periodic drive with any number of tones and coils, any magnetisation, with a history or without
=================  =================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.schema import build
from mpisim.errors import one_of, require
from mpisim.particles.checks import check_magnetisation
from mpisim.particles.particle import Particle
from mpisim.particles.protocol import Magnetisation
from mpisim.scanner.checks import check_scanner
from mpisim.scanner.ffl import OpenSidedFFL
from mpisim.scanner.protocol import Scanner, Sequence
from mpisim.scanner.receive_chain import chain_of
from mpisim.scanner.single_tone import SingleToneParts
from mpisim.scanner.table import SCANNERS
from mpisim.simulation.band_rows import band_rows, bands_of
from mpisim.simulation.engines import ENGINES_OF_0_1
from mpisim.simulation.equilibrium import equilibrium_rows, has_half_period
from mpisim.simulation.line_profile import has_line_profile, line_profile_rows
from mpisim.simulation.precision import complex_type
from mpisim.simulation.provenance import provenance
from mpisim.simulation.sample import Sample
from mpisim.simulation.sample_points import warn_of_few_points
from mpisim.simulation.sampled_profile import has_sampled_profile, sampled_profile_rows
from mpisim.simulation.several_tones import has_langevin_sizes, several_tones_rows
from mpisim.simulation.time_domain import time_domain_rows
from mpisim.simulation.time_samples import warn_of_few_samples

__all__ = ["simulate"]


class _Engine(NamedTuple):
    """Where an engine applies, what computes its rows (angle, coil, frequency, voxel), and the condition in words."""

    applies: Callable[[Scanner, Magnetisation, Grid, Sample], bool]
    rows: Callable[..., np.ndarray]
    condition: str


_ENGINES = {
    "line_profile": _Engine(
        has_line_profile,
        line_profile_rows,
        "a scanner with a line profile, the plane z = 0, a flat sample and Langevin particles",
    ),
    "equilibrium": _Engine(
        lambda scanner, particle, grid, sample: has_half_period(scanner, particle),
        equilibrium_rows,
        "one sine tone and Langevin particles",
    ),
    "several_tones": _Engine(
        lambda scanner, particle, grid, sample: has_langevin_sizes(particle),
        several_tones_rows,
        "Langevin particles",
    ),
    "sampled_profile": _Engine(
        has_sampled_profile,
        sampled_profile_rows,
        "a scanner with a line profile, the plane z = 0, a flat sample and a coil that receives z alone",
    ),
    "time_domain": _Engine(lambda *_: True, time_domain_rows, "any periodic drive"),
}


def simulate(
    scanner: Scanner | SingleToneParts,
    particle: Magnetisation,
    grid: Grid | None = None,
    sample: Sample | None = None,
    path: str = "auto",
) -> xr.Dataset:
    """Simulate the system matrix of a scanner.

    Parameters
    ----------
    scanner
        Fields, coils and sequence, such as `open_sided_ffl(0.5)`; `mpisim.check_scanner` says what it needs.
    particle
        Magnetisation of the tracer, such as `Particle(25e-9)`; `mpisim.check_magnetisation` says what it needs.
    grid
        Voxels; 32 x 32 over 32 x 32 mm by default.
    sample
        The sample that is moved over them; it fills a voxel by default.
    path
        The engine: `line_profile`, `equilibrium`, `several_tones`, `sampled_profile`, `time_domain`, or `auto` for the
        first of these that applies (see the module). `ridge` and `general`, the values of version 0.1, mean the first
        two. `line_profile` agrees with `equilibrium`, and `sampled_profile` with `time_domain`, within 1e-6.

    Returns
    -------
    xarray.Dataset
        `system_matrix` (angle[, receive], frequency[, z], y, x) in V, complex64, or complex128 where its peak is below
        1e-24 V. The dimension `receive` is there where the scanner has several coils, the coordinate `harmonic` where
        the drive has one frequency. The attribute `engine` names the engine, and `noise_std` is 0: the values are
        exact. Where the scanner has a receive chain, `transfer_function` (frequency,) is the factor that rows contain.
        A `DataWarning` says where the sample is larger than the field of view, or has too few points.

    Raises
    ------
    InputError
        If an argument is of another type, the engine is unknown or does not apply, the scanner refuses the field of
        view by its `check_region`, or the code of another package's scanner or particle fails.
    """
    grid, sample = grid or Grid(), sample or Sample()
    for name, value, kind in (("grid", grid, Grid), ("sample", sample, Sample)):
        require(isinstance(value, kind), name, f"a mpisim.{kind.__name__}", repr(value))
    sample.warn_beyond(grid)
    if type(particle) is not Particle:  # which, like the scanner below, is checked where it is made
        particle = check_magnetisation(particle)
    machine = scanner if type(scanner) is OpenSidedFFL else check_scanner(scanner, grid.center)
    engine = _engine(path, machine, particle, grid, sample)
    _check_region(machine, sample, grid)
    warn_of_few_samples(machine, particle, grid)
    warn_of_few_points(machine, particle, grid, sample)

    def rows_of(one: Scanner) -> np.ndarray:
        values = _ENGINES[engine].rows(one, particle, grid, sample)
        gains = one.receive_gains() if hasattr(one, "receive_gains") else np.ones(1)
        return values * gains[..., None] if np.any(gains != 1) else values

    with SCANNERS.guarded(type(scanner).__name__):
        values, coords = _recorded(machine, rows_of)
    number = complex_type(float(np.abs(values).max()))
    values = values.astype(number, copy=False).reshape(*values.shape[:3], *grid.array_shape)
    coils = ("receive",) if values.shape[1] > 1 else ()
    found = build(
        "system_matrix",
        values if coils else values[:, 0],
        ("angle", *coils, "frequency", *grid.dims),
        {**grid.coords(), **coords, **_parameters(scanner, particle)},
        noise_std=0.0,
        stage="fine",
        origin="simulated",
        engine=engine,
        **provenance(scanner, particle, grid, sample),
    )
    chain = chain_of(scanner)
    if chain is None:
        return found
    return found.assign(transfer_function=("frequency", chain.transfer(found["frequency"].values), {"units": "1"}))


def _recorded(machine: Scanner, rows_of: Callable[[Scanner], np.ndarray]) -> tuple[np.ndarray, dict[str, object]]:
    """Return the rows (angle, coil, frequency, voxel) that a scanner records, and their coordinates."""
    if bands_of(machine) is None:
        return rows_of(machine), _row_coords(machine.sequence)
    values, lines = band_rows(machine, rows_of)
    chain = chain_of(machine)
    values = values if chain is None else values * chain.transfer(lines)[:, None]
    return values, {"angle": np.array(machine.sequence.angles), "frequency": lines}


def _engine(path: str, scanner: Scanner, particle: Magnetisation, grid: Grid, sample: Sample) -> str:
    """Name of the engine for a value of `path`."""
    one_of("path", path, ("auto", *_ENGINES, *ENGINES_OF_0_1))
    fitting = [name for name, engine in _ENGINES.items() if engine.applies(scanner, particle, grid, sample)]
    name = fitting[0] if path == "auto" else ENGINES_OF_0_1.get(path, path)
    must = f"{' or '.join(fitting)} here, since {name} presumes {_ENGINES[name].condition}"
    require(name in fitting, "path", must, repr(path))
    return name


def _row_coords(sequence: Sequence) -> dict[str, object]:
    """Coordinates of the rows: angle in rad, frequency in Hz, and the harmonic where the drive has one frequency."""
    multiples = np.array(sequence.harmonics)
    one_frequency = {tone.multiple for tone in sequence.tones} == {1}
    harmonic = {"harmonic": ("frequency", multiples)} if one_frequency else {}
    return {
        "angle": np.array(sequence.angles),
        "frequency": ("frequency", multiples * sequence.base_frequency),
        **harmonic,
    }


def _parameters(scanner: object, particle: Magnetisation) -> dict[str, object]:
    """Core diameter and gradient as scalar coordinates, where the particle and the scanner have them."""
    known = {
        "particle_diameter": (getattr(particle, "diameter", None), "m"),
        "sf_gradient": (getattr(scanner, "sf_gradient", None), "T/m"),
    }
    return {k: ((), v, {"units": unit}) for k, (v, unit) in known.items() if isinstance(v, int | float)}


def _check_region(scanner: Scanner, sample: Sample, grid: Grid) -> None:
    """Let a scanner refuse a field of view by its optional `check_region`, such as one with a winding in it."""
    if hasattr(scanner, "check_region"):
        with SCANNERS.guarded(type(scanner).__name__):
            scanner.check_region(sample.region(grid))
