"""The command line: what good input prints, and what bad input gets — one sentence, exit code 2, nothing lost."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import mpisim
from mpisim.cli import main
from mpisim.command import table

SMALL = ["--grid", "8", "--angle-step", "60", "--harmonics", "2:3"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A fine matrix, its coarse one, a foreign NetCDF file, a truncated file, weights of another factor."""
    out = tmp_path_factory.mktemp("cli")
    assert (
        main(["simulate", "--sf-gradient", "0.9", "--particle-diameter", "24", *SMALL, "--out", str(out / "sm.nc")])
        == 0
    )
    assert main(["downsample", str(out / "sm.nc"), "--factor", "2", "--out", str(out / "coarse.nc")]) == 0
    large = ["--grid", "16", *SMALL[2:]]
    assert (
        main(["simulate", "--sf-gradient", "0.9", "--particle-diameter", "24", *large, "--out", str(out / "large.nc")])
        == 0
    )
    content = (out / "sm.nc").read_bytes()
    (out / "truncated.nc").write_bytes(content[: len(content) // 2])
    (out / "text.nc").write_text("not a matrix")
    import xarray as xr

    xr.Dataset({"temperature": ("t", np.arange(3.0))}).to_netcdf(out / "foreign.nc")
    data = mpisim.read(out / "sm.nc")
    values = data["system_matrix"].values.copy()
    values[0, 0, 0, 0] = np.nan
    from mpisim.io.netcdf import encode

    encode(data.assign(system_matrix=(data["system_matrix"].dims, values))).to_netcdf(out / "nan.nc")
    from calib.checkpoint import save_model
    from calib.model import ModelConfig, RecoveryModel

    save_model(out / "w4.safetensors", RecoveryModel(ModelConfig(factor=4)), {})
    (out / "config.toml").write_text("steps = 3\nheads = 8\n")
    (out / "scanner.toml").write_text("drive_frequncy = 25e3\n")
    (out / "types.toml").write_text('angles = ["a"]\n')
    assert main(["measure", str(out / "sm.nc"), "--phantom", "tubes", "--out", str(out / "y.nc")]) == 0
    return out


def run(capsys, *words):
    code = main([str(w) for w in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


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
    assert run(capsys, "measure", files["sm"], "--phantom", "shape", "--out", files["y"])[0] == 0
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


BAD = {
    "missing file": ("info {f}/no.nc", "Input file must be an existing file; instead received {f}/no.nc."),
    "truncated file": ("info {f}/truncated.nc", "must be a readable NetCDF file"),
    "text file": ("info {f}/text.nc", "must be a readable NetCDF file"),
    "another kind": ("recover {f}/foreign.nc --out {f}/o.nc", "must be an mpisim dataset of kind"),
    "NaN in the matrix": (
        "downsample {f}/nan.nc --factor 2 --out {f}/o.nc",
        "must be finite everywhere; instead received 1 value",
    ),
    "NaN argument": ("downsample {f}/sm.nc --factor 2 --snr nan --out {f}/o.nc", "Input snr must be a finite number"),
    "factor": ("downsample {f}/sm.nc --factor 3 --out {f}/o.nc", "Input factor must be a divisor of the grid 8 x 8"),
    "no number": (
        "downsample {f}/sm.nc --factor two --out {f}/o.nc",
        "Input factor must be a number; instead received 'two'",
    ),
    "unknown method": ("recover {f}/coarse.nc --method magic --out {f}/o.nc", "Input method must be one of bicubic"),
    "fine to recover": (
        "recover {f}/sm.nc --method bicubic --out {f}/o.nc",
        "must be a coarse system matrix; instead received a fine one",
    ),
    "different shapes": (
        "evaluate {f}/large.nc --reference {f}/sm.nc",
        "Input found must be of the reference's 6 rows of 8 x 8 voxels",
    ),
    "weights of another factor": (
        "recover {f}/coarse.nc --weights {f}/w4.safetensors --out {f}/o.nc",
        "Input weights must be made for transms at 2x; instead received transms at 4x",
    ),
    "no weights at all": (
        "recover {f}/coarse.nc --weights {f}/text.nc --out {f}/o.nc",
        "must be a readable safetensors file",
    ),
    "negative gradient": (
        "simulate --sf-gradient -1 --particle-diameter 25 --out {f}/o.nc",
        "Input sf_gradient must be a positive number",
    ),
    "negative diameter": (
        "simulate --sf-gradient 1 --particle-diameter -25 --out {f}/o.nc",
        "diameter must be a positive number",
    ),
    "NaN diameter": (
        "simulate --sf-gradient 1 --particle-diameter nan --out {f}/o.nc",
        "diameter must be a positive number",
    ),
    "unwritable folder": (
        "simulate --sf-gradient 1 --particle-diameter 25 --out {f}/text.nc/o.nc",
        "Input output folder must be",
    ),
    "another suffix": ("downsample {f}/sm.nc --factor 2 --out {f}/o.mat", "Input output file must be a .nc file"),
    "unknown scanner key": (
        "simulate --sf-gradient 1 --particle-diameter 25 --scanner {f}/scanner.toml --out {f}/o.nc",
        "the unknown key drive_frequncy",
    ),
    "unknown training key": ("train --data {f} --config {f}/config.toml --out {f}/run", "the unknown key heads"),
    "no training data": ("train --data {f} --out {f}/run", "Input data must be a data set with the split train"),
    "coarse to evaluate": ("evaluate {f}/coarse.nc --reference {f}/sm.nc", "Input found must be a fine system matrix"),
    "reversed harmonics": (
        "simulate --sf-gradient 1 --particle-diameter 25 --harmonics 9:2 --out {f}/o.nc",
        "Input harmonics must be whole numbers",
    ),
    "scanner of wrong types": (
        "simulate --sf-gradient 1 --particle-diameter 25 --scanner {f}/types.toml --out {f}/o.nc",
        "Input scanner angles must be a sequence of finite numbers",
    ),
    "tiny angle step": (
        "simulate --sf-gradient 1 --particle-diameter 25 --angle-step 1e-9 --out {f}/o.nc",
        "Input angle-step must be from 0.001",
    ),
    "grid beyond sense": (
        "simulate --sf-gradient 1 --particle-diameter 25 --grid 10000000 --out {f}/o.nc",
        "Input grid shape must be of at most 2^31 voxels",
    ),
    "sample beyond sense": (
        "simulate --sf-gradient 1 --particle-diameter 25 --grid 8 --sample-size 1e6 --out {f}/o.nc",
        "nodes resolve a row",
    ),
    "noise beyond numbers": (
        "downsample {f}/sm.nc --factor 2 --snr=-1e6 --out {f}/o.nc",
        "Input snr must be a finite number of decibels between",
    ),
    "range without end": (
        "dataset --sf-gradient 0.4:1:inf --particle-diameter 25 --out {f}/d",
        "Input sf-gradient must be a range",
    ),
    "fractional steps": ("train --data {f} --steps 1.7 --out {f}/run", "Input steps must be a whole number"),
    "odd factor": ("train --data {f} --factor 3 --out {f}/run", "Input factor must be one of 2, 4, 8"),
    "seed beyond files": (
        "downsample {f}/sm.nc --factor 2 --seed 99999999999999999999 --out {f}/o.nc",
        "Input seed must be a whole number below 2^63",
    ),
    "options of MATLAB": ("convert {f}/sm.nc {f}/o.nc --grid 8x8", "must be a MATLAB file (.mat) where grid is given"),
    "no eps": (
        "reconstruct {f}/sm.nc {f}/y.nc --eps foo --out {f}/o.nc",
        "Input eps must be a number; instead received 'foo'",
    ),
    "matrix for a measurement": (
        "reconstruct {f}/sm.nc {f}/sm.nc --out {f}/o.nc",
        "Input y must be a measurement; instead received a system_matrix",
    ),
    "folder for a file": ("info {f}", "Input file must be an existing file"),
    "name beyond files": ("info {f}/" + 300 * "x" + ".nc", "must be"),
    "unknown command": ("simulat", "Input command must be one of demo, simulate"),
    "unknown option": ("info {f}/sm.nc --verbose", "unrecognized arguments: --verbose"),
    "unknown preset": ("dataset --preset openmpi --out {f}/d", "Input preset must be one of transms"),
    "unknown study": ("study table99 --out {f}/d", "Input study must be one of table2, table3"),
    "unknown demo factor": ("demo --factor 3 --out {f}/d", "Input factor must be one of 2, 4, 8"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_sentence(folder, capsys, case):
    words, message = (text.replace("{f}", str(folder)) for text in BAD[case])
    before = {p: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    code, out, err = run(capsys, *words.split())
    assert code == 2 and out == ""
    assert message in err and err.startswith("mpisim: Input ") and err.count("\n") == 1 and err.endswith(".\n")
    assert {p: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before


def test_an_output_that_fails_leaves_the_old_file(folder, capsys, tmp_path):
    target = tmp_path / "kept.nc"
    target.write_bytes((folder / "sm.nc").read_bytes())
    assert run(capsys, "recover", folder / "sm.nc", "--method", "bicubic", "--out", target)[0] == 2
    assert target.read_bytes() == (folder / "sm.nc").read_bytes()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_keeps_what_is_finished(tmp_path, workers):
    """Interrupt a data set once two files are there: exit 130, one line, whole files only; run again, it completes."""
    words = [
        sys.executable,
        "-m",
        "mpisim",
        "dataset",
        "--sf-gradient",
        "0.4:1.0:40",
        "--particle-diameter",
        "15:30:10",
        "--workers",
        workers,
        "--out",
        str(tmp_path),
    ]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("*.nc"))) < 2 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the whole group
    try:
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert err == "mpisim: interrupted; finished files are kept, nothing was left half-written.\n"
    files = list(tmp_path.glob("*.nc"))
    assert 2 <= len(files) < 400
    for file in files[:20]:
        mpisim.read(file)
    assert not list(tmp_path.glob(".*.tmp"))
