"""NetCDF files there and back, and every way a file can be wrong."""

import os

import h5py
import numpy as np
import pytest
import xarray as xr

from mpisim import Grid, InputError, Particle, open_sided_ffl, read, simulate, write
from mpisim.data.schema import build
from mpisim.io.netcdf_encoding import encode
from mpisim.io.reading import read_blocks
from mpisim.io.writing import expect_output
from tests.mpisim.io.matrices import RNG, assert_same, complex_values, sample_matrix

# -- NetCDF there and back --------------------------------------------------------------------------------------------

ATTRIBUTES = {
    "flag": True,
    "off": False,
    "count": 3,
    "level": 33.7,
    "name": "Ω text with ü",
    "empty": "",
    "sequence": [1, 2.5, None, "a"],
    "mapping": {"scheme": "box", "nested": {"seed": None, "on": False}, "angles": [0.0, 0.1]},
    "nothing_in_it": [],
}


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 1, 1), (9, 20, 2, 2)])
def test_a_matrix_comes_back_identical(tmp_path, dtype, shape):
    data = sample_matrix(dtype, shape, noise_std=RNG.random(shape[:2]), **ATTRIBUTES)
    write(data, tmp_path / "sm.nc")
    found = read(tmp_path / "sm.nc")
    assert_same(found, data)
    assert {k: type(found.attrs[k]) for k in ATTRIBUTES} == {k: type(v) for k, v in ATTRIBUTES.items()}


def test_text_that_starts_like_json_comes_back(tmp_path):
    data = sample_matrix(comment="json: a format")
    write(data, tmp_path / "sm.nc")
    assert read(tmp_path / "sm.nc").attrs["comment"] == "json: a format"


def test_an_attribute_set_to_none_comes_back(tmp_path):
    data = sample_matrix().assign_attrs(sampling=None)
    write(data, tmp_path / "sm.nc")
    assert read(tmp_path / "sm.nc").attrs == data.attrs


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            build(
                "measurement", complex_values(3, 4), ("angle", "frequency"), {"angle": [0.0, 0.1, 0.2]}, noise_std=0.1
            ),
            id="measurement",
        ),
        pytest.param(
            build("image", RNG.random((9, 8)), ("y", "x"), {"y": np.arange(9.0), "x": np.arange(8.0)}, units="1"),
            id="image",
        ),
        pytest.param(
            sample_matrix().assign(sampled=(("y", "x"), RNG.random((4, 5)) > 0.5)), id="with a mask of sampled voxels"
        ),
        pytest.param(simulate(open_sided_ffl(0.5, angles=4), Particle(25e-9), Grid((8, 6))), id="simulated"),
        pytest.param(
            simulate(open_sided_ffl(0.5, angles=2), Particle(25e-9), Grid((4, 3, 2), (0.03, 0.03, 0.002))), id="volume"
        ),
    ],
)
def test_every_kind_comes_back_identical(tmp_path, data):
    write(data, str(tmp_path / "any.nc"))
    assert_same(read(str(tmp_path / "any.nc")), data)


def test_xarray_opens_a_file_by_engine(tmp_path):
    data = sample_matrix(noise_std=0.1)
    write(data, tmp_path / "sm.nc")
    with xr.open_dataset(tmp_path / "sm.nc", engine="mpisim") as found:
        assert_same(found.load(), data)
    with xr.open_dataset(tmp_path / "sm.nc", engine="mpisim", drop_variables="noise_std") as found:
        assert set(found.data_vars) == {"system_matrix"}


def test_on_disk_complex_numbers_are_real_with_a_last_axis_of_two(tmp_path):
    data = sample_matrix(np.complex64)
    write(data, tmp_path / "sm.nc")
    with h5py.File(tmp_path / "sm.nc") as file:
        values = file["system_matrix"]
        assert values.dtype == np.float32 and values.shape == (2, 3, 4, 5, 2)
        assert np.array_equal(values[..., 0] + 1j * values[..., 1], data.system_matrix.values)
        assert [part.decode() if isinstance(part, bytes) else part for part in file["reim"][:]] == ["real", "imag"]


def test_writing_twice_gives_the_same_data(tmp_path):
    data = sample_matrix()
    for name in ("a.nc", "b.nc"):
        write(data, tmp_path / name)
    assert_same(read(tmp_path / "a.nc"), read(tmp_path / "b.nc"))


def test_folders_are_made_and_permissions_follow_the_umask(tmp_path):
    target = tmp_path / "new" / "folder" / "sm.nc"
    write(sample_matrix(), target)
    umask = os.umask(0)
    os.umask(umask)
    assert target.stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize(
    "times",
    [
        np.array(["2026-01-01", "2026-01-02"], "M8[ns]"),
        np.array(["2026-01-01T12:30:00.123456789", "NaT"], "M8[ns]"),
        np.array([1, 2_000_000_001], "m8[ns]"),
    ],
)
def test_times_come_back(tmp_path, times):
    data = sample_matrix().assign_coords(time=("angle", times))
    write(data, tmp_path / "sm.nc")
    found = read(tmp_path / "sm.nc")
    assert_same(found.drop_attrs(), data.drop_attrs())
    write(found, tmp_path / "again.nc")
    assert np.array_equal(read(tmp_path / "again.nc").time.values, times, equal_nan=True)
    blocks = list(read_blocks(tmp_path / "sm.nc", 1))
    assert np.array_equal(np.concatenate([b.time.values for b in blocks]), times, equal_nan=True)


def test_a_unit_that_counts_from_something_is_no_time(tmp_path):
    data = sample_matrix()
    data["system_matrix"].attrs["units"] = "volts since the start"
    write(data, tmp_path / "sm.nc")
    assert_same(read(tmp_path / "sm.nc"), data)


@pytest.mark.parametrize("axes", ["x", "y", "xy"])
def test_descending_axes_are_sorted_and_their_values_too(tmp_path, axes):
    data = sample_matrix().assign(sampled=(("y", "x"), RNG.random((4, 5)) > 0.5))
    disk = encode(data).isel({axis: slice(None, None, -1) for axis in axes})
    disk.to_netcdf(tmp_path / "sm.nc", engine="netcdf4")
    assert_same(read(tmp_path / "sm.nc"), data)
    for i, block in enumerate(read_blocks(tmp_path / "sm.nc", 1)):
        assert np.array_equal(block.system_matrix.values[0], data.system_matrix.values[i])


def test_attributes_of_numpy_come_back_plain_and_others_are_named(tmp_path):
    data = sample_matrix().assign_attrs(gain=np.array([1.0, 2.0]), level=np.float32(1.5), on=np.bool_(True))
    data["angle"].attrs["calibrated"] = True
    write(data, tmp_path / "sm.nc")
    found = read(tmp_path / "sm.nc")
    assert (found.attrs["gain"], found.attrs["level"], found.attrs["on"]) == ([1.0, 2.0], 1.5, True)
    assert found["angle"].attrs["calibrated"] is True and found["angle"].attrs["units"] == "rad"
    for broken, name in ((data.assign_attrs(gain=1j), "gain"), (data.assign_attrs(gain={"a": print}), "gain")):
        with pytest.raises(InputError, match=f"Input attribute {name} must be made of numbers"):
            write(broken, tmp_path / "no.nc")
    data["angle"].attrs["calibrated"] = object()
    with pytest.raises(InputError, match="Input attribute calibrated of angle must be"):
        write(data, tmp_path / "no.nc")
    assert not (tmp_path / "no.nc").exists()


def test_an_output_is_none_of_the_inputs(tmp_path):
    write(sample_matrix(), tmp_path / "sm.nc")
    (tmp_path / "link.nc").symlink_to(tmp_path / "sm.nc")
    os.link(tmp_path / "sm.nc", tmp_path / "hard.nc")
    for name in ("sm.nc", "link.nc", "hard.nc", "../" + tmp_path.name + "/sm.nc"):
        with pytest.raises(InputError, match="output file must be another file than the input"):
            expect_output(tmp_path / name, tmp_path / "sm.nc")
    expect_output(tmp_path / "new.nc", tmp_path / "sm.nc", tmp_path / "missing.nc")


# -- files that are wrong ---------------------------------------------------------------------------------------------


def refused(path, reason, **options):
    with pytest.raises(InputError, match=reason) as caught:
        read(path, **options)
    assert str(caught.value).startswith("Input ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["none.nc", "none.mat"])
def test_missing_file(tmp_path, name):
    refused(tmp_path / name, "an existing file")


def test_folder_instead_of_a_file(tmp_path):
    refused(tmp_path, "an existing file")


def test_netcdf_of_another_kind(tmp_path):
    xr.Dataset({"temperature": ("t", [1.0, 2.0])}).to_netcdf(tmp_path / "weather.nc", engine="netcdf4")
    refused(tmp_path / "weather.nc", r"weather\.nc must be an mpisim dataset .*'temperature'")


@pytest.mark.parametrize("content", [b"", b"plain text", b"\x89HDF\r\n\x1a\n" + bytes(40)])
def test_no_netcdf_at_all(tmp_path, content):
    (tmp_path / "odd.nc").write_bytes(content)
    refused(tmp_path / "odd.nc", "readable NetCDF file")


def test_an_empty_file_is_called_one(tmp_path):
    (tmp_path / "odd.nc").touch()
    refused(tmp_path / "odd.nc", r"odd\.nc must be a readable NetCDF file; instead received an empty file\.$")


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated_file(tmp_path, kept):
    path = tmp_path / "sm.nc"
    write(sample_matrix(shape=(4, 8, 16, 16)), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    refused(path, "readable NetCDF file")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        pytest.param(lambda d: d.assign(system_matrix=d.system_matrix * np.nan), "finite everywhere", id="NaN"),
        pytest.param(lambda d: d.transpose("reim", "angle", "frequency", "x", "y"), "in this order", id="order"),
        pytest.param(lambda d: d.assign_coords(x=d.x**2), "coordinate x of .* ascending", id="uneven x"),
        pytest.param(
            lambda d: d.drop_attrs().assign_attrs(kind="system_matrix", format_version=1), "stage", id="stage"
        ),
        pytest.param(lambda d: d.assign_attrs(stage="coarse"), "sampling", id="coarse without sampling"),
        pytest.param(lambda d: d.assign_attrs(scanner="json:{"), "scanner of .* must be JSON", id="broken JSON"),
        pytest.param(lambda d: d.isel(reim=0), "complex", id="real part alone"),
    ],
)
def test_a_file_that_breaks_the_schema(tmp_path, damage, reason):
    disk = encode(sample_matrix())
    damage(disk).to_netcdf(tmp_path / "bad.nc", engine="netcdf4")
    refused(tmp_path / "bad.nc", reason)
