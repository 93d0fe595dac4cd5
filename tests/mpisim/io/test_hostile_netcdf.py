"""NetCDF files that lead out of themselves, or at which the NetCDF library would end the program."""

import struct

import h5py
import numpy as np
import pytest

import mpisim
from mpisim import InputError
from mpisim.cli.main import main
from mpisim.io.contents import contents_of
from mpisim.io.field_map import read_field_map, write_field_map
from tests.mpisim.data.matrices import sample_matrix


@pytest.mark.parametrize("place", ["#refs#", "dimension"])
def test_no_name_hides_data_in_other_files(place, tmp_path):
    """Neither a name that MATLAB keeps for itself, nor that of a dimension without a coordinate."""
    path = tmp_path / "a.nc"
    mpisim.write(sample_matrix(), path)
    with h5py.File(path, "r+") as file:
        layout = h5py.VirtualLayout((6,), "f8")
        layout[...] = h5py.VirtualSource("secret.h5", "secret", (6,))
        item = file.create_virtual_dataset(place, layout)
        if place == "dimension":
            item.make_scale("This is a netCDF dimension but not a netCDF variable         6")
    with pytest.raises(InputError, match=rf"{place} of .* in other files"):
        mpisim.read(path)


def long_attribute(file):
    file.attrs["a" * 257] = 1


def long_attribute_of_a_variable(file):
    file["x"].attrs["a" * 5000] = 1


def long_variable(file):
    file["é" * 129] = [1.0]


def long_group(file):
    file.create_group("g" * 5000)


@pytest.mark.parametrize("way", [long_attribute, long_attribute_of_a_variable, long_variable, long_group])
def test_names_that_are_longer_than_the_buffers_of_netcdf_are_refused(way, tmp_path):
    field = mpisim.FieldMap((0.0, 1.0), (0.0, 1.0), (0.0, 1.0), np.ones((2, 2, 2, 3)), "T")
    write_field_map(field, tmp_path / "map.nc")
    mpisim.write(sample_matrix(), tmp_path / "matrix.nc")
    for name, read in (("map.nc", read_field_map), ("matrix.nc", mpisim.read)):
        with h5py.File(tmp_path / name, "r+") as file:
            file.attrs["a" * 256] = 1
        read(tmp_path / name)
        with h5py.File(tmp_path / name, "r+") as file:
            way(file)
        with pytest.raises(InputError, match=r"a name of .* bytes, where NetCDF allows 256"):
            read(tmp_path / name)


@pytest.mark.parametrize("kind", ["f2", "g"])
@pytest.mark.parametrize("attribute", [False, True])
def test_numbers_that_netcdf_does_not_have_are_refused(kind, attribute, tmp_path):
    """The NetCDF library reads half and extended precision into a buffer of another size."""
    mpisim.write(sample_matrix(), tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.nc", "r+") as file:
        if attribute:
            file["x"].attrs["more"] = np.ones(3, kind)
        else:
            file["more"] = np.ones(3, kind)
    with pytest.raises(InputError, match=r"more.*, which holds neither words nor numbers of NetCDF"):
        mpisim.read(tmp_path / "a.nc")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_long_names_in_classic_files_are_refused(place, tmp_path):
    """A dimension, an attribute and a variable."""

    def written(*names):
        stored = [struct.pack(">I", len(n)) + n + bytes(-len(n) % 4) for n in names]
        dims = struct.pack(">II", 10, 1) + stored[0] + struct.pack(">I", 2)
        attributes = struct.pack(">II", 12, 1) + stored[1] + struct.pack(">III", 4, 1, 7)
        variables = struct.pack(">II", 11, 1) + stored[2] + struct.pack(">6I", 1, 0, 0, 0, 4, 8)
        header = b"CDF\x01" + bytes(4) + dims + attributes + variables
        (tmp_path / "a.nc").write_bytes(header + struct.pack(">Iii", len(header) + 4, 1, 2))
        return contents_of(tmp_path / "a.nc")

    names = [b"x", b"a", b"v"]
    assert written(*names).arrays[0].shape == (2,)
    names[place] = b"n" * 256
    written(*names)
    names[place] = b"n" * 257
    with pytest.raises(InputError, match=r"a name of .* of 257 bytes"):
        written(*names)


def test_a_kind_that_is_no_word_is_refused(tmp_path, capsys):
    mpisim.write(sample_matrix(), tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.nc", "r+") as file:
        file.attrs["kind"] = np.arange(5)
    with pytest.raises(InputError, match="an mpisim dataset of kind"):
        mpisim.read(tmp_path / "a.nc")
    assert main(["info", str(tmp_path / "a.nc")]) == 2 and "dataset of kind" in capsys.readouterr().err
