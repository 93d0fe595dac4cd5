import pytest

import mpisim
from tests.recon.problems import small_matrix


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder with the small matrix, and the place where commands run."""
    monkeypatch.chdir(tmp_path)
    mpisim.write(small_matrix(), "sm.nc")
    return tmp_path
