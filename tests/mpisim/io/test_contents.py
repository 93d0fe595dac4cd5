"""What files of other programs hold: every class of MATLAB, NumPy and HDF5, named, described and read."""

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
import xarray as xr

from mpisim import InputError, read
from mpisim.io.contents import chosen, contents_of
from mpisim.io.formats import foreign_contents
from tests.mpisim.io.matlab_files import GRID, complex_values, refused

FULL = complex_values(4, 6)
SPARSE = scipy.sparse.csc_matrix(FULL * (np.arange(24).reshape(4, 6) % 3 > 0))
ARRAYS = {
    "full": FULL,
    "real": FULL.real,
    "single": FULL.astype(np.complex64),
    "short": np.arange(-3, 3, dtype=np.int16).reshape(2, 3),
    "large": np.arange(300, dtype=np.uint64)[None],
    "sparse": SPARSE,
    "sparse_real": SPARSE.real,
    "cube": np.arange(60.0).reshape(3, 4, 5),
    "SM": {"S": FULL, "deep": {"k": np.arange(3.0)[None]}, "note": "a"},
}
OTHERS = {
    "note": "tracer A",
    "mask": np.array([[True, False]]),
    "empty": np.zeros((0, 4)),
    "cell": np.array([1, "a"], dtype=object),
    "list": np.array([(1, 2), (3, 4)], dtype=[("a", object), ("b", object)]),
}
NAMES = [*(n for n in ARRAYS if n != "SM"), "SM.S", "SM.deep.k"]


def put(group, name, data, word, **attributes):
    """As MATLAB writes a data set of version 7.3."""
    if np.iscomplexobj(data):
        record = np.empty(data.shape, [("real", data.real.dtype), ("imag", data.real.dtype)])
        record["real"], record["imag"] = data.real, data.imag
        data = record
    item = group.create_dataset(name, data=data)
    for key, value in {"MATLAB_class": np.bytes_(word), **attributes}.items():
        item.attrs[key] = value


def put_sparse(group, name, matrix):
    sparse = group.create_group(name)
    sparse.attrs["MATLAB_class"], sparse.attrs["MATLAB_sparse"] = np.bytes_("double"), np.uint64(matrix.shape[0])
    put(sparse, "data", matrix.data, "double")
    sparse["ir"], sparse["jc"] = matrix.indices.astype("u8"), matrix.indptr.astype("u8")


def write_v73(path):
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, word in (("full", "double"), ("real", "double"), ("single", "single"), ("short", "int16")):
            put(file, name, np.asarray(ARRAYS[name]).T, word)
        put(file, "large", ARRAYS["large"].T, "uint64")
        put(file, "cube", ARRAYS["cube"].T, "double")
        put_sparse(file, "sparse", SPARSE)
        put_sparse(file, "sparse_real", SPARSE.real)
        structure = file.create_group("SM")
        structure.attrs["MATLAB_class"] = np.bytes_("struct")
        put(structure, "S", FULL.T, "double")
        put(structure.create_group("deep"), "k", np.arange(3.0)[:, None], "double")
        put(structure, "note", np.array([[97]], "u2"), "char", MATLAB_int_decode=np.int32(2))
        put(file, "note", np.array([[ord(c)] for c in "tracer A"], "u2"), "char", MATLAB_int_decode=np.int32(2))
        put(file, "mask", np.array([[1], [0]], "u1"), "logical", MATLAB_int_decode=np.int32(1))
        put(file, "empty", np.array([0, 4], "u8"), "double", MATLAB_empty=np.uint8(1))
        put(file.create_group("#refs#"), "a", np.zeros(3), "double")
        references = np.array([[file["full"].ref]], h5py.ref_dtype)
        put(file, "cell", references, "cell")
        put(file, "list", references, "struct")


@pytest.fixture(params=["v5", "v5 compressed", "v7.3"])
def matlab_file(request, tmp_path):
    path = tmp_path / "all.mat"
    if request.param == "v7.3":
        write_v73(path)
    else:
        scipy.io.savemat(path, ARRAYS | OTHERS, do_compression="compressed" in request.param)
    return path


def expected(name):
    value = ARRAYS[name.split(".")[0]]
    for part in name.split(".")[1:]:
        value = value[part]
    return value.toarray() if scipy.sparse.issparse(value) else np.asarray(value)


def test_every_array_of_numbers_is_described_and_read(matlab_file):
    arrays = {a.name: a for a in contents_of(matlab_file).arrays}
    for name in NAMES:
        wanted = expected(name)
        assert (arrays[name].shape, arrays[name].dtype) == (wanted.shape, wanted.dtype), name
        found = arrays[name].read(str(matlab_file))
        assert found.dtype == wanted.dtype and np.array_equal(found, wanted), name


def test_what_is_no_array_of_numbers_is_named_and_not_offered(matlab_file):
    arrays = {a.name: a for a in contents_of(matlab_file).arrays}
    labels = {"note": "text", "SM.note": "text", "mask": "logical", "cell": "cell", "list": "array of structures"}
    assert {name: arrays[name].label for name in labels} == labels
    assert not any(arrays[name].offered for name in labels)
    for name in set(labels) - {"mask"}:
        refused(matlab_file, f"of class {labels[name]}", variable=name)
    refused(matlab_file, r"empty.*\(0, 4\)", variable="empty")
    assert "#refs#.a" not in arrays


def test_the_only_array_of_numbers_is_taken(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"S": FULL, **OTHERS})
    assert chosen(tmp_path / "a.mat").name == "S"
    scipy.io.savemat(tmp_path / "b.mat", OTHERS)
    refused(tmp_path / "b.mat", "non-empty array")
    scipy.io.savemat(tmp_path / "c.mat", {"note": "a"})
    refused(tmp_path / "c.mat", r"an array of numbers; instead received one without; it holds note \(text\)")


def test_version_4(tmp_path):
    scipy.io.savemat(tmp_path / "old.mat", {"S": FULL, "short": ARRAYS["short"], "note": "abc"}, format="4")
    arrays = {a.name: a for a in contents_of(tmp_path / "old.mat").arrays}
    assert np.array_equal(arrays["S"].read("old.mat"), FULL)
    assert np.array_equal(arrays["short"].read("old.mat"), ARRAYS["short"]) and arrays["short"].dtype == np.int16
    assert arrays["note"].label == "text"


def test_numpy_files(tmp_path):
    np.save(tmp_path / "S.npy", np.asfortranarray(FULL))
    assert np.array_equal(read(tmp_path / "S.npy", grid=GRID).system_matrix.values.reshape(4, 6), FULL)
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "all.npz", S=FULL, T=FULL.real, objects=np.array([None], object), words=np.array(["a"]))
        arrays = {a.name: a.label for a in contents_of(tmp_path / "all.npz").arrays}
        assert arrays == {"S": "complex128", "T": "float64", "objects": "pickled objects", "words": "text"}
        found = read(tmp_path / "all.npz", variable="T", grid=GRID)
        assert np.array_equal(found.system_matrix.values.reshape(4, 6).real, FULL.real)
        refused(tmp_path / "all.npz", "pickled objects", variable="objects")


def test_pickles_are_never_read(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], object))
    refused(tmp_path / "objects.npy", "it holds objects .pickled objects.")


def test_text_and_groups_of_an_hdf5_file(tmp_path):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["group/S"], file["note"], file["group/flag"] = FULL, "tracer A", True
        file["parts"] = np.zeros(3, [("r", "i4"), ("i", "i4")])
        file.attrs["scanner"], file.attrs["numbers"] = "A", [1.0, 2.0]
    contents = foreign_contents(tmp_path / "s.h5")
    assert {a.name: a.label for a in contents.arrays} == {
        "group/S": "complex128",
        "group/flag": "logical",
        "note": "text",
        "parts": "complex128",
    }
    assert dict(contents.attributes) == {"scanner": "A", "numbers": [1.0, 2.0]}
    found = read(tmp_path / "s.h5", variable="group/S", grid=GRID)
    assert np.array_equal(found.system_matrix.values.reshape(4, 6), FULL)


def test_links_and_data_in_other_files_are_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["S"] = FULL
    layout = h5py.VirtualLayout(shape=FULL.shape, dtype=complex)
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "S", shape=FULL.shape)
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["link"], file["soft"] = h5py.ExternalLink("other.h5", "/S"), h5py.SoftLink("/nowhere")
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("external", (4, 6), "f8", external=[(str(tmp_path / "other.h5"), 0, 4 * 6 * 8)])
        file.create_group("loop")["again"] = file["/"]
    arrays = contents_of(tmp_path / "s.h5").arrays
    assert {a.name for a in arrays} == {"link", "soft", "virtual", "external"}
    refused(tmp_path / "s.h5", "a link to another file", variable="link", grid=GRID)
    refused(tmp_path / "s.h5", "a link to /nowhere", variable="soft", grid=GRID)
    for name in ("virtual", "external"):
        refused(tmp_path / "s.h5", "whose data lie in other files", variable=name, grid=GRID)


@pytest.mark.parametrize("suffix", [".nc", ".h5", ".dat", ".npy", ""])
def test_formats_are_known_by_content(tmp_path, suffix):
    scipy.io.savemat(tmp_path / "a.mat", {"S": FULL})
    write_v73(tmp_path / "b.mat")
    np.save(tmp_path / "c.npy", FULL)
    for source, options in (("a.mat", {}), ("b.mat", {"variable": "full"}), ("c.npy", {})):
        path = tmp_path / f"wrong{suffix}"
        path.write_bytes((tmp_path / source).read_bytes())
        if source == "b.mat" and suffix != "":  # its first bytes are MATLAB's, as in files of MATLAB
            with path.open("r+b") as file:
                file.write(b"MATLAB 7.3 MAT-file")
        elif source == "b.mat":
            continue
        found = read(path, grid=GRID, **options)
        assert np.array_equal(found.system_matrix.values.reshape(4, 6), FULL)


def test_a_netcdf_file_of_another_program_is_listed_and_its_arrays_are_read(tmp_path):
    data = xr.Dataset({"S": (("row", "voxel"), FULL.real)}, attrs={"title": "calibration"})
    for form in ("NETCDF4", "NETCDF3_CLASSIC"):
        data.to_netcdf(tmp_path / "a.nc", engine="netcdf4", format=form)
        contents = foreign_contents(tmp_path / "a.nc")
        assert [(a.name, a.shape) for a in contents.arrays] == [("S", (4, 6))]
        assert contents.attributes["title"] == "calibration"
    data.to_netcdf(tmp_path / "a.nc", engine="netcdf4")
    found = read(tmp_path / "a.nc", variable="S", grid=GRID)
    assert np.array_equal(found.system_matrix.values.reshape(4, 6), FULL.real)


@pytest.mark.parametrize("name", ["x.txt", "x", "x.safetensors"])
def test_a_file_of_no_known_format_names_the_formats(tmp_path, name):
    (tmp_path / name).write_text("hello")
    refused(tmp_path / name, "must be a NetCDF file, a MATLAB file, a NumPy file .* or an HDF5 file")


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="an existing file"):
        contents_of(tmp_path / "none.mat")
