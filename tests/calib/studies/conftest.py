"""What the tests of studies share."""

import pytest


@pytest.fixture(scope="package")
def cache(tmp_path_factory):
    """A cache that short forms share, so that a training runs once."""
    return tmp_path_factory.mktemp("cache")
