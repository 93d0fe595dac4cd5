"""The command line: what good input prints."""

import json
from pathlib import Path

import numpy as np
import pytest

import mpisim
from mpisim.cli.command import table
from mpisim.cli.main import main
from tests.commands import run, write_matrices


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A fine matrix and its coarse one."""
    out = tmp_path_factory.mktemp("cli")
    write_matrices(out)
    return out


def test_overview_and_help(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0 and all(name in out for name in table())
    for name in table():
        with pytest.raises(SystemExit) as stop:
            main([name, "--help"])
        assert stop.value.code == 0
        assert f"example: mpisim {name}" in capsys.readouterr().out


def test_json_is_one_object_and_values_agree(folder, capsys):
    code, out, err = run(
        capsys, "recover", folder / "coarse.nc", "--method", "bicubic", "--out", folder / "fine.nc", "--json"
    )
    assert code == 0 and err == "" and json.loads(out)["grid"] == [8, 8]
    code, out, _ = run(
        capsys, "evaluate", folder / "fine.nc", "--reference", folder / "sm.nc", "--json", "--rows", folder / "rows.csv"
    )
    figures = json.loads(out)
    assert figures["nrmse"] == pytest.approx(
        mpisim.nrmse(mpisim.read(folder / "fine.nc"), mpisim.read(folder / "sm.nc"))
    )
    assert (folder / "rows.csv").read_text().count("\n") == 1 + 3 * 2
    code, out, _ = run(capsys, "info", folder / "coarse.nc", "--json")
    assert json.loads(out)["sampling"]["factor"] == 2
    assert json.loads(out)["scanner"]["angles"] == list(mpisim.read(folder / "coarse.nc").attrs["scanner"]["angles"])
    code, out, _ = run(capsys, "methods", "--json")
    assert {"bicubic", "bicubic-dc", "bicubic-strided", "transms"} <= set(json.loads(out)["methods"])


def test_the_same_command_gives_the_same_bytes(folder, tmp_path):
    for name in ("a.nc", "b.nc"):
        assert (
            main(["downsample", str(folder / "sm.nc"), "--factor", "4", "--seed", "3", "--out", str(tmp_path / name)])
            == 0
        )
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


def test_units_at_the_command_line(folder):
    data = mpisim.read(folder / "sm.nc")
    assert float(data["particle_diameter"]) == pytest.approx(24e-9)
    assert data.attrs["scanner"]["drive_frequency"] == pytest.approx(23.2e3)
    assert data["x"].values[0] == pytest.approx(-14e-3)
    assert np.allclose(np.degrees(data["angle"]), [0, 60, 120])
    assert data["harmonic"].values.tolist() == [2, 3]


def test_options_win_over_the_scanner_file(tmp_path, capsys):
    (tmp_path / "s.toml").write_text("harmonics = [4]\nsamples_per_period = 60\ndrive_frequency = 25e3\n")
    words = ["simulate", "--sf-gradient", 0.9, "--particle-diameter", 24, "--grid", 8, "--scanner", tmp_path / "s.toml"]
    assert run(capsys, *words, "--harmonics", "3", "--out", tmp_path / "a.nc")[0] == 0
    scanner = mpisim.read(tmp_path / "a.nc").attrs["scanner"]
    assert scanner["harmonics"] == [3]
    assert scanner["samples_per_period"] == 60 and scanner["drive_frequency"] == 25e3


def test_a_rectangular_chain(tmp_path, capsys):
    """Every command on 32 x 16 voxels, down to a single coarse voxel along y: axes keep their places."""
    files = {n: tmp_path / f"{n}.nc" for n in ("sm", "coarse", "fine", "y", "image")}
    words = ["--grid", "32x16", "--fov", "32x16", "--angle-step", 30]
    assert (
        run(capsys, "simulate", "--sf-gradient", 0.9, "--particle-diameter", 24, *words, "--out", files["sm"])[0] == 0
    )
    for factor in (2, 16):
        run(capsys, "downsample", files["sm"], "--factor", factor, "--noiseless", "--out", files["coarse"])
        run(capsys, "recover", files["coarse"], "--method", "bicubic", "--out", files["fine"])
        code, out, _ = run(capsys, "evaluate", files["fine"], "--reference", files["sm"], "--json")
        assert code == 0 and json.loads(out)["nrmse"] < (0.1 if factor == 2 else 1.5)
    words = ("--phantom", "shape", "--radius", 2)
    assert run(capsys, "measure", files["sm"], *words, "--out", files["y"])[0] == 0
    assert run(capsys, "reconstruct", files["sm"], files["y"], "--method", "tikhonov", "--out", files["image"])[0] == 0
    assert mpisim.read(files["image"])["image"].shape == (16, 32)


def test_a_dataset_of_ranges_feeds_the_training(tmp_path, capsys):
    for split, gradient in (("train", 0.5), ("validation", 0.7)):
        words = [
            "--sf-gradient",
            gradient,
            "--particle-diameter",
            24,
            "--grid",
            16,
            "--angle-step",
            60,
            "--split",
            split,
        ]
        assert run(capsys, "dataset", *words, "--out", tmp_path / "data")[0] == 0
    words = ["--data", tmp_path / "data", "--factor", 2, "--steps", 1, "--batch", 2, "--out", tmp_path / "run"]
    code, out, _ = run(capsys, "train", *words, "--json")
    assert code == 0 and json.loads(out)["step"] == 1


def test_matlab_is_converted(tmp_path, capsys):
    import h5py

    values = np.arange(24.0).reshape(4, 6) * (1 + 2j)
    with h5py.File(tmp_path / "S.mat", "w") as file:
        pairs = np.empty((6, 4), dtype=[("real", "f8"), ("imag", "f8")])
        pairs["real"], pairs["imag"] = values.T.real, values.T.imag
        file["S"] = pairs
    code, _, _ = run(capsys, "convert", tmp_path / "S.mat", tmp_path / "sm.nc", "--variable", "S", "--grid", "3x2")
    assert code == 0
    found = mpisim.read(tmp_path / "sm.nc")
    assert np.array_equal(found["system_matrix"].values, values.reshape(4, 2, 3))
    code, _, err = run(capsys, "convert", tmp_path / "S.mat", tmp_path / "no.nc", "--grid", "5x5")
    assert code == 2 and "must be rows x 25 voxels" in err and not (tmp_path / "no.nc").exists()


OLD = Path(__file__).parents[2] / "data" / "v0.1.0"


def test_the_engine_has_its_former_name_too(folder, capsys):
    """`path` of version 0.1 until 0.4, for files of today and of then."""
    for file in (folder / "sm.nc", OLD / "box.nc"):
        described = json.loads(run(capsys, "info", file, "--json")[1])
        assert (described["engine"], described["path"]) == ("line_profile", "ridge")
