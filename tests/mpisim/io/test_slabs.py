import numpy as np
import pytest
import xarray as xr

import mpisim
from mpisim import InputError
from mpisim.data.schema import build
from mpisim.data.views import as_matrix
from mpisim.io.slabs import exceeds_memory, row_header, row_slabs
from mpisim.memory import limited_memory


def volume() -> xr.Dataset:
    """A matrix of angles, channels and frequencies on a volume, each value its own number."""
    shape = (3, 2, 5, 2, 3, 4)
    values = np.arange(np.prod(shape)).reshape(shape) * (1 + 2j)
    coords = {d: np.arange(n) * 1e-3 for d, n in zip("zyx", shape[3:], strict=True)}
    coords |= {"angle": np.arange(3) * 0.1, "frequency": np.arange(1, 6) * 1e4}
    noise = np.arange(1, 11).reshape(2, 5)
    dims = ("angle", "receive", "frequency", "z", "y", "x")
    return build("system_matrix", values, dims, coords, noise_std=noise, units="V", stage="fine", origin="measured")


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 7, 10, 20, 100])
def test_slabs_are_the_rows_in_their_order(tmp_path, rows):
    data, path = volume(), tmp_path / "sm.nc"
    mpisim.write(data, path)
    want, found, start = as_matrix(data), [], 0
    for numbers, values, part in row_slabs(path, rows * 4 * 16 * 24):
        assert 1 <= len(values) <= max(rows, 1) and np.array_equal(numbers, np.arange(start, start + len(values)))
        assert part["noise_std"].sizes == {d: part.sizes[d] for d in ("receive", "frequency")}
        found.append(values)
        start += len(values)
    assert np.array_equal(np.concatenate(found), want)


def test_the_header_has_all_rows_and_one_voxel(tmp_path):
    data, path = volume(), tmp_path / "sm.nc"
    mpisim.write(data, path)
    header = row_header(path)
    assert header["system_matrix"].shape == (3, 2, 5, 1, 1, 1)
    assert header["noise_std"].identical(data["noise_std"]) and header.attrs == data.attrs
    assert np.array_equal(header["frequency"], data["frequency"])


def test_an_mdf_file_gives_slabs_of_frequencies(tmp_path):
    scanner = mpisim.open_sided_ffl(1.0, angles=1, harmonics=tuple(range(2, 42)))
    data = mpisim.simulate(scanner, mpisim.Particle(25e-9), mpisim.Grid((12, 12), (0.02, 0.02)))
    path = tmp_path / "sm.mdf"
    mpisim.write(data, path)
    with limited_memory(4e-5):
        parts = list(row_slabs(path, 0))
        assert exceeds_memory(path, 64)
        header = row_header(path)
    whole = mpisim.read(path)
    rows = as_matrix(whole)
    assert len(parts) > 1 and header["system_matrix"].size == len(rows)
    numbers = np.concatenate([p[0] for p in parts])
    assert np.array_equal(np.sort(numbers), np.arange(len(rows)))
    assert all(np.allclose(values, rows[numbers]) for numbers, values, _ in parts)


def test_what_fits_is_told_by_bytes_per_value(tmp_path):
    path = tmp_path / "sm.nc"
    mpisim.write(volume(), path)
    size = 3 * 2 * 5 * 24
    with limited_memory(64 * size / 1e9):
        assert not exceeds_memory(path, 64) and exceeds_memory(path, 64.1)
    with pytest.raises(InputError, match="must be an existing file"):
        exceeds_memory(tmp_path / "none.nc", 64)
    with limited_memory(1e-6), pytest.raises(InputError, match="needs at most"):
        next(row_slabs(path, 0))
    mpisim.write(volume().isel(angle=0), path)
    image = build("image", np.ones((2, 2)), ("y", "x"), {"y": [0.0, 1e-3], "x": [0.0, 1e-3]})
    mpisim.write(image, path)
    with pytest.raises(InputError, match="must be a file of a system matrix"):
        next(row_slabs(path, 1e6))
