"""Damaged files get one sentence: mutations of every format, read in another process, which must not end."""

import random
import subprocess
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
import xarray as xr

import mpisim
from mpisim import Grid, InputError, read
from mpisim.io.contents import contents_of
from mpisim.io.sparse import dense
from mpisim.io.stored import readable
from mpisim.io.writing import write
from tests.mpisim.data.matrices import sample_matrix
from tests.mpisim.io.matlab_files import complex_values
from tests.mpisim.io.test_contents import write_v73

VALUES = complex_values(20, 24)
GRID = Grid((6, 4), (0.006, 0.004))
ARRAYS = {"S": VALUES, "note": "a", "SM": {"S": VALUES}, "sparse": scipy.sparse.csc_matrix(VALUES)}
MUTATIONS = 25


def write_netcdf3(path):
    xr.Dataset({"S": (("row", "voxel"), VALUES.real)}).to_netcdf(path, engine="netcdf4", format="NETCDF3_CLASSIC")


WRITERS = {
    "v5.mat": lambda path: scipy.io.savemat(path, ARRAYS),
    "packed.mat": lambda path: scipy.io.savemat(path, ARRAYS, do_compression=True),
    "v4.mat": lambda path: scipy.io.savemat(path, {"S": VALUES, "note": "a"}, format="4"),
    "v73.mat": write_v73,
    "S.npy": lambda path: np.save(path, VALUES),
    "S.npz": lambda path: np.savez_compressed(path, S=VALUES, note=np.array(["a"])),
    "s.nc": lambda path: write(sample_matrix(noise_std=0.1, scanner={"a": [1, {"b": 2}]}), path),
    "classic.nc": write_netcdf3,
}


def mutated(content, seed):
    """A file that is cut off, has lost or gained bytes, or has other ones, most often near its start."""
    rng = random.Random(seed)
    data = bytearray(content)
    place = rng.randrange(len(data))
    kind = rng.randrange(10)
    if kind == 0:
        return bytes(data[:place])
    if kind == 1:
        del data[place : place + rng.randrange(1, 64)]
    elif kind == 2:
        data[place:place] = rng.randbytes(rng.randrange(1, 32))
    elif kind == 3:
        data[place : place + 4] = rng.choice([b"\xff" * 4, bytes(4), b"\xff\xff\xff\x7f"])
    else:
        last = len(data) if kind > 6 else min(len(data), 1024)
        for _ in range(rng.choice([1, 1, 2, 8])):
            data[rng.randrange(last)] = rng.randrange(256)
    return bytes(data)


def outcome(path):
    """What listing and reading every array of a file come to, in words; other errors than those of input pass."""
    found = []
    for name in [None, *(a.name for a in contents_of_damaged(path))]:
        options = {} if name is None else {"variable": name, "grid": GRID}
        try:
            read(path, **options)
            found.append("read")
        except (InputError, OSError) as error:
            assert "\n" not in str(error)
            found.append("refused")
    return " ".join(found)


def contents_of_damaged(path):
    try:
        return contents_of(path).arrays
    except (InputError, OSError):
        return ()


def main(folder):
    warnings.simplefilter("ignore")
    for name in WRITERS:
        content = Path(folder, name).read_bytes()
        damaged = Path(folder, f"damaged_{name}")
        for seed in range(MUTATIONS):
            damaged.write_bytes(mutated(content, seed))
            print(name, seed, outcome(damaged), flush=True)


def test_damaged_files_get_one_sentence_and_never_end_the_interpreter(tmp_path):
    """In a process of its own, whose last line says which file ended it."""
    for name, save in WRITERS.items():
        save(tmp_path / name)
    code = f"from tests.mpisim.io.test_damage import main; main({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"after {lines[-1:]}: {done.stderr[-2000:]}"
    for name in WRITERS:
        found = [line for line in lines if line.startswith(f"{name} ")]
        assert len(found) == MUTATIONS and any("refused" in line for line in found), name


def test_a_damaged_type_of_numbers_is_not_converted(tmp_path):
    """An exponent of another bias: the HDF5 library ends the interpreter where it converts such records."""
    path = tmp_path / "s.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("S", data=np.zeros((4, 6), [("real", "f8"), ("imag", "f8")]))
    double = b"\x00\x00\x40\x00\x34\x0b\x00\x34\xff\x03\x00\x00"  # offset, precision, exponent, mantissa, bias
    content = path.read_bytes()
    assert double in content
    path.write_bytes(content.replace(double, double.replace(b"\xff\x03", b"\x5d\x03"), 1))
    (array,) = contents_of(path).arrays
    assert "type of numbers is damaged" in array.problem
    with pytest.raises(InputError, match="type of numbers is damaged"):
        read(path, variable="S", grid=Grid((3, 2), (0.003, 0.002)))


@pytest.mark.parametrize(
    ("rows", "starts"),
    [
        ([0, 2, 1], [0, 2, 2**64 - 1]),  # negative as a signed number
        ([0, 2, 1], [0, 2**63, 2**64 - 1]),  # whose differences overflow
        ([0, 2, 1], [0, 2, 1]),
        ([0, 2, 1], [0, 2, 4]),
        ([0, 2, 1], [0, 2]),
        ([0, 3, 1], [0, 2, 3]),
        ([0, 2**64 - 1, 1], [0, 2, 3]),
    ],
)
def test_a_sparse_array_with_places_out_of_range_is_refused(rows, starts):
    rows, starts = np.array(rows, np.uint64), np.array(starts, np.uint64)
    with pytest.raises(ValueError, match="of a sparse array"):
        dense(np.ones(3), rows, starts, (3, 2))


def test_a_sparse_array_is_written_out_as_scipy_does():
    matrix = scipy.sparse.csc_array(VALUES * (np.arange(VALUES.size).reshape(VALUES.shape) % 3 == 0))
    assert np.array_equal(dense(matrix.data, matrix.indices, matrix.indptr, VALUES.shape), matrix.toarray())


def test_a_fault_of_the_program_is_no_damage():
    with pytest.raises(AttributeError), readable("s.mat", "file"):
        raise AttributeError
    with pytest.raises(InputError, match=r"must be a readable file; .* fails with: gone\.") as caught:
        with readable("s.mat", "file"):
            raise OSError("gone")
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_flipped_bit_in_compressed_data_is_found(tmp_path, place):
    """The checksum of the stream is compared, so that no other number is read."""
    path = tmp_path / "s.mat"
    scipy.io.savemat(path, {"S": VALUES}, do_compression=True)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="must be a readable"):
        mpisim.read(path, grid=GRID)
