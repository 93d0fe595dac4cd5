"""The commands `simulate --noise` and `info` on the noise of a receive chain."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

import mpisim
from mpisim.cli.row_snr import SnrTally
from mpisim.preprocess.row_snr import row_snr
from tests.commands import run

PARTICLE, GRID = mpisim.Particle(25e-9), mpisim.Grid((8, 8))


@pytest.fixture
def scanner(tmp_path):
    chain = mpisim.ReceiveChain(noise=mpisim.ReceiveNoise(voltage_noise=3e-6), digitiser=mpisim.Digitiser(range=1.0))
    line = mpisim.open_sided_ffl(0.5, angles=3, harmonics=(2, 3, 9))
    setup = mpisim.Setup(mpisim.ImperfectFFL.of(line, receive=chain), PARTICLE, GRID)
    mpisim.write_scanner(setup, tmp_path / "s.toml")
    return setup


def test_simulate_with_noise_states_the_ratio_of_the_matrix_its_rows_and_its_lines(scanner, tmp_path, capsys):
    words = (
        "simulate",
        "--scanner",
        tmp_path / "s.toml",
        "--noise",
        "--seed",
        "3",
        "--out",
        tmp_path / "n.nc",
        "--json",
    )
    code, out, _ = run(capsys, *words)
    said, found = json.loads(out), mpisim.read(tmp_path / "n.nc")
    assert code == 0 and found.equals(mpisim.record(scanner.simulate(), seed=3))
    sigma = 3e-6 / np.sqrt(2 * 10e-3)
    values, ratios = np.abs(found["system_matrix"].values), row_snr(found)
    assert said["snr"] == pytest.approx(20 * np.log10(np.sqrt(np.mean(values**2)) / sigma), abs=0.05)
    row = said["row_snr"]
    assert (row["rows"], row["above_5"]) == (9, np.count_nonzero(ratios > 5)) and 0 < row["above_5"] < 9
    assert [row["least"], row["median"], row["largest"]] == pytest.approx(np.quantile(ratios, [0, 0.5, 1]))
    by_line = [np.sqrt(np.mean(values[:, i] ** 2)) for i in range(3)]
    assert [line["rms"] for line in said["lines"]] == pytest.approx(by_line)
    assert [line["frequency"] for line in said["lines"]] == pytest.approx(found["frequency"].values.tolist())
    code, out, _ = run(capsys, "info", tmp_path / "n.nc", "--json")
    again = json.loads(out)
    assert code == 0 and all(again[key] == said[key] for key in ("snr", "row_snr", "lines"))


def test_the_ratio_of_blocks_is_that_of_the_whole(scanner):
    recorded = mpisim.record(scanner.simulate())
    whole, parts = SnrTally(), SnrTally()
    whole.add(recorded)
    for i in range(3):
        parts.add(recorded.isel(angle=[i]))
    assert parts.described()["snr"] == pytest.approx(whole.described()["snr"])
    assert parts.described()["lines"][1]["snr"] == pytest.approx(whole.described()["lines"][1]["snr"])
    for level in (1e300, 1e-300):  # whose squares are no numbers
        extreme = SnrTally()
        extreme.add(recorded.assign(noise_std=0 * recorded["noise_std"] + level))
        assert extreme.described() == {}
    exact = SnrTally()
    exact.add(scanner.simulate())
    assert exact.described() == {}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--scanner ideal --sf-gradient 0.5 --particle-diameter 25 --noise", "one with a receive chain"),
        ("--scanner low.toml --noise", "range of the digitiser must be above the amplitude"),
        ("--scanner s.toml --noise --seed -1", "--?seed must be"),
        ("--scanner s.toml --seed 3", "--seed must be given together with --noise or --background"),
    ],
)
def test_what_cannot_be_recorded_is_refused_before_work(words, sentence, scanner, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    low = mpisim.ReceiveChain(digitiser=mpisim.Digitiser(range=1e-6))
    setup = mpisim.Setup(mpisim.ImperfectFFL.of(scanner.scanner, receive=low), PARTICLE, GRID)
    mpisim.write_scanner(setup, tmp_path / "low.toml")
    code, out, err = run(capsys, "simulate", *words.split(), "--out", "o.nc")
    assert code == 2 and out == "" and not (tmp_path / "o.nc").exists()
    assert len(err.splitlines()) == 1 and re.search(sentence, err)


def test_a_measurement_is_recorded_with_the_same_chain(scanner, tmp_path, capsys):
    mpisim.write(scanner.simulate(), tmp_path / "sm.nc")
    words = (
        "measure",
        tmp_path / "sm.nc",
        "--phantom",
        "shape",
        "--noise",
        "--frames",
        "3",
        "--out",
        tmp_path / "y.nc",
    )
    code, out, _ = run(capsys, *words, "--json")
    said, y = json.loads(out), mpisim.read(tmp_path / "y.nc")
    assert code == 0 and said["frames"] == y.sizes["frame"] == 3
    assert np.allclose(y["noise_std"], said["noise_std"]) and y["noise_std"].dims == ("frequency",)
    rms = np.sqrt(np.mean(np.abs(y["measurement"].values) ** 2))
    assert said["snr"] == pytest.approx(20 * np.log10(rms / said["noise_std"]))
    image = tmp_path / "i.nc"
    code, _, _ = run(
        capsys, "reconstruct", tmp_path / "sm.nc", tmp_path / "y.nc", "--method", "tikhonov", "--out", image
    )
    assert code == 0 and mpisim.read(image).sizes["frame"] == 3


def test_a_recorded_matrix_with_background_frames_can_be_measured(scanner, tmp_path, capsys):
    recording = mpisim.Recording(background_every=30, background_frames=2)
    often = replace(scanner.scanner, receive=replace(scanner.scanner.receive, recording=recording))
    matrix = mpisim.record(mpisim.simulate(often, PARTICLE, GRID))
    mpisim.write(matrix, tmp_path / "n.nc")
    words = ("measure", tmp_path / "n.nc", "--phantom", "shape", "--noise", "--frames", "2", "--out", tmp_path / "y.nc")
    code, _, err = run(capsys, *words)
    y = mpisim.read(tmp_path / "y.nc")
    assert code == 0, err
    assert matrix.sizes["background_frame"] == 8 and y.sizes["background_frame"] == 4
    assert y["background_index"].values.tolist() == [0, 1, 4, 5] and y["acquisition_index"].values.tolist() == [2, 3]
