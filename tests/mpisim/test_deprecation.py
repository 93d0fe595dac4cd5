import pytest

from mpisim import InputError
from mpisim.deprecation import renamed_arguments


@renamed_arguments("9.9", old="new")
def double(new: float = 1.0) -> float:
    """Return twice a number."""
    return 2 * new


def test_the_former_name_works_with_a_warning_that_names_the_new_one():
    with pytest.warns(DeprecationWarning, match="double: use new instead of old, which version 9.9 ") as caught:
        assert double(old=4) == 8
    assert caught[0].filename == __file__
    assert double(new=4) == double(4) == 8 and double() == 2


def test_both_names_together_are_refused():
    with pytest.raises(InputError, match="Input new must be given without its former name old; instead received both"):
        double(old=1, new=2)
