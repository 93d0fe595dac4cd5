from dataclasses import replace

import numpy as np
import pytest

import mpisim
from mpisim.errors import InputError
from mpisim.io.scanner_file import open_scanner
from mpisim.particles.relaxation import Debye
from recon.studies.planning.scanners import STATED, level_of, planned_scanners

LINE = mpisim.open_sided_ffl(0.6, fov=0.064, angles=12, harmonics=(2, 3, 11))
PLAIN = mpisim.Setup(LINE, mpisim.Particle(22e-9), mpisim.Grid((16, 8), (0.064, 0.032)))
MEDIUM = open_scanner("medium").setup()


def test_the_level():
    assert level_of(PLAIN, None) == "medium" and level_of(PLAIN, "strong") == "strong"
    assert level_of(MEDIUM, None) == STATED
    noisy = replace(PLAIN, scanner=mpisim.ImperfectFFL.of(LINE, receive=mpisim.ReceiveChain()))
    assert level_of(noisy, None) == "medium"
    with pytest.raises(InputError, match="imperfections must be left out"):
        level_of(MEDIUM, "mild")
    with pytest.raises(InputError, match="imperfections must be one of ideal, mild"):
        level_of(PLAIN, "weak")


def test_drawn_scanners_are_the_users_with_imperfections_and_differ():
    first, second = planned_scanners(PLAIN, "strong", 2, seed=4)
    assert first.scanner.sf_gradient == 0.6 and first.scanner.harmonics == (2, 3, 11)
    assert first.scanner.angles == LINE.angles and first.grid == PLAIN.grid
    assert isinstance(first.particle, Debye) and first.particle.particle.median == 22e-9
    assert first.scanner.selection != second.scanner.selection
    assert planned_scanners(PLAIN, "strong", 1, seed=4)[0] == first
    assert planned_scanners(PLAIN, "strong", 1, seed=5)[0] != first
    assert planned_scanners(PLAIN, "ideal", 2, seed=4) == [PLAIN, PLAIN]


def test_imperfections_at_the_edge_do_not_depend_on_the_size_of_the_field_of_view():
    small = replace(PLAIN, scanner=replace(LINE, drive_amplitude=LINE.drive_amplitude / 2), grid=mpisim.Grid((16, 16)))
    wide, narrow = (planned_scanners(s, "medium", 1, seed=0)[0].scanner for s in (PLAIN, small))
    for part, other in zip(wide.selection, narrow.selection, strict=True):
        edge = np.array([0.016, 0.0, 0.0])
        np.testing.assert_allclose(part.relative_field(2 * edge, 0.3), other.relative_field(edge, 0.3))
    for coil, other in zip(wide.coils, narrow.coils, strict=True):
        np.testing.assert_allclose(coil.sensitivity(2 * edge, 0.0), other.sensitivity(edge, 0.0))


def test_a_scanner_that_states_imperfections_comes_first_as_it_is_and_then_its_neighbours():
    first, second = planned_scanners(MEDIUM, STATED, 2, seed=0)
    assert first is MEDIUM
    assert second.scanner.selection == MEDIUM.scanner.selection
    assert 0 < abs(second.scanner.sf_gradient / MEDIUM.scanner.sf_gradient - 1) < 0.1
    assert second.scanner.line.seed != MEDIUM.scanner.line.seed
