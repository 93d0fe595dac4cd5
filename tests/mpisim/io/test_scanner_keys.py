"""Keys of a scanner file: the unknown one is named, with the known one that is closest to it."""

import pytest

from mpisim.errors import InputError
from mpisim.io.scanner_keys import refuse_unknown


def test_the_unknown_key_is_named():
    refuse_unknown(["a", "b"], ("a", "b", "c"), "s.toml", "made of a, b, c")
    with pytest.raises(InputError) as found:
        refuse_unknown(["offset", "rotaton"], ("offset", "rotation"), "s.toml", "made of two keys")
    sentence = (
        "Input s.toml must be made of two keys; instead received the unknown key rotaton (did you mean rotation?)."
    )
    assert str(found.value) == sentence
