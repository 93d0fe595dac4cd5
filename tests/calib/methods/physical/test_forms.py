"""Forms of the fields beyond the table: none is one of its own, and scanners that have them err as is stated."""

from dataclasses import replace

import numpy as np
import pytest

import mpisim
from calib.methods.physical.curve import curve_of
from calib.methods.physical.deviation import deviation
from calib.methods.physical.forms import SCALES, size_of_imperfections, wider_fit, wider_table
from calib.methods.physical.levenberg import fit_scanner
from calib.methods.physical.measurement import Measurement
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import ScannerState
from calib.methods.physical.scanner_table import scanner_parameters
from mpisim.data.sampling import Sampling

ANGLES = tuple(np.pi * np.arange(4) / 4)
TABLE = scanner_parameters(ANGLES, (2, 3))
WIDE = wider_table(TABLE)
GRID, SAMPLING = mpisim.Grid((8, 8)), Sampling.named("box", 2, (8, 8))
EVERY = Sampling.named("box", 1, (8, 8))
STATE = TABLE.ideal(2.0, 0.05, 0.0)
TRUE = WIDE.ideal(2.0, 0.05, 0.0)


def fitted(true):
    """Fine rows of a scanner, and what a fit of its block means without further forms leaves, with its deviation."""
    coarse, fine = (Model(WIDE, s, GRID, true, tolerance=1e-3) for s in (SAMPLING, EVERY))
    values, rng = coarse.means(true), np.random.default_rng(0)
    sigma = 1e-3 * np.sqrt(np.mean(np.abs(values) ** 2))
    noise = rng.standard_normal((2, *values.shape))
    values = values + sigma / np.sqrt(2) * (noise[0] + 1j * noise[1])
    model = Model(TABLE, SAMPLING, GRID, STATE, tolerance=1e-3)
    fit = fit_scanner(model, values, np.array(sigma), STATE, TABLE.groups, 8)
    deviations = np.full(values.shape, sigma)
    measurement = Measurement(values, deviations, 1.0, TABLE, SAMPLING, GRID, None, False, (4, 4))
    wider = wider_fit(measurement, fit)
    rows = Model(TABLE, EVERY, GRID, STATE, tolerance=1e-3).means(fit.state)
    stated, _ = deviation(fine, wider.fit, start=wider.start)
    alone, _ = deviation(Model(TABLE, EVERY, GRID, STATE, tolerance=1e-3), fit)
    return rows - fine.means(true), stated, alone, fit


def rms(values):
    return float(np.sqrt(np.mean(np.abs(values) ** 2)))


def test_forms_are_not_those_of_the_table():
    """Their derivatives, at a scanner with fields in the plane, are independent of those of the table."""
    assert WIDE.shared[: len(TABLE.shared)] == TABLE.shared and WIDE.angles == TABLE.angles
    forms = WIDE.shared[len(TABLE.shared) :]
    assert {p.group for p in forms} == set(SCALES) <= set(TABLE.groups)
    terms = [(p.terms, p.coil) for p in WIDE.shared if p.terms]
    known = [(p.terms, p.coil) for p in TABLE.shared]
    assert len({repr(t) for t in terms}) == len(terms)
    assert not {repr(t) for t in known} & {repr((p.terms, p.coil)) for p in forms}


def test_two_coils_have_forms_of_their_own():
    two = wider_table(scanner_parameters(ANGLES, (2, 3), coils=2))
    assert len(two.shared) - len(scanner_parameters(ANGLES, (2, 3), coils=2).shared) == len(WIDE.shared) - len(
        TABLE.shared
    ) + sum(p.group == "coil4" for p in WIDE.shared[len(TABLE.shared) :])


def drawn(seed):
    """A scanner as the table and the scales of the forms say."""
    rng, true = np.random.default_rng(seed), TRUE.of_vector(TRUE.vector())
    scales = np.array([0.0 if p.group == "tracer" else p.scale for p in WIDE.shared])
    true.shared[:] += scales * rng.standard_normal(scales.size)
    return true


@pytest.fixture(scope="module")
def fits():
    return [fitted(drawn(seed)) for seed in range(8)]


def test_scanners_with_forms_beyond_the_table_err_as_stated(fits):
    """Without these forms the errors would be stated too small."""
    error, stated, alone = (np.sqrt(np.mean([rms(fit[i]) ** 2 for fit in fits])) for i in range(3))
    assert 0.5 < np.sqrt(2) * stated / error < 1.5
    assert np.sqrt(2) * alone / error < 0.3


def test_the_size_is_that_of_all_imperfections(fits):
    sizes = [size_of_imperfections(TABLE, fit[3]) for fit in fits]
    assert 0.6 < np.mean(sizes) < 1.5
    state = fits[0][3].state
    half = replace(fits[0][3], state=ScannerState(state.shared / 2, state.gains, state.local))
    assert size_of_imperfections(TABLE, half) == pytest.approx(sizes[0] / 2)


@pytest.mark.parametrize("most", [1e9, 0.0])
def test_the_curve_is_that_of_derivatives_at_the_end(monkeypatch, most):
    """Derivatives that are kept from the last step are those of the end of the fit, as if computed again."""
    monkeypatch.setattr("calib.methods.physical.forms._MOST_KEPT", most)
    model = Model(WIDE, SAMPLING, GRID, TRUE, tolerance=3e-4)
    values, rng = model.means(drawn(3)), np.random.default_rng(0)
    sigma = np.full(values.shape, 1e-2 * rms(values))
    values = values + sigma / np.sqrt(2) * (rng.standard_normal(values.shape) + 1j * rng.standard_normal(values.shape))
    fit = fit_scanner(Model(TABLE, SAMPLING, GRID, STATE), values, sigma, STATE, TABLE.groups, 3)
    wider = wider_fit(Measurement(values, sigma, 1.0, TABLE, SAMPLING, GRID, None, False, (4, 4)), fit)
    assert wider.fit.steps == 1 and not np.array_equal(wider.fit.state.shared, wider.start.shared)
    again = curve_of(Model(WIDE, SAMPLING, GRID, wider.start, tolerance=3e-4), values, sigma, wider.fit)
    for name in ("second", "by_shared", "by_local"):
        assert np.allclose(getattr(wider.curve, name), getattr(again, name), rtol=1e-9, atol=1e-15)
