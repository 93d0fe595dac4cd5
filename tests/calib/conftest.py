"""What several tests of training share."""

import pytest

from mpisim.data.grid import Grid
from mpisim.dataset.cases import grid_cases
from mpisim.dataset.generation import generate
from mpisim.dataset.reader import read_split
from mpisim.dataset.spec import DatasetSpec


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Two training and one validation matrix of 16 x 16 voxels, 4 angles."""
    out = tmp_path_factory.mktemp("data")
    cases = grid_cases((0.5, 0.9), (24e-9,), "train") + grid_cases((0.7,), (24e-9,), "validation")
    generate(cases, DatasetSpec(grid=Grid((16, 16)), scanner={"angles": 4}), out)
    return {split: read_split(out, split) for split in ("train", "validation")}
