"""Which starts a fit is compared with, and how many points it is computed with."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import calib
import mpisim
from calib.methods.physical import climb as module
from calib.methods.physical.climb import climb
from calib.methods.physical.measurement import Measurement
from calib.methods.physical.model import Model
from calib.methods.physical.resolution import models, narrow
from calib.methods.physical.scanner_table import scanner_parameters
from mpisim.data.sampling import Sampling

PARAMETERS = scanner_parameters(tuple(np.pi * np.arange(6) / 6), (2, 3, 4))
PLANE = PARAMETERS.group("perpendicular")
START = PARAMETERS.ideal(2.0)


@pytest.fixture
def climbed(monkeypatch):
    """Climb with fits that are not computed: the first one has a given chi2 excess, the second one more evidence."""

    def run(excess, gained, factor, **given):
        model = Model(PARAMETERS, Sampling.named("box", factor, (16, 16)), mpisim.Grid((16, 16)), START, tolerance=1e-2)
        values, asked = model.means(START), []
        filled = replace(START, shared=np.full(len(START.shared), 0.01))

        def full(rough, fine, values, sigma, start, hold, priors):
            asked.append(start)
            return SimpleNamespace(evidence=-100.0 + gained * (len(asked) - 1), state=filled, steps=1)

        monkeypatch.setattr(module, "_full", full)
        monkeypatch.setattr(module, "excess", lambda fit, count: excess)
        found = climb(model, values, np.array(0.1 * np.abs(values).max()), START, **given)
        return found, asked

    return run


def test_a_doubtful_fit_of_few_positions_is_compared_with_a_tilted_plane(climbed):
    found, asked = climbed(1.5, 4.0, 4)
    assert found.starts == len(asked) == 2 and found.full.evidence == -96.0
    across = asked[1].shared[PLANE]
    assert np.count_nonzero(across) == 1 and asked[1].shared[PARAMETERS.place("plane_tilt_x")] == across.max() > 0
    assert np.all(np.delete(asked[1].shared, PLANE) == 0.01)


@pytest.mark.parametrize(
    ("excess", "gained", "factor", "starts"), [(0.5, 9.0, 4, 1), (1.5, 2.0, 4, 2), (1.5, 9.0, 2, 1)]
)
def test_other_fits_are_kept(climbed, excess, gained, factor, starts):
    """Those whose chi2 is as expected, whose evidence is hardly less, or that have many positions."""
    found, asked = climbed(excess, gained, factor)
    assert len(asked) == starts and found.full.evidence == -100.0


def test_exact_values_are_not_compared(climbed):
    assert len(climbed(1.5, 9.0, 4, exact=True)[1]) == 1


@pytest.mark.parametrize(("steepness", "dear"), [(2.0, False), (4.5, True)])
def test_first_steps_cost_no_more_than_the_last_where_they_are_dear(steepness, dear):
    """A rough model has more points only where both have few: it is that of a steeper scanner."""
    scanner = mpisim.open_sided_ffl(0.8, angles=tuple(np.pi * np.arange(60) / 60), harmonics=(2, 3, 4))
    fine = mpisim.simulate(scanner, mpisim.Particle(20e-9), mpisim.Grid((32, 32)))
    measurement = Measurement.of(calib.downsample(fine, 8, snr=34, seed=1))
    state = measurement.parameters.ideal(steepness, 3.0 if dear else 0.1)
    model, rough = models(measurement, narrow(measurement, state))
    assert (model.evaluations > 2e7) == dear
    assert rough.evaluations < model.evaluations if dear else rough.steepness > model.steepness
    assert model.steepness == pytest.approx(np.exp(steepness + np.sqrt(1.0 if dear else 0.1)))
