"""The limit on memory."""

import pytest

from mpisim import InputError
from mpisim.memory import GIGABYTE, free_memory, limited_memory, memory_limit, require_memory


def test_half_of_the_free_memory_is_allowed():
    assert 0 < free_memory()
    assert memory_limit() == pytest.approx(free_memory() / 2, rel=0.2)  # other programs take and free some meanwhile
    require_memory("S", 1000)
    with pytest.raises(InputError, match=r"Input S must be one that needs at most .* GB .*; .* needs 1e\+15 GB"):
        require_memory("S", 1e24)


def test_a_limit_holds_within_its_block():
    with limited_memory(2.0):
        assert memory_limit() == 2 * GIGABYTE
        with limited_memory(1.0):
            assert memory_limit() == GIGABYTE
        with limited_memory(None):
            assert memory_limit() == 2 * GIGABYTE
        with pytest.raises(
            InputError, match=r"2 GB \(a larger memory allows more\); instead received one that needs 3"
        ):
            require_memory("S", 3 * GIGABYTE)


@pytest.mark.parametrize("value", [0, -1, float("nan"), "4"])
def test_a_limit_is_positive(value):
    with pytest.raises(InputError, match="memory must be a positive number"), limited_memory(value):
        pytest.fail("the limit was taken")
