"""The command line: bad input gets one sentence and exit code 2, and nothing is lost."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import mpisim
from tests.commands import run, write_bad, write_matrices


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Good matrices, a foreign file, a truncated one, weights of another factor, and more."""
    out = tmp_path_factory.mktemp("cli")
    write_matrices(out)
    write_bad(out)
    return out


BAD = {
    "missing file": ("info {f}/no.nc", "Input file must be an existing file; instead received {f}/no.nc."),
    "truncated file": ("info {f}/truncated.nc", "must be a readable NetCDF file"),
    "text file": ("info {f}/text.nc", "must be a readable NetCDF file"),
    "another kind": ("recover {f}/foreign.nc --out {f}/o.nc", "must be an mpisim dataset of kind"),
    "NaN in the matrix": (
        "downsample {f}/nan.nc --factor 2 --out {f}/o.nc",
        "must be finite everywhere; instead received 1 value",
    ),
    "NaN argument": ("downsample {f}/sm.nc --factor 2 --snr nan --out {f}/o.nc", "Input --snr must be a finite number"),
    "factor": ("downsample {f}/sm.nc --factor 3 --out {f}/o.nc", "Input --factor must be a divisor of the grid 8 x 8"),
    "no number": (
        "downsample {f}/sm.nc --factor two --out {f}/o.nc",
        "Input --factor must be a number; instead received 'two'",
    ),
    "unknown method": ("recover {f}/coarse.nc --method magic --out {f}/o.nc", "Input --method must be one of bicubic"),
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
        "Input --weights must be made for transms at 2x; instead received transms at 4x",
    ),
    "no weights at all": (
        "recover {f}/coarse.nc --weights {f}/text.nc --out {f}/o.nc",
        "must be a readable safetensors file",
    ),
    "negative gradient": (
        "simulate --sf-gradient -1 --particle-diameter 25 --out {f}/o.nc",
        "Input --sf-gradient must be from 0.01 to 50 T/m; instead received -1",
    ),
    "negative diameter": (
        "simulate --sf-gradient 1 --particle-diameter -25 --out {f}/o.nc",
        "Input --particle-diameter must be from 1 to 200 nm; instead received -25",
    ),
    "NaN diameter": (
        "simulate --sf-gradient 1 --particle-diameter nan --out {f}/o.nc",
        "Input --particle-diameter must be from 1 to 200 nm; instead received nan",
    ),
    "diameter in metres": (
        "dataset --sf-gradient 1 --particle-diameter 25e-9 --out {f}/d",
        "Input --particle-diameter must be from 1 to 200 nm; instead received 2.5e-08",
    ),
    "field of view in metres": (
        "simulate --sf-gradient 1 --particle-diameter 25 --fov 0.032 --out {f}/o.nc",
        "Input --fov must be from 0.1 to 2000 mm; instead received 0.032",
    ),
    "half a family": (
        "dataset --sf-gradient 1 --out {f}/d",
        "or by both --sf-gradient and --particle-diameter; instead received --sf-gradient.",
    ),
    "MDF that is missing": ("info {f}/x.mdf", "Input file must be an existing file"),
    "unknown method of a study": (
        "study table3 --quick --methods magic --out {f}/d",
        "Input --methods must be one of bicubic",
    ),
    "unwritable folder": (
        "simulate --sf-gradient 1 --particle-diameter 25 --out {f}/text.nc/o.nc",
        "Input output file must be in a folder that can be made and written",
    ),
    "another suffix": (
        "downsample {f}/sm.nc --factor 2 --out {f}/o.mat",
        "Input output file must be a .nc or .mdf file",
    ),
    "a folder as output": ("recover {f}/coarse.nc --out {f}/folder.nc", "Input output file must be a file name"),
    "unknown scanner key": (
        "simulate --sf-gradient 1 --particle-diameter 25 --scanner {f}/scanner.toml --out {f}/o.nc",
        "the unknown key drive_frequncy",
    ),
    "unknown training key": ("train --data {f} --config {f}/config.toml --out {f}/run", "the unknown key heads"),
    "no training data": ("train --data {f} --out {f}/run", "Input --data must be a data set with the split train"),
    "coarse to evaluate": ("evaluate {f}/coarse.nc --reference {f}/sm.nc", "Input found must be a fine system matrix"),
    "reversed harmonics": (
        "simulate --sf-gradient 1 --particle-diameter 25 --harmonics 9:2 --out {f}/o.nc",
        "Input --harmonics must be whole numbers",
    ),
    "scanner of wrong types": (
        "simulate --sf-gradient 1 --particle-diameter 25 --scanner {f}/types.toml --out {f}/o.nc",
        "Input scanner angles must be a sequence of finite numbers",
    ),
    "tiny angle step": (
        "simulate --sf-gradient 1 --particle-diameter 25 --angle-step 1e-9 --out {f}/o.nc",
        "Input --angle-step must be from 0.1 to 180 degrees",
    ),
    "grid beyond sense": (
        "simulate --sf-gradient 1 --particle-diameter 25 --grid 10000000 --out {f}/o.nc",
        "Input grid shape must be of at most 2^31 voxels",
    ),
    "no voxels": (
        "simulate --sf-gradient 1 --particle-diameter 25 --grid 0 --out {f}/o.nc",
        "Input --grid must be a whole number of at least 1; instead received 0.",
    ),
    "half a size": (
        "simulate --sf-gradient 1 --particle-diameter 25 --fov 16x --out {f}/o.nc",
        "Input --fov must be one to three numbers such as 32 or 32x64; instead received '16x'.",
    ),
    "no coarser": (
        "downsample {f}/sm.nc --factor 1 --out {f}/o.nc",
        "Input --factor must be a whole number of at least 2; instead received 1.",
    ),
    "unknown flag": (
        "recover {f}/sm.nc --fast --out {f}/o.nc",
        "Input command line must be one that `mpisim recover --help` describes; "
        "instead received one with this mistake: unrecognized arguments: --fast.",
    ),
    "noise of no number": (
        "recover {f}/coarse.nc --noise-std few --out {f}/o.nc",
        "Input --noise-std must be a number; instead received 'few'.",
    ),
    "sample beyond sense": (
        "simulate --sf-gradient 1 --particle-diameter 25 --grid 8 --sample-size 1e6 --out {f}/o.nc",
        "Input --sample-size must be from 0.05 to 500 mm",
    ),
    "sample in metres": (
        "simulate --sf-gradient 1 --particle-diameter 25 --sample-size 0.002 --out {f}/o.nc",
        "Input --sample-size must be from 0.05 to 500 mm; instead received 0.002.",
    ),
    "drive frequency in hertz": (
        "simulate --sf-gradient 1 --particle-diameter 25 --drive-frequency 23200 --out {f}/o.nc",
        "Input --drive-frequency must be from 0.1 to 1000 kHz; instead received 23200.",
    ),
    "drive amplitude in tesla": (
        "simulate --sf-gradient 1 --particle-diameter 25 --drive-amplitude 8e-3 --out {f}/o.nc",
        "Input --drive-amplitude must be from 0.1 to 1000 mT; instead received 0.008.",
    ),
    "angle step in radians": (
        "simulate --sf-gradient 1 --particle-diameter 25 --angle-step 0.0524 --out {f}/o.nc",
        "Input --angle-step must be from 0.1 to 180 degrees; instead received 0.0524.",
    ),
    "harmonics in hertz": (
        "simulate --sf-gradient 1 --particle-diameter 25 --harmonics 46400 --out {f}/o.nc",
        "Input --harmonics must be multiples of the drive frequency from 1 to 1000; instead received 46400.",
    ),
    "angles of a scanner file in degrees": (
        "simulate --sf-gradient 1 --particle-diameter 25 --scanner {f}/degrees.toml --out {f}/o.nc",
        "Input scanner angles must be in rad; instead received angles up to 135, which look like degrees.",
    ),
    "frequency of a scanner file in kilohertz": (
        "dataset --sf-gradient 1 --particle-diameter 25 --scanner {f}/khz.toml --out {f}/d",
        "Input scanner drive_frequency must be from 100 to 1e+06 Hz; instead received 25.0.",
    ),
    "noise as a ratio": (
        "downsample {f}/sm.nc --factor 2 --snr 2000 --out {f}/o.nc",
        "Input --snr must be a finite number of decibels between -100 and 300",
    ),
    "length of a tube in metres": (
        "measure {f}/sm.nc --length 0.022 --out {f}/o.nc",
        "Input --length must be from 0.05 to 500 mm; instead received 0.022.",
    ),
    "gradient of the demo": (
        "demo --sf-gradient 500 --out {f}/d",
        "Input --sf-gradient must be from 0.01 to 50 T/m; instead received 500.",
    ),
    "noise beyond numbers": (
        "downsample {f}/sm.nc --factor 2 --snr=-1e6 --out {f}/o.nc",
        "Input --snr must be a finite number of decibels between",
    ),
    "range without end": (
        "dataset --sf-gradient 0.4:1:inf --particle-diameter 25 --out {f}/d",
        "Input --sf-gradient must be a range",
    ),
    "fractional steps": ("train --data {f} --steps 1.7 --out {f}/run", "Input --steps must be a whole number"),
    "odd factor": ("train --data {f} --factor 3 --out {f}/run", "Input --factor must be one of 2, 4, 8"),
    "seed beyond files": (
        "downsample {f}/sm.nc --factor 2 --seed 99999999999999999999 --out {f}/o.nc",
        "Input --seed must be a whole number below 2^63",
    ),
    "options of MATLAB": (
        "convert {f}/sm.nc {f}/o.nc --grid 8x8",
        "where --grid is given; instead received a netcdf file",
    ),
    "no eps": (
        "reconstruct {f}/sm.nc {f}/y.nc --eps foo --out {f}/o.nc",
        "Input --eps must be a number; instead received 'foo'",
    ),
    "option of another solver": (
        "reconstruct {f}/sm.nc {f}/y.nc --lambda 0.1 --out {f}/o.nc",
        "Input options must be among --a1, --atv, --mu, --iterations, --tolerance, --precision for the method admm; "
        "instead received --lambda",
    ),
    "regularisation below zero": (
        "reconstruct {f}/sm.nc {f}/y.nc --method kaczmarz --lambda=-1 --out {f}/o.nc",
        "Input --lambda must be",
    ),
    "matrix for a measurement": (
        "reconstruct {f}/sm.nc {f}/sm.nc --out {f}/o.nc",
        "Input y must be a measurement; instead received a system_matrix",
    ),
    "folder for a file": ("info {f}", "Input file must be an existing file"),
    "name beyond files": ("info {f}/" + 300 * "x" + ".nc", "must be"),
    "unknown command": ("simulat", "Input command must be one of simulate, dataset"),
    "unknown option": ("info {f}/sm.nc --verbose", "unrecognized arguments: --verbose"),
    "unknown preset": ("dataset --preset openmpi --out {f}/d", "Input --preset must be one of transms"),
    "unknown study": ("study table99 --out {f}/d", "Input study must be one of table2, table3"),
    "unknown demo factor": ("demo --factor 3 --out {f}/d", "Input --factor must be one of 2, 4, 8"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_sentence(folder, capsys, case):
    words, message = (text.replace("{f}", str(folder)) for text in BAD[case])
    before = {p: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    code, out, err = run(capsys, *words.split())
    assert code == 2 and out == ""
    assert message in err and err.startswith("mpisim: Input ") and err.count("\n") == 1 and err.endswith(".\n")
    assert {p: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before
    assert not (folder / "d").exists()


def test_an_output_that_fails_leaves_the_old_file(folder, capsys, tmp_path):
    target = tmp_path / "kept.nc"
    target.write_bytes((folder / "sm.nc").read_bytes())
    assert run(capsys, "recover", folder / "sm.nc", "--method", "bicubic", "--out", target)[0] == 2
    assert target.read_bytes() == (folder / "sm.nc").read_bytes()


def test_an_overflow_gets_one_sentence():
    class Heavy(mpisim.Particle):
        moment, beta = 1e300, mpisim.Particle(24e-9).beta

    with pytest.raises(mpisim.InputError, match="must be finite everywhere"), np.errstate(all="ignore"):
        tracer = mpisim.Sample(concentration=1e30)
        mpisim.simulate(mpisim.open_sided_ffl(0.9, angles=3), Heavy(24e-9), mpisim.Grid((8, 8)), tracer)


@pytest.mark.parametrize(("file", "expected"), [("coarse.nc", 0), ("absent.nc", 2)])
def test_a_closed_stderr_leaves_stdout_to_json(folder, tmp_path, file, expected):
    command = f"{sys.executable} -m mpisim recover {folder / file} --method ridge --out {tmp_path / 'a.nc'} --json 2>&-"
    done = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, text=True)
    assert done.returncode == expected
    assert (json.loads(done.stdout)["rows"] == 6) if expected == 0 else done.stdout == ""


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
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    process = subprocess.Popen(words, **pipes)
    signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("*.nc"))) < 2 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the whole group
    try:
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    *said, last = err.splitlines()
    assert last == "mpisim: interrupted; finished files are kept, nothing was left half-written."
    assert all(line.startswith("400 matrices: about ") for line in said)
    files = list(tmp_path.glob("*.nc"))
    assert 2 <= len(files) < 400
    for file in files[:20]:
        mpisim.read(file)
    assert not list(tmp_path.glob(".*.tmp"))
