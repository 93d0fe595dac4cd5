"""The commands `info` and `convert` on files of other programs."""

import json

import h5py
import numpy as np
import pytest
import scipy.io

import calib
import mpisim
from mpisim.errors import DataWarning
from mpisim.io.writing import write
from tests.commands import run
from tests.mpisim.data.matrices import sample_matrix

VALUES = np.random.default_rng(0).normal(size=(4, 6, 2)) @ [1, 1j]


@pytest.fixture
def matlab(tmp_path):
    scipy.io.savemat(tmp_path / "S.mat", {"S": VALUES, "SM": {"f": np.arange(4.0)}, "note": "tracer A"})
    return tmp_path / "S.mat"


def test_info_lists_the_arrays_of_a_file(matlab, capsys):
    code, out, _ = run(capsys, "info", matlab)
    assert code == 0
    assert out.splitlines() == [
        f"S.mat: MATLAB file (version 5), {matlab.stat().st_size:,} bytes",
        "  S     4 x 6  complex double",
        "  SM.f  1 x 4  double",
        "  note  1 x 8  text",
    ]
    code, out, _ = run(capsys, "info", matlab, "--json")
    found = json.loads(out)
    assert found["arrays"][0] == {"name": "S", "shape": [4, 6], "class": "complex double"}
    assert found["format"] == "MATLAB file (version 5)" and found["bytes"] == matlab.stat().st_size


def test_info_of_npy_weights_and_toml(tmp_path, capsys):
    from safetensors.numpy import save_file

    np.save(tmp_path / "S.npy", VALUES)
    assert "S  4 x 6  complex128" in run(capsys, "info", tmp_path / "S.npy")[1]
    save_file({"layer.weight": np.zeros((2, 3), "f4")}, tmp_path / "w.safetensors", {"kind": "weights"})
    out = run(capsys, "info", tmp_path / "w.safetensors")[1]
    assert "layer.weight  2 x 3  tensor F32" in out and "kind: weights" in out
    (tmp_path / "s.toml").write_text("harmonics = [2, 3]\nday = 2026-01-01\n")
    out = run(capsys, "info", tmp_path / "s.toml", "--json")[1]
    assert json.loads(out)["attributes"] == {"harmonics": [2, 3], "day": "2026-01-01"}


def test_info_says_what_cannot_be_read(tmp_path, capsys):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file.create_dataset("S", (20_000, 20_000), "f8", chunks=(1000, 1000))
    code, out, _ = run(capsys, "info", tmp_path / "s.h5")
    assert code == 0 and "(cannot be read: one that claims 3.2 GB and stores 0 bytes)" in out


@pytest.mark.parametrize("noise_std", [None, 0.0, 0.25])
def test_info_of_a_matrix_is_that_of_its_blocks(tmp_path, capsys, monkeypatch, noise_std):
    data = sample_matrix(noise_std=noise_std, origin="measured")
    write(data, tmp_path / "s.nc")
    whole = json.loads(run(capsys, "info", tmp_path / "s.nc", "--json")[1])
    monkeypatch.setattr("mpisim.cli.info._VALUES_AT_ONCE", 1)
    by_blocks = json.loads(run(capsys, "info", tmp_path / "s.nc", "--json")[1])
    assert by_blocks == {**whole, "rms": pytest.approx(whole["rms"], rel=1e-12)}
    assert whole["size"] == dict(data.system_matrix.sizes)
    assert whole["rms"] == pytest.approx(float(np.sqrt((abs(data.system_matrix) ** 2).mean())))
    assert whole["noise"] == {None: "unknown", 0.0: "exact", 0.25: "known"}[noise_std]
    assert whole.get("noise_std") == noise_std


def test_info_states_the_deviation_and_the_error_that_it_lets_expect(tmp_path, capsys, monkeypatch):
    data = sample_matrix(origin="recovered")
    data["system_matrix_std"] = 0.01 * abs(data["system_matrix"])
    write(data, tmp_path / "s.nc")
    for values in (10**6, 1):
        monkeypatch.setattr("mpisim.cli.info._VALUES_AT_ONCE", values)
        told = json.loads(run(capsys, "info", tmp_path / "s.nc", "--json")[1])
        assert told["expected_nrmse"] == pytest.approx(0.01 * np.sqrt(2))
        assert told["system_matrix_std"] == pytest.approx(0.01 * told["rms"])
    write(sample_matrix(), tmp_path / "t.nc")
    assert "system_matrix_std" not in run(capsys, "info", tmp_path / "t.nc")[1]


def test_convert_says_that_values_are_divided(tmp_path, matlab, capsys):
    words = ("convert", matlab, tmp_path / "o.nc", "--variable", "S", "--grid", "3x2", "--coarse", 4)
    code, out, _ = run(capsys, *words, "--json")
    assert code == 0 and json.loads(out)["divided_by"] == 16 and json.loads(out)["noise"] == "unknown"
    assert np.allclose(mpisim.read(tmp_path / "o.nc").system_matrix.values.reshape(4, 6), VALUES / 16)
    code, out, _ = run(capsys, *words, "--block-means", "--noise-std", 0.5, "--json")
    assert code == 0 and json.loads(out)["divided_by"] == 1
    found = mpisim.read(tmp_path / "o.nc")
    assert np.array_equal(found.system_matrix.values.reshape(4, 6), VALUES) and float(found.noise_std) == 0.5
    with pytest.raises(SystemExit):
        run(capsys, "convert", "--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "x fastest" in text and "DIVIDED BY S^2" in text and "--block-means" in text


def test_convert_takes_the_layout(tmp_path, capsys):
    values = VALUES.reshape(4, 2, 3)[:, ::-1].transpose(0, 2, 1).reshape(4, 6)  # top down, y fastest
    np.save(tmp_path / "S.npy", np.concatenate([values.real, values.imag]).T)
    words = ("--grid", "3x2", "--order", "yx", "--flip", "y", "--stacked", "--transposed", "--noiseless")
    assert run(capsys, "convert", tmp_path / "S.npy", tmp_path / "o.nc", *words)[0] == 0
    assert np.array_equal(mpisim.read(tmp_path / "o.nc").system_matrix.values.reshape(4, 6), VALUES)
    np.save(tmp_path / "u.npy", VALUES)
    assert run(capsys, "convert", tmp_path / "u.npy", tmp_path / "u.nc", "--frames", "last")[0] == 0
    assert mpisim.read(tmp_path / "u.nc").measurement.dims == ("frame", "frequency")


def test_convert_states_the_unit(tmp_path, matlab, capsys):
    words = ("convert", matlab, tmp_path / "o.nc", "--variable", "S", "--units", "uV", "--noise-std", 0.5)
    for grid in (("--grid", "3x2"), ("--grid", "3x2", "--coarse", 2)):
        code, out, _ = run(capsys, *words, *grid, "--json")
        assert code == 0 and json.loads(out)["unit"] == "uV"
        assert mpisim.read(tmp_path / "o.nc").system_matrix.attrs["units"] == "uV"
    np.save(tmp_path / "u.npy", VALUES[:, 0])
    assert mpisim.read(tmp_path / "u.npy", units="mV").measurement.attrs["units"] == "mV"
    assert mpisim.read(tmp_path / "u.npy").measurement.attrs["units"] == "1"
    write(sample_matrix(), tmp_path / "s.nc")
    with pytest.raises(mpisim.InputError, match=r"where units is given; instead received a netcdf file"):
        mpisim.read(tmp_path / "s.nc", units="V")


def test_a_square_matrix_is_warned_of_by_the_flag(tmp_path, capsys):
    np.save(tmp_path / "S.npy", np.ones((6, 6)))
    words = ("convert", tmp_path / "S.npy", tmp_path / "o.nc", "--grid", "3x2")
    with pytest.warns(
        DataWarning, match=r"fits in several ways\. .*; give --transposed or --no-transposed to choose\.$"
    ):
        assert run(capsys, *words)[0] == 0
    assert run(capsys, *words, "--no-transposed")[0] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--order", "xx", "--grid", "3x2"), "Input --order must be one of xy, yx"),
        (("--grid", "3x2", "--no-transposed", "--order", "yx", "--stacked"), "real where it is --stacked"),
        (("--block-means", "--grid", "3x2"), "Input --block-means must be given together with --coarse"),
        (("--coarse", "2"), "Input --coarse must be given together with --grid"),
        (("--variable", "note"), "must be an array of numbers; instead received one of class text"),
        (("--variable", "S"), "--frames says which axis numbers repetitions"),
        (("--snr", "30", "--noiseless"), "not allowed with argument"),
        (("--grid", "3x2", "--memory", "1e-7"), "(a larger --memory allows more)"),
        (("--units", "mm"), "Input --units must be a unit of voltage, current or field, such as V, uV or mA; instead"),
        (("--memory", "none"), "Input --memory must be a positive number of GB; instead received 'none'"),
    ],
)
def test_convert_names_the_flags(matlab, tmp_path, capsys, words, message):
    words = words if "--variable" in words else (*words, "--variable", "S")
    code, out, err = run(capsys, "convert", matlab, tmp_path / "o.nc", *words)
    assert (code, out) == (2, "") and message in err and err.count("\n") == 1
    assert not (tmp_path / "o.nc").exists()


def test_the_input_is_no_output(tmp_path, capsys):
    write(sample_matrix(), tmp_path / "s.nc")
    before = (tmp_path / "s.nc").read_bytes()
    code, _, err = run(capsys, "convert", tmp_path / "s.nc", tmp_path / "s.nc")
    assert code == 2 and "output file must be another file than the input" in err
    assert (tmp_path / "s.nc").read_bytes() == before


def test_convert_takes_a_grid_that_the_factor_does_not_divide(tmp_path, capsys):
    """5 x 3 fine voxels over 10 x 6 mm in blocks of 2: the grid that is recovered has these, about the centre."""
    np.save(tmp_path / "S.npy", VALUES)
    words = ("convert", tmp_path / "S.npy", tmp_path / "o.nc", "--grid", "3x2", "--coarse", 2)
    assert run(capsys, *words, "--fine-grid", "5x3", "--fov", "10x6", "--noiseless")[0] == 0
    coarse = mpisim.read(tmp_path / "o.nc")
    fine = calib.recover(coarse, "bicubic")
    assert np.allclose(fine["x"], [-0.004, -0.002, 0, 0.002, 0.004], atol=1e-9)
    assert np.allclose(fine["y"], [-0.002, 0, 0.002], atol=1e-9)
    assert np.allclose(coarse["x"], [-0.003, 0.001, 0.005], atol=1e-9)
    code, _, err = run(capsys, *words, "--fine-grid", "7x3")
    assert code == 2 and "Input --fine-grid must be as many voxels as 3 x 2 blocks of 2 hold" in err
    code, _, err = run(capsys, "convert", tmp_path / "S.npy", tmp_path / "o.nc", "--grid", "3x2", "--fine-grid", "5x3")
    assert code == 2 and "--fine-grid" in err
