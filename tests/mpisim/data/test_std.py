"""The standard deviation of a matrix in the schema: what keeps it, and how units, whitening and files carry it."""

import numpy as np
import pytest
import xarray as xr

import mpisim
from mpisim import Grid, InputError
from mpisim.data.downsampling import downsample
from mpisim.data.schema import STD, build, validate
from mpisim.data.units import in_unit
from mpisim.data.views import as_images, replace_rows
from mpisim.io import write_blocks
from mpisim.preprocess.whitening import whiten
from tests.mpisim.data.matrices import DIMS, sample_matrix

VALUES = np.random.default_rng(5).uniform(0, 0.1, (2, 3, 4, 5))


def with_std(values=VALUES, dims=DIMS):
    data = sample_matrix()
    data[STD] = (dims, values, {"units": "V"})
    return data


def one_with(value):
    values = VALUES.copy()
    values[1, 2, 3, 4] = value
    return values


def test_a_matrix_keeps_the_schema_with_and_without_it():
    assert validate(with_std())[STD].shape == (2, 3, 4, 5)
    built = build(
        "system_matrix", VALUES + 1j, DIMS, sample_matrix().coords, std=VALUES, stage="fine", origin="measured"
    )
    assert built[STD].attrs["units"] == built["system_matrix"].attrs["units"]
    assert STD not in sample_matrix()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (with_std(one_with(-1e-9)), "zero or more; instead received -1e-09"),
        (with_std(one_with(np.nan)), "finite everywhere"),
        (with_std(one_with(np.inf)), "finite everywhere"),
        (with_std(VALUES + 0j), "real floating-point numbers; instead received complex128"),
        (with_std(VALUES[0], DIMS[1:]), "of the dimensions of system_matrix"),
        (with_std(np.float64(0.1), ()), "of the dimensions of system_matrix"),
        (
            with_std(VALUES.transpose(1, 0, 2, 3), ("frequency", "angle", "y", "x")),
            "of the dimensions of system_matrix",
        ),
    ],
)
def test_what_breaks_the_schema_gets_one_sentence(data, reason):
    with pytest.raises(InputError, match=rf"^Input {STD} of m must be {reason}.*\.$"):
        validate(data, "m")


def test_only_a_matrix_has_it():
    image = build("image", np.ones((4, 5)), ("y", "x"), {d: sample_matrix()[d] for d in "yx"}, units="1")
    with pytest.raises(InputError, match="a system matrix where it has the variable"):
        validate(image.assign({STD: xr.zeros_like(image["image"])}))


def test_units_and_whitening_scale_it_like_the_values():
    """The relative deviation of every value is a number without unit, which no scale changes."""
    data = with_std()
    relative = data[STD] / abs(data["system_matrix"])
    white = whiten(data, xr.DataArray([1.0, 2.0, 4.0], dims="frequency"))
    for scaled in (in_unit(data, "uV", "data"), white):
        assert np.allclose(scaled[STD] / abs(scaled["system_matrix"]), relative, rtol=1e-12)
        assert scaled[STD].attrs["units"] == scaled["system_matrix"].attrs["units"] != "V"
        validate(scaled)


def test_other_rows_have_their_own_or_none():
    data, grid = with_std(), Grid((3, 2), (0.3, 0.2))
    rows = np.ones((6, 2, 3), np.complex64)
    assert STD not in replace_rows(data, rows, grid)
    replaced = replace_rows(data, rows, grid, std=np.full(rows.shape, 0.25))
    assert replaced[STD].dims == DIMS and float(replaced[STD].min()) == 0.25
    assert STD not in downsample(data.isel(x=slice(0, 4)), 2, snr=None)


def test_files_carry_it_complete_and_in_blocks(tmp_path):
    data = with_std()
    mpisim.write(data, tmp_path / "m.nc")
    back = mpisim.read(tmp_path / "m.nc")
    assert back.identical(data)
    write_blocks([data.isel(angle=[i]) for i in range(2)], tmp_path / "blocks.nc")
    assert np.array_equal(mpisim.read(tmp_path / "blocks.nc")[STD], data[STD])
    part = back.isel(x=slice(1, 4), angle=[0])
    assert np.array_equal(validate(part)[STD], VALUES[:1, ..., 1:4])
    with pytest.raises(InputError, match="of the same variables each"):
        write_blocks([data.isel(angle=[0]), data.isel(angle=[1]).drop_vars(STD)], tmp_path / "mixed.nc")
    assert not (tmp_path / "mixed.nc").exists()


def test_the_deviation_of_complex_values_that_files_had_is_converted(tmp_path):
    """Versions up to 0.1 wrote the deviation of complex values under another name."""
    old = sample_matrix()
    old["recovery_std"] = (DIMS, np.sqrt(2) * VALUES, {"units": "V"})
    mpisim.write(old, tmp_path / "old.nc")
    found = mpisim.read(tmp_path / "old.nc")
    assert "recovery_std" not in found and np.allclose(found[STD], VALUES, rtol=1e-12)
    assert np.array_equal(as_images(found), as_images(old))
