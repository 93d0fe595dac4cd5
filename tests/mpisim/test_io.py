"""Files: NetCDF there and back, MATLAB of both formats, and every way a file can be wrong."""

import os

import h5py
import numpy as np
import pytest
import scipy.io
import xarray as xr

from mpisim import Grid, InputError, Particle, open_sided_ffl, read, simulate, write
from mpisim.io import matlab, netcdf
from mpisim.io.atomic import output_folder, replacing, write_text
from mpisim.system_matrix import dataset

RNG = np.random.default_rng(4)


def complex_values(*shape, dtype=complex):
    return (RNG.normal(size=(*shape, 2)) @ [1, 1j]).astype(dtype)


def sample_matrix(dtype=complex, shape=(2, 3, 4, 5), **options):
    dims = ("angle", "frequency", "y", "x")
    coords = {d: 1e-3 * np.arange(n) for d, n in zip(dims, shape, strict=True)}
    coords["harmonic"] = ("frequency", np.arange(2, 2 + shape[1]))
    options = {"stage": "fine", "origin": "simulated"} | options
    return dataset("system_matrix", complex_values(*shape, dtype=dtype), dims, coords, **options)


def assert_same(found, expected):
    xr.testing.assert_identical(found, expected)
    for name in expected.variables:
        assert found[name].dtype == expected[name].dtype, name


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
            dataset(
                "measurement", complex_values(3, 4), ("angle", "frequency"), {"angle": [0.0, 0.1, 0.2]}, noise_std=0.1
            ),
            id="measurement",
        ),
        pytest.param(
            dataset("image", RNG.random((9, 8)), ("y", "x"), {"y": np.arange(9.0), "x": np.arange(8.0)}, units="1"),
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
        pytest.param(lambda d: d.isel(x=slice(None, None, -1)), "coordinate x of .* ascending", id="descending x"),
        pytest.param(
            lambda d: d.drop_attrs().assign_attrs(kind="system_matrix", format_version=1), "stage", id="stage"
        ),
        pytest.param(lambda d: d.assign_attrs(stage="coarse"), "sampling", id="coarse without sampling"),
        pytest.param(lambda d: d.assign_attrs(scanner="json:{"), "readable NetCDF file", id="broken JSON"),
        pytest.param(lambda d: d.isel(reim=0), "complex", id="real part alone"),
    ],
)
def test_a_file_that_breaks_the_schema(tmp_path, damage, reason):
    disk = netcdf.encode(sample_matrix())
    damage(disk).to_netcdf(tmp_path / "bad.nc", engine="netcdf4")
    refused(tmp_path / "bad.nc", reason)


# -- writing ----------------------------------------------------------------------------------------------------------


def test_only_netcdf_is_written(tmp_path):
    with pytest.raises(InputError, match=r"output file must be a \.nc file"):
        write(sample_matrix(), tmp_path / "sm.mat")


def test_a_broken_dataset_is_not_written(tmp_path):
    data = sample_matrix()
    data.system_matrix.values[0, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="finite"):
        write(data, tmp_path / "sm.nc")
    assert not list(tmp_path.iterdir())


def test_a_folder_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for target in (tmp_path / "file" / "sm.nc", tmp_path / "file" / "deeper" / "sm.nc"):
        with pytest.raises(InputError, match="Input output folder must be"):
            write(sample_matrix(), target)
    with pytest.raises(InputError, match="output folder"):
        output_folder(tmp_path / "file" / "x")


def test_a_folder_in_place_of_the_file(tmp_path):
    (tmp_path / "sm.nc").mkdir()
    with pytest.raises(InputError, match="a file name; instead received the folder"):
        write(sample_matrix(), tmp_path / "sm.nc")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, error):
    path, old = tmp_path / "sm.nc", sample_matrix()
    write(old, path)

    def stop_half_way(self, target, **options):
        target.write_bytes(b"half a file")
        raise error("stopped")

    expected = InputError if error is RuntimeError else error  # what NetCDF raises on a full disk
    with monkeypatch.context() as patch, pytest.raises(expected, match="stopped"):
        patch.setattr(xr.Dataset, "to_netcdf", stop_half_way)
        write(sample_matrix(), path)
    assert [p.name for p in tmp_path.iterdir()] == ["sm.nc"]
    assert_same(read(path), old)


def test_text_is_replaced_whole(tmp_path):
    path = tmp_path / "page.html"
    write_text(path, "µ old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("new")
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "µ old"
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


# -- MATLAB -----------------------------------------------------------------------------------------------------------

GRID = Grid((3, 2), (0.003, 0.002))


def write_v5(path, **arrays):
    scipy.io.savemat(path, arrays)


def write_v73(path, **arrays):
    """As MATLAB does: axes in reverse, complex numbers as records of real and imag, plus a group that is no array."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_group("#refs#")
        for name, array in arrays.items():
            values = np.atleast_2d(array).T
            if np.iscomplexobj(values):
                record = np.empty(values.shape, [("real", float), ("imag", float)])
                record["real"], record["imag"] = values.real, values.imag
                values = record
            file[name] = values


both_formats = pytest.mark.parametrize("save", [write_v5, write_v73])


@both_formats
def test_a_matlab_matrix_has_rows_of_voxels_with_x_fastest(tmp_path, save):
    values = complex_values(4, 6)
    save(tmp_path / "sm.mat", A=values, title=np.array([1.0]))
    found = read(tmp_path / "sm.mat", variable="A", grid=GRID)
    assert found.system_matrix.dims == ("frequency", "y", "x")
    assert np.array_equal(found.system_matrix.values.reshape(4, 6), values)
    assert np.array_equal(found.x, GRID.axis(0))
    assert (found.attrs["stage"], found.attrs["origin"]) == ("fine", "measured")


@both_formats
def test_a_transposed_matlab_matrix_is_turned_to_fit_the_grid(tmp_path, save):
    values = complex_values(4, 6)
    save(tmp_path / "sm.mat", A=values.T)
    found = read(tmp_path / "sm.mat", grid=GRID)
    assert np.array_equal(found.system_matrix.values.reshape(4, 6), values)


@both_formats
@pytest.mark.parametrize("column", [True, False])
def test_a_matlab_vector_without_a_grid_is_a_measurement(tmp_path, save, column):
    values = complex_values(5)
    save(tmp_path / "y.mat", y=values[:, None] if column else values[None])
    found = read(tmp_path / "y.mat")
    assert found.attrs["kind"] == "measurement"
    assert np.array_equal(found.measurement, values)


@both_formats
def test_real_matlab_numbers_become_complex(tmp_path, save):
    save(tmp_path / "sm.mat", A=np.arange(24.0).reshape(4, 6))
    found = read(tmp_path / "sm.mat", grid=GRID)
    assert np.array_equal(found.system_matrix.values.ravel(), np.arange(24) + 0j)


@both_formats
def test_a_coarse_matlab_matrix_is_stored_as_block_means(tmp_path, save):
    values = complex_values(4, 6)
    save(tmp_path / "sm.mat", A=values)
    found = read(tmp_path / "sm.mat", grid=GRID, coarse=4)
    assert (found.attrs["stage"], found.attrs["sampling"]["factor"]) == ("coarse", 4)
    assert np.allclose(found.system_matrix.values.reshape(4, 6), values / 16, rtol=1e-15)


@both_formats
def test_matlab_files_that_do_not_fit(tmp_path, save):
    path = tmp_path / "sm.mat"
    save(path, A=complex_values(4, 6), B=complex_values(4, 7))
    refused(path, r"variable must be one of \['A', 'B'\].*'C'", variable="C")
    refused(path, "named where .* holds several arrays", grid=GRID)
    refused(path, r"rows x 6 voxels .*\(4, 7\)", variable="B", grid=GRID)
    refused(path, "one row of numbers", variable="A")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no matlab",
        b"something longer than the header of a MATLAB file " * 5,
        pytest.param(
            b"MATLAB 5.0 MAT-file" + bytes(60),
            id="half a header",
        ),
    ],
)
def test_no_matlab_file(tmp_path, content):
    (tmp_path / "odd.mat").write_bytes(content)
    refused(tmp_path / "odd.mat", "a MATLAB file")


def test_damaged_compressed_matlab_file(tmp_path):
    path = tmp_path / "sm.mat"
    scipy.io.savemat(path, {"A": complex_values(40, 60)}, do_compression=True)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    refused(path, "a MATLAB file", grid=GRID)


def test_a_matlab_matrix_of_one_row(tmp_path):
    write_v5(tmp_path / "sm.mat", A=complex_values(1, 6))
    assert read(tmp_path / "sm.mat", grid=GRID).system_matrix.shape == (1, 2, 3)


@both_formats
def test_truncated_matlab_file(tmp_path, save):
    path = tmp_path / "sm.mat"
    save(path, A=complex_values(40, 60))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    refused(path, "a MATLAB file", grid=GRID)


@both_formats
def test_nan_in_a_matlab_matrix(tmp_path, save):
    values = complex_values(4, 6)
    values[1, 2] = np.nan
    save(tmp_path / "sm.mat", A=values)
    refused(tmp_path / "sm.mat", "finite everywhere", grid=GRID)


def test_matlab_text_is_no_matrix(tmp_path):
    write_v5(tmp_path / "text.mat", note="hello")
    refused(tmp_path / "text.mat", "variable must be", variable="note", grid=GRID)


# -- published TranSMS data -------------------------------------------------------------------------------------------

FREQUENCIES, SLICES = 4, 3


def original(**changed):
    """What the published loader expects: rows of frequencies and, faster, slices; a column of numbers per frequency."""
    arrays = {
        "myMtx": 10 * complex_values(FREQUENCIES * SLICES, 6),
        "estNsKestirimi": np.arange(1.0, 1 + FREQUENCIES)[:, None],
        "snrList": np.arange(5.0, 5 + FREQUENCIES)[:, None],
    }
    return {name: array for name, array in (arrays | changed).items() if array is not None}


def as_published(arrays, n1, n2):
    """The images that the published code makes of a matrix: NumPy's order, the second index fastest."""
    return arrays["myMtx"].reshape(FREQUENCIES, SLICES, n1, n2)


@both_formats
def test_published_data_is_read_like_any_matrix_without_naming_a_variable(tmp_path, save):
    arrays = original()
    save(tmp_path / "sm.mat", **arrays)
    assert matlab.holds_original(tmp_path / "sm.mat")
    found = read(tmp_path / "sm.mat", grid=GRID)
    assert (found.attrs["stage"], found.attrs["origin"]) == ("fine", "measured")
    assert found.system_matrix.dims == ("frequency", "y", "x")
    assert np.array_equal(found.system_matrix.values, as_published(arrays, 2, 3).reshape(-1, 2, 3))
    named = read(tmp_path / "sm.mat", variable="myMtx", grid=GRID)
    assert np.array_equal(named.system_matrix.values, found.system_matrix.values)


@both_formats
def test_published_data_keeps_its_noise_and_comes_back_from_netcdf(tmp_path, save):
    arrays = original()
    save(tmp_path / "sm.mat", **arrays)
    found = matlab.read_original(tmp_path / "sm.mat", GRID)
    assert np.array_equal(found.system_matrix.values, as_published(arrays, 2, 3).reshape(-1, 2, 3))
    assert np.array_equal(found.noise_estimate, np.repeat(arrays["estNsKestirimi"], SLICES))
    assert np.array_equal(found.snr, np.repeat(arrays["snrList"], SLICES))
    assert float(found.noise_std) ** 2 == pytest.approx(2)
    write(found, tmp_path / "sm.nc")
    assert_same(read(tmp_path / "sm.nc"), found)


@both_formats
def test_a_published_volume_has_its_slices_along_z(tmp_path, save):
    arrays = original()
    save(tmp_path / "sm.mat", **arrays)
    found = matlab.read_original(tmp_path / "sm.mat", Grid((3, 2, SLICES), (0.003, 0.002, 0.003)))
    assert found.system_matrix.dims == ("frequency", "z", "y", "x")
    assert np.array_equal(found.system_matrix.values, as_published(arrays, 2, 3))
    assert np.array_equal(found.snr, arrays["snrList"][:, 0])


def test_published_data_that_cannot_be_whitened_has_no_noise(tmp_path):
    arrays = original()
    write_v5(tmp_path / "sm.mat", **arrays | {"myMtx": 1e-9 * arrays["myMtx"]})
    assert "noise_std" not in matlab.read_original(tmp_path / "sm.mat", GRID)


@both_formats
@pytest.mark.parametrize(
    ("changed", "grid", "reason"),
    [
        ({}, Grid((3, 3), (0.003, 0.003)), r"myMtx .* rows x 9 voxels to fit the grid \(3, 3\).*\(12, 6\)"),
        ({}, Grid((3, 2, 2), (0.003, 0.002, 0.002)), "grid must be of 3 slices along z"),
        ({"snrList": np.ones((3, 1))}, GRID, "as many numbers as 12 rows have frequencies.*received 4 and 3"),
        (
            {"snrList": np.ones((5, 1)), "estNsKestirimi": np.ones((5, 1))},
            GRID,
            "as many numbers as 12 rows have frequencies.*received 5 and 5",
        ),
        ({"estNsKestirimi": None}, GRID, "a file with myMtx, estNsKestirimi, snrList"),
        ({"snrList": np.full((4, 1), np.nan)}, GRID, "coordinate snr of dataset must be finite"),
    ],
)
def test_published_data_that_does_not_fit(tmp_path, save, changed, grid, reason):
    save(tmp_path / "sm.mat", **original(**changed))
    with pytest.raises(InputError, match=reason):
        matlab.read_original(tmp_path / "sm.mat", grid)


@pytest.mark.parametrize("content", [b"", b"no matlab", b"\x89HDF\r\n\x1a\n" + bytes(40)])
def test_a_damaged_file_holds_no_published_data(tmp_path, content):
    (tmp_path / "odd.mat").write_bytes(content)
    assert not matlab.holds_original(tmp_path / "odd.mat")
    assert not matlab.holds_original(tmp_path / "none.mat")
