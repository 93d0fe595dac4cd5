"""A matrix that is larger than the memory gives the image of the matrix in memory."""

import json
import subprocess
import sys

import h5py
import numpy as np
import pytest
import xarray as xr

import mpisim
import recon
from mpisim import InputError
from mpisim.cli.main import main
from mpisim.data.schema import STD, build
from mpisim.errors import DataWarning
from tests.recon.problems import small_matrix, small_measurement

LIMIT = 0.7e-3  # GB; the matrix takes 64 * 12288 bytes


def single() -> xr.Dataset:
    fine = small_matrix()
    return fine.assign(system_matrix=fine["system_matrix"].astype(np.complex64))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("matrix") / "sm.nc"
    mpisim.write(single(), path)
    return path


def same(found: xr.Dataset, want: xr.Dataset, tolerance: float = 1e-5) -> None:
    assert found["image"].dims == want["image"].dims and found.attrs["rows"] == want.attrs["rows"]
    assert np.array_equal(found["x"], want["x"]) and np.array_equal(found["y"], want["y"])
    assert recon.nrmse(found["image"].values, want["image"].values) < tolerance
    assert found.attrs["options"] == want.attrs["options"] and found.attrs["matrix"] == want.attrs["matrix"]


@pytest.mark.parametrize("method", ["kaczmarz", "cg", "fista"])
def test_images_are_those_of_the_matrix_in_memory(file, method):
    options = {"iterations": 3, **({} if method == "kaczmarz" else {"tolerance": 0.0})}
    y = small_measurement()
    same(recon.reconstruct(file, y, method, memory=LIMIT, **options), recon.reconstruct(single(), y, method, **options))


def test_rows_are_chosen_and_whitened_as_in_memory(file, tmp_path):
    """A noise level for every row, a mask, a band, a threshold; the matrix in another unit."""
    y, fine = small_measurement(), single()
    sigma = xr.DataArray(np.linspace(1, 3, 4), dims="frequency") * float(y["noise_std"])
    y = y.assign(noise_std=sigma.assign_attrs(y["noise_std"].attrs))
    noise = np.linspace(0.5, 20, 48).reshape(12, 4) * 1e-2 * float(np.abs(fine["system_matrix"]).mean())
    fine = fine.assign(noise_std=(("angle", "frequency"), noise, {"units": "V"}))
    with xr.set_options(keep_attrs=True):
        micro = fine.assign({k: (1e6 * fine[k]).astype(fine[k].dtype).assign_attrs(units="uV") for k in fine.data_vars})
    path = tmp_path / "uv.nc"
    mpisim.write(micro, path)
    mask = np.arange(48) % 7 != 0
    conditions = {"row_mask": mask, "min_frequency": 60e3, "row_snr": 8.0, "iterations": 4}
    found = recon.reconstruct(path, y, "kaczmarz", memory=LIMIT, **conditions)
    same(found, recon.reconstruct(fine, y, "kaczmarz", **conditions))
    assert 0 < found.attrs["rows"]["used"] < 30


def test_what_needs_the_matrix_in_memory_is_refused(file):
    y = small_measurement()
    with pytest.raises(InputError, match=r"for the method admm must be one that can be read completely"):
        recon.reconstruct(file, y, memory=0.1e-3)
    with pytest.raises(InputError, match="Input regularisation must be a number where the matrix is larger"):
        recon.reconstruct(file, y, "cg", memory=LIMIT, regularisation="auto")
    with pytest.raises(InputError, match="Input background must be left out for a matrix that is larger"):
        recon.reconstruct(file, y, "cg", memory=LIMIT, background="angle")
    with pytest.raises(InputError, match="Input order must be fixed"):
        recon.reconstruct(file, y, "kaczmarz", memory=LIMIT, order="shuffled")
    same(recon.reconstruct(file, y, "tikhonov"), recon.reconstruct(single(), y, "tikhonov"), 1e-12)  # which fits


def test_a_stated_deviation_is_left_aside_with_a_warning(tmp_path):
    fine, y = single(), small_measurement()
    path = tmp_path / "std.nc"
    std = (fine["system_matrix"].dims, np.full(fine["system_matrix"].shape, 1e-3), {"units": "V"})
    mpisim.write(fine.assign({STD: std}), path)
    with pytest.warns(DataWarning, match="the standard deviation which it states is not used"):
        found = recon.reconstruct(path, y, "kaczmarz", memory=LIMIT, iterations=2)
    same(found, recon.reconstruct(fine, y, "kaczmarz", iterations=2))


def test_the_command_line_streams_within_its_memory(file, tmp_path, capsys):
    mpisim.write(small_measurement(), tmp_path / "y.nc")
    words = ["reconstruct", str(file), str(tmp_path / "y.nc"), "--iterations", "2", "--out", str(tmp_path / "image.nc")]
    assert main([*words, "--method", "kaczmarz", "--memory", str(LIMIT)]) == 0
    same(
        mpisim.read(tmp_path / "image.nc"),
        recon.reconstruct(single(), small_measurement(), "kaczmarz", iterations=2),
    )
    capsys.readouterr()
    assert main([*words, "--method", "admm", "--memory", "0.0001"]) == 2
    assert "a larger --memory allows more" in capsys.readouterr().err


def large_file(path, frequencies, written):
    """A matrix of 2 channels x frequencies x 171 x 171 voxels of which some rows are written; the rest is a hole."""
    small = build(
        "system_matrix",
        np.zeros((2, 2, 2, 2), np.complex64),
        ("receive", "frequency", "y", "x"),
        {"frequency": [1e5, 1.1e5], "y": [0.0, 1e-3], "x": [0.0, 1e-3]},
        units="V",
        stage="fine",
        origin="measured",
    )
    mpisim.write(small, path)
    with h5py.File(path, "r") as file:
        attributes = dict(file.attrs)
        values = dict(file["system_matrix"].attrs)
    rng = np.random.default_rng(0)
    rows = {}
    with h5py.File(path, "w") as file:
        file.attrs.update({k: v for k, v in attributes.items() if not k.startswith("_NC")})
        axes = {"receive": 2, "frequency": frequencies, "y": 171, "x": 171, "reim": 2}
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        plist.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        space = h5py.h5s.create_simple(tuple(axes.values()))
        made = h5py.h5d.create(file.id, b"system_matrix", h5py.h5t.IEEE_F32LE, space, plist)
        data = h5py.Dataset(made)
        data.attrs["units"] = values["units"]
        for i, (name, count) in enumerate(axes.items()):
            if name in ("receive", "reim"):
                scale = file.create_dataset(name, data=np.zeros(count, np.float32))
                scale.make_scale(f"This is a netCDF dimension but not a netCDF variable.{count:10d}")
            else:
                step = 10.0 if name == "frequency" else 1e-3
                scale = file.create_dataset(name, data=(1e5 if name == "frequency" else 0) + np.arange(count) * step)
                scale.make_scale(name)
                scale.attrs["units"] = {"frequency": "Hz"}.get(name, "m")
            data.dims[i].attach_scale(scale)
        for channel, k in written:
            row = rng.standard_normal((171, 171, 2)).astype(np.float32)
            data[channel, k] = row
            rows[channel, k] = row[..., 0] + 1j * row[..., 1]
    return rows


MEASURED = """
import json, resource, sys
import numpy as np
import mpisim, recon
y = mpisim.read(sys.argv[2])
image = recon.reconstruct(sys.argv[1], y, "kaczmarz", memory=float(sys.argv[3]), iterations=int(sys.argv[4]))
mpisim.write(image, sys.argv[5])
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
"""


def measured(*arguments):
    """Return the peak memory in bytes of a reconstruction in a process of its own."""
    command = [sys.executable, "-c", MEASURED, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def data_of(rows, frequencies, truth):
    values = np.zeros((2, frequencies), complex)
    for place, row in rows.items():
        values[place] = np.sum(row * truth)
    coords = {"frequency": 1e5 + np.arange(frequencies) * 10.0}
    return build("measurement", values, ("receive", "frequency"), coords, noise_std=1.0, units="V", origin="measured")


@pytest.mark.slow
def test_200_mb_with_a_limit_of_50_mb_give_the_image_of_the_matrix_in_memory(tmp_path):
    path, count = tmp_path / "sm.nc", 430
    rows = large_file(path, count, [(c, k) for c in (0, 1) for k in range(count)])
    truth = np.zeros((171, 171))
    truth[60:100, 50:120] = 1
    y = data_of(rows, count, truth)
    mpisim.write(y, tmp_path / "y.nc")
    assert path.stat().st_size > 200e6
    peak = measured(path, tmp_path / "y.nc", 0.05, 3, tmp_path / "image.nc")
    want = recon.reconstruct(mpisim.read(path), y, "kaczmarz", iterations=3)
    assert recon.nrmse(mpisim.read(tmp_path / "image.nc")["image"].values, want["image"].values) < 1e-5
    assert peak < 0.6e9, f"{peak / 1e9:.2f} GB"  # the interpreter with its libraries takes most of it


@pytest.mark.slow
def test_a_hole_of_34_gb_takes_less_than_1_gb(tmp_path):
    path, count = tmp_path / "sm.nc", 71_800
    places = [(0, 0), (0, 40_000), (1, 3), (1, 71_799)]
    rows = large_file(path, count, places)
    assert path.stat().st_size > 33.5e9 and path.stat().st_blocks * 512 < 50e6
    mpisim.write(data_of(rows, count, np.ones((171, 171))), tmp_path / "y.nc")
    peak = measured(path, tmp_path / "y.nc", 0.4, 1, tmp_path / "image.nc")
    assert peak < 1e9, f"{peak / 1e9:.2f} GB"
    image = mpisim.read(tmp_path / "image.nc")
    matrix = np.stack([rows[p].ravel() for p in places])
    y = np.array([np.sum(rows[p]) for p in places])
    energy = float(np.sum(np.abs(matrix) ** 2))
    want = recon.kaczmarz(matrix, y, 2e-2 * energy / 171**2, 1, convention="absolute")
    assert recon.nrmse(image["image"].values.ravel(), want) < 1e-5
