"""What a file claims is compared with what it stores and with the memory that may be taken, before anything is read."""

import struct
import tracemalloc
import zipfile
import zlib

import h5py
import netCDF4
import numpy as np
import pytest
import scipy.io

from mpisim import InputError, read
from mpisim.io.claims import claimed_bytes
from mpisim.io.contents import contents_of
from mpisim.io.reading import read_blocks
from mpisim.io.writing import write
from mpisim.memory import limited_memory
from tests.mpisim.data.matrices import sample_matrix
from tests.mpisim.io.matlab_files import GRID, complex_values

SIDE = 20_000  # 3.2 GB of numbers


def claiming_netcdf(path):
    """A file of the schema whose values are claimed and never written."""
    with netCDF4.Dataset(path, "w") as file:
        file.setncatts({"kind": "system_matrix", "format_version": 1, "stage": "fine", "origin": "measured"})
        for name, size in (("frequency", 5), ("y", SIDE), ("x", SIDE // 2), ("reim", 2)):
            file.createDimension(name, size)
        for name in ("y", "x"):
            file.createVariable(name, "f8", (name,))[:] = np.arange(file.dimensions[name].size) * 1e-3
        dims, chunks = ("frequency", "y", "x", "reim"), (1, 1000, 1000, 2)
        file.createVariable("system_matrix", "f8", dims, zlib=True, chunksizes=chunks)


def claiming_classic(path):
    """A classic NetCDF file that is cut off."""
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as file:
        file.createDimension("x", 10_000)
        file.createVariable("S", "f8", ("x",))[:] = 1.0
    path.write_bytes(path.read_bytes()[:500])


def claiming_hdf5(path):
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("S", (SIDE, SIDE), "f8", chunks=(1000, 1000), compression="gzip")


def claiming_npy(path):
    np.save(path, np.ones(10))
    content = path.read_bytes()
    place = content.index(b"(10,), }")
    path.write_bytes(content[:place] + b"(%d, %d), }" % (SIDE, SIDE) + content[place + 15 :])


def claiming_npz(path):
    claiming_npy(path.with_suffix(".npy"))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path.with_suffix(".npy"), "S.npy")
    path.with_suffix(".npy").unlink()


def claiming_v5(path, compressed=False):
    """A file whose array says more rows and columns, and more bytes, than there are."""
    scipy.io.savemat(path, {"S": np.ones((20, 24)) / 3})
    content = bytearray(path.read_bytes())
    sizes, tag = content.index(struct.pack("<2i", 20, 24)), content.index(struct.pack("<2I", 9, 3840))
    content[sizes : sizes + 8] = struct.pack("<2i", SIDE, SIDE)
    if compressed:
        content[tag : tag + 8] = struct.pack("<2I", 9, 8 * SIDE**2)
        content[132:136] = struct.pack("<I", 8 * SIDE**2 + 100)
        packed = zlib.compress(bytes(content[128:]))
        content = content[:128] + struct.pack("<2I", 15, len(packed)) + packed
    path.write_bytes(content)


CLAIMS = {
    "s.nc": claiming_netcdf,
    "s.mat": claiming_hdf5,
    "s.h5": claiming_hdf5,
    "s.npy": claiming_npy,
    "s.npz": claiming_npz,
    "v5.mat": claiming_v5,
    "packed.mat": lambda path: claiming_v5(path, compressed=True),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_small_file_that_claims_gigabytes_is_refused_and_takes_no_memory(tmp_path, name):
    path = tmp_path / name
    CLAIMS[name](path)
    assert path.stat().st_size < 300_000
    options = {} if name == "s.nc" else {"grid": GRID}
    tracemalloc.start()
    with pytest.raises(InputError, match="that can be read; instead received") as caught:
        read(path, **options)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()
    assert "claims" in str(caught.value) or "damaged" in str(caught.value)
    assert sum(bool(a.problem) for a in contents_of(path).arrays) == 1  # `info` lists it, and says so


def test_a_classic_file_that_claims_more_than_it_holds(tmp_path):
    claiming_classic(tmp_path / "s.nc")
    with pytest.raises(InputError, match=r"claims 80,000 bytes and stores 500 bytes"):
        claimed_bytes(tmp_path / "s.nc")


@pytest.mark.parametrize("form", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"])
def test_the_header_of_a_classic_file_is_walked_first(tmp_path, form):
    """An attribute that claims 2^31 letters: the NetCDF library would read for hours."""
    path = tmp_path / "s.nc"
    with netCDF4.Dataset(path, "w", format=form) as file:
        file.title, file.numbers = "abcde", np.arange(3, dtype="i2")
        file.createDimension("x", 3)
        file.createVariable("S", "f8", ("x",))[:] = 1.0
        file["S"].units = "V"
    assert claimed_bytes(path) == 24
    content = path.read_bytes()
    place = content.index(b"abcde")
    path.write_bytes(content[: place - 4] + b"\x7f\xff\xff\xff" + content[place:])
    with pytest.raises(InputError, match=r"must be a readable NetCDF file; .* longer than the whole"):
        contents_of(path)


def test_what_is_packed_honestly_is_read(tmp_path):
    """Zeros take a thousandth of their size, and dimensions without coordinates are no arrays."""
    data = sample_matrix(shape=(5, 40, 40, 40))
    data["system_matrix"][:] = 0
    write(data, tmp_path / "zeros.nc")
    values = data.system_matrix.values
    assert (tmp_path / "zeros.nc").stat().st_size < values.nbytes / 100
    assert read(tmp_path / "zeros.nc").identical(data)
    np.savez_compressed(tmp_path / "zeros.npz", S=values.reshape(-1, 1600))
    assert not contents_of(tmp_path / "zeros.npz").arrays[0].problem
    with netCDF4.Dataset(tmp_path / "dims.nc", "w") as file:
        file.createDimension("x", 10_000_000)
        file.createVariable("n", "i4")[:] = 3
    assert claimed_bytes(tmp_path / "dims.nc") == 4


def test_memory_is_asked_for_before_a_file_is_read(tmp_path):
    values = complex_values(200, 6)
    for name in ("s.npy", "s.mat"):
        if name == "s.npy":
            np.save(tmp_path / name, values)
        else:
            scipy.io.savemat(tmp_path / name, {"S": values})
        needed = 2 * values.nbytes / 1e9
        assert read(tmp_path / name, grid=GRID, memory=1.01 * needed).sizes["frequency"] == 200
        with pytest.raises(InputError, match=r"needs at most .* GB \(a larger memory allows more\); .* needs"):
            read(tmp_path / name, grid=GRID, memory=0.99 * needed)
    write(sample_matrix(shape=(20, 10, 4, 5)), tmp_path / "s.nc")
    with limited_memory(20e-6), pytest.raises(InputError, match=r"s\.nc must be one that needs at most 2e-05 GB"):
        read(tmp_path / "s.nc")
    with limited_memory(20e-6):  # one index of the first dimension fits
        assert sum(b.sizes["angle"] for b in read_blocks(tmp_path / "s.nc", 200)) == 20
