"""The matrices of studies, simulated or from a data set."""

import numpy as np
import pytest

import mpisim
from calib.studies.catalogue import STUDIES
from calib.studies.harness.protocol import Protocol
from mpisim.data.grid import Grid
from mpisim.dataset.generation import generate
from mpisim.dataset.spec import DatasetSpec
from mpisim.errors import InputError
from tests.small import CASES, SMALL, SPEC


def test_a_data_set_gives_the_simulated_matrices(tmp_path):
    generate(CASES, SPEC, tmp_path)
    cases = SMALL.of("test")
    for read, simulated in zip(SMALL.matrices(cases, tmp_path), SMALL.matrices(cases), strict=True):
        assert np.array_equal(read["system_matrix"].values, simulated["system_matrix"].values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(grid=Grid((8, 8))), r"size \{.*'y': 8, 'x': 8\} instead of .*16.*grid.shape"),
        (dict(scanner={"angles": 4, "harmonics": (2, 3)}), r"scanner.harmonics \[2, 3\] instead of \[2, 3, 5, 8\]"),
        (dict(scanner={"angles": 4, "harmonics": (2, 3, 5, 8), "drive_amplitude": 0.01}), "scanner.drive_amplitude"),
    ],
)
def test_data_of_another_protocol_are_refused_with_the_difference(tmp_path, changes, message):
    spec = DatasetSpec(**{"grid": SPEC.grid, "scanner": SPEC.scanner, **changes})
    generate(CASES, spec, tmp_path / "data", splits=["test"])
    with pytest.raises(InputError, match="Input data must be of this study's protocol; instead received .*" + message):
        STUDIES["table3"](tmp_path / "out", True, tmp_path / "data", methods=("bicubic",), protocol=SMALL)


def test_data_of_the_protocol_with_other_values_are_refused(tmp_path):
    """For example recovered matrices in place of the simulated ones."""
    generate(CASES, SPEC, tmp_path / "data", splits=["test"])
    file = sorted((tmp_path / "data" / "test").glob("*.nc"))[0]
    data = mpisim.read(file)
    mpisim.write(data.assign(system_matrix=data["system_matrix"] * 1.1), file)
    with pytest.raises(InputError, match="with values that are 10 % off"):
        SMALL.matrices(SMALL.of("test"), tmp_path / "data")


def test_data_in_another_multiple_of_the_unit_are_converted(tmp_path):
    generate(CASES, SPEC, tmp_path / "data", splits=["test"])
    file = sorted((tmp_path / "data" / "test").glob("*.nc"))[0]
    data = mpisim.read(file)
    milli = data["system_matrix"].copy(data=data["system_matrix"].values * 1e3).assign_attrs(units="mV")
    mpisim.write(data.assign(system_matrix=milli), file)
    read, simulated = (SMALL.matrices(SMALL.of("test"), folder)[0] for folder in (tmp_path / "data", None))
    assert read["system_matrix"].attrs["units"] == "V"
    assert np.allclose(read["system_matrix"], simulated["system_matrix"], rtol=1e-6, atol=0)
    mpisim.write(data.assign(system_matrix=data["system_matrix"].assign_attrs(units="A")), file)
    with pytest.raises(InputError, match=r"Input unit of .* must be V, the unit of the simulated matrix, or"):
        SMALL.matrices(SMALL.of("test"), tmp_path / "data")


def test_data_that_lack_a_matrix_or_a_split_are_refused(tmp_path):
    generate(CASES, SPEC, tmp_path, splits=["test"])
    with pytest.raises(InputError, match=r"without train/g0\.5000_d20\.000\.nc"):
        SMALL.matrices(SMALL.of("train"), tmp_path)
    with pytest.raises(InputError, match="without a folder test"):
        SMALL.matrices(SMALL.of("test"), tmp_path / "train")
    with pytest.raises(InputError, match="which is no folder"):
        SMALL.matrices(SMALL.of("test"), tmp_path / "none")
    (tmp_path / "test" / f"{SMALL.of('test')[1].name}.nc").unlink()
    with pytest.raises(InputError, match=r"without test/g0\.8000_d24\.000\.nc"):
        SMALL.matrices(SMALL.of("test"), tmp_path)


def test_the_default_protocol_is_that_of_the_paper():
    paper = Protocol()
    assert [len(paper.of(split)) for split in ("train", "validation", "test")] == [66, 30, 34]
    assert not {c.name for c in paper.of("train")} & {c.name for c in paper.of("test")}


def test_a_short_form_takes_cases_spread_over_the_split():
    paper = Protocol()
    few = paper.of("test", 3)
    assert len(few) == 3 and few == [paper.of("test")[i] for i in (0, 11, 22)]
    assert paper.of("test", 99) == paper.of("test")


def test_figures_show_the_largest_gradient_and_about_25_nm():
    case = Protocol().figure_case()
    assert case.sf_gradient == 1.0 and case.particle_diameter == pytest.approx(24.825e-9)
