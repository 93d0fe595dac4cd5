"""The table of a scanner's parameters."""

import numpy as np
import pytest

from calib.methods.physical.parameters import Parameters, Term
from calib.methods.physical.scanner_table import scanner_parameters
from mpisim.errors import InputError


def test_table_says_what_every_parameter_is():
    table = scanner_parameters((0.0, 1.0), (2, 3), coils=2)
    assert len({p.name for p in table.shared}) == len(table.shared)
    assert all(p.scale > 0 and p.meaning and p.unit for p in table.shared)
    assert sorted(i for g in table.groups for i in table.group(g)) == list(range(len(table.shared)))
    assert table.size == len(table.shared) + 2 * 2 * 2 + 2 * 4
    assert {p.coil for p in table.shared if p.name.startswith("coil")} == {0, 1}


def test_degrees_of_the_maps():
    fewer = scanner_parameters((0.0,), (2,), coil_degree=2, drive_degree=1, static_degree=2)
    names = {p.name for p in fewer.shared}
    assert "coil_z_11" in names and "coil_z_30" not in names
    assert "drive_10" in names and "drive_20" not in names
    assert "static_02" in names and "static_03" not in names


def test_state_and_vector():
    table = scanner_parameters((0.0, 1.0), (2, 3), coils=2)
    state = table.ideal(2.0, 0.1, -0.2)
    state.gains[1, 0] = 2 - 3j
    state.local[1, 2] = 0.5
    vector = state.vector()
    assert vector.size == table.size
    again = state.of_vector(vector)
    assert all(np.array_equal(getattr(again, n), getattr(state, n)) for n in ("shared", "gains", "local"))
    again.shared[0] = 9.0
    assert state.shared[0] == 2.0


def test_bad_tables_are_refused():
    good = scanner_parameters((0.0,), (2,)).shared
    with pytest.raises(InputError, match="ascending"):
        scanner_parameters((0.0,), (3, 2))
    with pytest.raises(InputError, match="at least one"):
        scanner_parameters((), (2,))
    with pytest.raises(InputError, match="named once"):
        Parameters((*good, good[0]), (0.0,), (2,))
    with pytest.raises(InputError, match="steepness"):
        Parameters(good[1:], (0.0,), (2,))
    with pytest.raises(InputError, match="component of the term"):
        Term("c_x", ((0, 0, 1.0),))
    with pytest.raises(InputError, match="at rest"):
        Term("a_x", ((0, 0, 1.0),), "line")
