"""Fixtures of the tests of MDF files."""

import numpy as np
import pytest


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.mdf"


@pytest.fixture
def rng():
    return np.random.default_rng(7)
