"""The examples of whole calibrations: `in_house.py`, and `measured_matrix.py` on a stand-in for its files."""

from functools import partial

import h5py
import numpy as np
import pytest
import xarray as xr

import mpisim
from tests.examples.test_ranges import example


def test_a_fitted_scanner_is_better_than_the_small_sample(tmp_path, capsys):
    words = ["--angles", "3", "--page", str(tmp_path / "page.html"), "--out", str(tmp_path / "i.png")]
    errors, quality = example("in_house").main(words)
    exact, small, bicubic, auto = errors.values()
    assert exact == 0 and auto < 0.01 < min(small, bicubic)
    assert list(quality.values())[2] > max(list(quality.values())[:2]) + 6
    assert "fitted scanner explains the measurement" in capsys.readouterr().out
    assert "<html" in (tmp_path / "page.html").read_text() and (tmp_path / "i.png").read_bytes().startswith(b"\x89PNG")


def test_the_noise_of_the_small_sample_is_that_of_the_paper():
    in_house = example("in_house")
    fine = in_house.in_house_setup(0.5, 2).simulate()
    assert fine.sizes["x"] == 16 and fine.sizes["y"] == 32 and float(fine["system_matrix"].sizes["frequency"]) == 10
    cropped = fine.isel(in_house.CROP)
    assert (cropped.sizes["x"], cropped.sizes["y"]) == (13, 23)
    assert mpisim.nrmse(in_house.with_noise(fine), fine) == pytest.approx(0.0436, rel=0.02)


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """Files in the layout of the published ones: smooth complex rows of an array, without a field-free line."""
    folder = tmp_path_factory.mktemp("array")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:8, :8]
    places, phases = rng.uniform(-4, 12, (40, 2)), rng.uniform(0, 2 * np.pi, 40)
    rows = [
        np.exp(1j * (p + 0.1 * x)) / (4 + (x - a) ** 2 + (y - b) ** 2) for (a, b), p in zip(places, phases, strict=True)
    ]
    matrix = np.stack([row.ravel(order="F") for row in rows])
    with h5py.File(folder / "S.mat", "w") as file:
        file["S"] = _compound(matrix.T)  # MATLAB order
    for i in (1, 2, 3):
        with h5py.File(folder / f"b{i}.mat", "w") as file:
            file[f"b{i}"] = _compound(matrix[:, 20 * i - 10 : 20 * i - 8].sum(axis=1)[None])
    return folder


def _compound(values):
    found = np.empty(values.shape, dtype=[("real", "<f8"), ("imag", "<f8")])
    found["real"], found["imag"] = values.real, values.imag
    return found


def test_auto_says_that_an_array_has_no_field_free_line(stand_in, tmp_path, capsys):
    words = [str(stand_in), "--methods", "bicubic-dc,physical,auto", "--out", str(tmp_path / "m.png")]
    measured = example("measured_matrix")
    measured.PHANTOMS = (1,)
    errors = measured.main(words)
    printed = capsys.readouterr().out
    assert "physical is left out: Input coarse of the method physical must be" in printed
    assert "auto took bicubic-dc: no field-free line was found" in printed
    assert set(errors) == {"bicubic-dc", "auto"} and errors["auto"] == pytest.approx(errors["bicubic-dc"])
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")


def test_images_of_an_array_are_judged_by_rows_that_were_left_out(stand_in, tmp_path, capsys):
    """The true image predicts all rows, and an empty one none; the interpolated matrix has the measured voxels."""
    array = example("encoding_array")
    sweeps = partial(array.recon.reconstruct, method="kaczmarz", regularisation=1e-5, iterations=200)
    array.PHANTOMS, array.solvers = (1,), lambda: dict.fromkeys(("authors", "auto", "admm"), sweeps)
    errors = array.main([str(stand_in), "--methods", "bicubic-dc,physical", "--out", str(tmp_path / "e.png")])
    assert len(errors) == 5 and all(len(of_phantoms) == 1 for of_phantoms in errors.values())
    assert max(max(values) for values in errors.values()) < 0.5
    finer = array.interpolated(array.mpisim.read(stand_in / "S.mat", "S", array.GRID))
    fine = array.mpisim.read(stand_in / "S.mat", "S", array.GRID)["system_matrix"]
    assert finer["system_matrix"].values[:, ::2, ::2] == pytest.approx(fine.values, abs=1e-9)
    assert np.allclose(finer["x"].values[::2], fine["x"].values)
    matrix, y = array.mpisim.read(stand_in / "S.mat", "S", array.GRID), array.mpisim.read(stand_in / "b1.mat")
    truth = np.zeros(64)
    truth[10:12] = 1  # the columns that the stand-in adds up
    for flat, expected in ((truth, 0.0), (0 * truth, 1.0)):
        found = array.predicted(matrix, y, lambda *_, row_mask, flat=flat: {"image": xr.DataArray(flat)})
        assert found == pytest.approx(expected, abs=1e-6)
    assert "physical is left out" in capsys.readouterr().out
    assert (tmp_path / "e.png").read_bytes().startswith(b"\x89PNG")
