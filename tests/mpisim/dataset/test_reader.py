"""Reading a data set: a split that is missing is named, with what is there instead and how a split is made."""

import pytest

from mpisim.data.grid import Grid
from mpisim.dataset.cases import grid_cases
from mpisim.dataset.generation import generate
from mpisim.dataset.reader import read_split
from mpisim.dataset.spec import DatasetSpec
from mpisim.errors import InputError

SPEC = DatasetSpec(grid=Grid((8, 8)), scanner={"angles": 2})


def refused(folder):
    with pytest.raises(InputError) as caught:
        read_split(folder, "train")
    return str(caught.value)


def test_what_is_there_in_place_of_a_split(tmp_path):
    """No folder, an empty one, matrices in no split (what ranges make without a split), and another split."""
    must = "Input data must be a data set with the split train (see `mpisim dataset`); instead received "
    made = "(`mpisim dataset --preset transms` makes all splits, `--split NAME` puts matrices of ranges into one)."
    assert refused(tmp_path / "none") == f"{must}{tmp_path}/none, which is no folder."
    assert refused(tmp_path) == f"{must}{tmp_path} without matrices {made}"
    generate(grid_cases((0.5,), (20e-9,)), SPEC, tmp_path / "plain")
    assert refused(tmp_path / "plain") == f"{must}{tmp_path}/plain, whose matrices are in no split {made}"
    generate(grid_cases((0.5,), (20e-9,), "test"), SPEC, tmp_path)
    assert refused(tmp_path) == f"{must}{tmp_path}, which has only the split test {made}"


def test_a_split_comes_in_the_order_of_names(tmp_path):
    generate(grid_cases((0.8, 0.5), (20e-9,), "train"), SPEC, tmp_path)
    assert [float(m["sf_gradient"]) for m in read_split(tmp_path, "train")] == [0.5, 0.8]
