"""Files read as they were received: the steps of preprocessing then give what reading alone gives."""

import json
import tracemalloc

import numpy as np
import pytest

import mpisim
from mpisim.cli.main import main
from mpisim.preprocess.apply import apply, steps_of
from mpisim.preprocess.averaging import AverageFrames
from mpisim.preprocess.receive import DivideInduction, DivideTransfer
from mpisim.preprocess.selection import SelectFrequencies
from mpisim.preprocess.subtraction import SubtractBackground
from tests.mpisim.io.mdf.files import MATRIX, K, V, calibrated, drifting, measured, metadata, random_complex, write

TRANSFER = "/acquisition/receiver/transferFunction"
INDUCTION = "/acquisition/receiver/inductionFactor"


def files(folder):
    """A matrix of 6 voxels and a measurement of 7 frames, with background in runs, and factors of the receiver."""
    rng = np.random.default_rng(2)
    receive = {TRANSFER: random_complex(rng, 2, K, dtype=np.complex128), INDUCTION: np.array([2.0, 4.0])}
    mask = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
    order = np.array([2, 3, 4, 6, 7, 8, 0, 1, 5, 9])  # acquisition index of every stored frame
    _, frames = drifting(rng, mask, order, (1, 2, K))
    permuted = {"/measurement/framePermutation": order + 1}
    data = np.moveaxis(frames, 0, -1)
    matrix = measured(data, mask, isFramePermutation=1, **MATRIX)
    write(folder / "sm.mdf", metadata(10, 1, 2), matrix, calibrated((3, 2, 1)), permuted, receive)
    mask = np.array([1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1])
    _, frames = drifting(rng, mask, np.arange(12), (1, 2, K))
    write(folder / "y.mdf", metadata(12, 1, 2), measured(frames, mask, isFourierTransformed=1), receive)


@pytest.mark.parametrize("name, kind", [("sm", "system_matrix"), ("y", "measurement")])
def test_raw_files_and_the_steps_give_what_reading_gives(name, kind, tmp_path):
    files(tmp_path)
    raw, plain = mpisim.read(tmp_path / f"{name}.mdf", raw=True), mpisim.read(tmp_path / f"{name}.mdf")
    assert raw.attrs["preprocessing"]["background"] == "none"
    assert not np.allclose(raw[kind], plain[kind])
    found = apply([SubtractBackground(), DivideTransfer()], raw)
    np.testing.assert_allclose(found[kind].values, plain[kind].values, rtol=1e-9, atol=1e-9)
    assert {"background", "transfer_function"} <= set(found.attrs["preprocessing"])
    for state in ("background", "transfer_function"):
        assert found.attrs["preprocessing"][state] == plain.attrs["preprocessing"][state]
    swapped = apply([DivideTransfer(), SubtractBackground()], raw)
    np.testing.assert_allclose(swapped[kind].values, found[kind].values, rtol=1e-9, atol=1e-9)
    assert [r["step"] for r in swapped.attrs["preprocessing"]["steps"]] == ["DivideTransfer", "SubtractBackground"]
    induced = apply([DivideInduction(), DivideInduction()], found)
    np.testing.assert_allclose(induced[kind].isel(receive=1), found[kind].isel(receive=1) / 4)


def test_the_noise_of_both_ways_is_the_same(tmp_path):
    rng = np.random.default_rng(3)
    mask = np.array([1] * 4 + [0] * 6 + [1] * 5)
    frames = random_complex(rng, mask.size, 1, 2, K, dtype=complex)
    write(tmp_path / "y.mdf", metadata(15), measured(frames, mask, isFourierTransformed=1))
    matrix = measured(np.moveaxis(frames, 0, -1), mask, **MATRIX)
    write(tmp_path / "sm.mdf", metadata(15), matrix, calibrated((3, 2, 1)))
    for name in ("y.mdf", "sm.mdf"):
        plain, raw = mpisim.read(tmp_path / name), mpisim.read(tmp_path / name, raw=True)
        found = apply([SubtractBackground()], raw)
        np.testing.assert_allclose(found["noise_std"], plain["noise_std"], rtol=1e-9)
    averaged = apply([AverageFrames(3), SubtractBackground()], mpisim.read(tmp_path / "y.mdf", raw=True))
    plain = mpisim.read(tmp_path / "y.mdf", average=3)
    np.testing.assert_allclose(averaged["noise_std"], plain["noise_std"], rtol=1e-9)
    np.testing.assert_allclose(averaged["measurement"], plain["measurement"], rtol=1e-9, atol=1e-12)


def test_a_matrix_of_repeated_periods_is_their_mean(tmp_path):
    """Plain and raw reading agree, and one frame of every period is the same matrix."""
    rng = np.random.default_rng(5)
    mask = np.array([0] * 6 + [1] * 7)
    data = random_complex(rng, 4, 2, K, mask.size, dtype=complex)
    write(tmp_path / "sm.mdf", metadata(13, 4), measured(data, mask, **MATRIX), calibrated((3, 2, 1)))
    one = measured(data.mean(axis=0, keepdims=True), mask, **MATRIX)
    write(tmp_path / "one.mdf", metadata(13, 1), one, calibrated((3, 2, 1)))
    raw, plain = mpisim.read(tmp_path / "sm.mdf", raw=True), mpisim.read(tmp_path / "sm.mdf")
    found = apply([SubtractBackground()], raw)
    np.testing.assert_allclose(found["system_matrix"], plain["system_matrix"], rtol=1e-9, atol=1e-12)
    same = mpisim.read(tmp_path / "one.mdf", raw=True)
    np.testing.assert_allclose(raw["system_matrix"], same["system_matrix"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(raw["noise_std"], same["noise_std"], rtol=1e-9)


@pytest.mark.parametrize("kind", ["frames in time", "periods in time", "matrix", "matrix, frames first"])
def test_portions_give_the_same_with_less_memory(kind, tmp_path, monkeypatch):
    rng = np.random.default_rng(6)
    mask = np.array([1] * 5 + [0] * 300)
    path, samples = tmp_path / "a.mdf", 512
    receiver = {"/acquisition/receiver/numSamplingPoints": np.int64(samples)}
    if "time" in kind:
        periods = 1 if "frames" in kind else 50
        raw = rng.integers(-9, 9, (305 // periods, periods, 2, samples)).astype(np.int16)
        write(path, metadata(len(raw), periods), measured(raw, mask[: len(raw)] if periods == 1 else None), receiver)
    else:
        data = random_complex(rng, 305, 1, 2, samples // 2 + 1)
        flags = MATRIX if kind == "matrix" else {"isFourierTransformed": 1}
        data = np.moveaxis(data, 0, -1) if kind == "matrix" else data
        write(path, metadata(305), measured(data, mask, **flags), calibrated((20, 15, 1)), receiver)
    whole = mpisim.read(path, raw=True)
    for module in ("raw", "shots"):
        monkeypatch.setattr(f"mpisim.io.mdf.{module}._WORKING", 3e5)
    tracemalloc.start()
    found = mpisim.read(path, raw=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.identical(whole)
    held = sum(v.nbytes for v in found.data_vars.values())
    assert peak < 2.5 * held


def test_the_command_treats_both_files_alike_and_shows_what_it_did(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files(tmp_path)
    words = "preprocess sm.mdf y.mdf --average 0 --induction --stop-band 150,250 --best 5 --snr-definition max-dev"
    assert main([*words.split(), "--channel-weights", "1,2", "--row-norm", "--out", "sm.nc", "y.nc", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    names = ["AverageFrames", "SubtractBackground", "DivideTransfer", "DivideInduction", "SelectFrequencies"]
    matrix, y = mpisim.read("sm.nc"), mpisim.read("y.nc")
    assert [r["step"] for r in result["steps"]] == [*names, "WeightChannels", "WeightRows"]
    assert [r["step"] for r in matrix.attrs["preprocessing"]["steps"]] == [*names[1:], "WeightChannels", "WeightRows"]
    np.testing.assert_allclose(matrix["frequency"], y["frequency"])
    assert matrix.sizes["frequency"] == 5 and not np.isin([2e5], matrix["frequency"])
    assert y["measurement"].sizes.get("frame", 1) == 1
    np.testing.assert_allclose(np.linalg.norm(matrix["system_matrix"].values, axis=(-2, -1)), 1)
    assert main(["info", "sm.nc"]) == 0 and "SelectFrequencies" in capsys.readouterr().out
    raw = mpisim.read("y.mdf", raw=True)
    again = apply(steps_of(y), raw)
    np.testing.assert_allclose(again["measurement"], y["measurement"], rtol=1e-12)


def test_steps_in_time_and_the_full_covariance_from_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(4)
    mask = np.repeat([1, 0, 1], [60, 12, 60])
    frames = rng.standard_normal((132, 1, 2, V))
    write(tmp_path / "y.mdf", metadata(132, 1, 2), measured(frames, mask))
    words = "preprocess y.mdf --leakage --group 2 --max-frequency 300 --whiten-covariance --out y.nc --json"
    assert main(words.split()) == 0
    names = ["CorrectLeakage", "GroupPeriods", "SubtractBackground", "SelectFrequencies", "WhitenByCovariance"]
    assert [r["step"] for r in json.loads(capsys.readouterr().out)["steps"]] == names
    y = mpisim.read("y.nc")
    assert dict(y.sizes) | {"frame": 5, "receive": 2, "frequency": 7, "background_frame": 58} == dict(y.sizes)
    np.testing.assert_allclose(y["noise_std"], 1)
    assert main("preprocess y.mdf --drives 100,150 --mixing-order 1 --out z.nc".split()) == 0
    np.testing.assert_allclose(mpisim.read("z.nc")["frequency"], [0, 1e5])


def test_a_preprocessed_matrix_is_written_as_mdf(tmp_path):
    files(tmp_path)
    steps = [SubtractBackground(), DivideTransfer(), SelectFrequencies(min_frequency=2e5)]
    found = apply(steps, mpisim.read(tmp_path / "sm.mdf", raw=True))
    mpisim.write(found, tmp_path / "own.mdf")
    back = mpisim.read(tmp_path / "own.mdf")
    np.testing.assert_allclose(back["system_matrix"], found["system_matrix"], rtol=1e-12)
    assert steps_of(back) == steps_of(found) and back.attrs["preprocessing"]["background"] == "subtracted"


@pytest.mark.parametrize(
    "words, reason",
    [
        ("sm.mdf y.mdf --out sm.nc", "--out must be as many files"),
        ("sm.mdf --background nearest --out a.nc", "--background must be one of runs, equidistant"),
        ("a.nc --background nearest --out b.nc", "--background must be one of runs, equidistant, none"),
        ("sm.mdf --snr-definition max-dev --out a.nc", "--snr-definition must be given together with --row-snr or"),
        ("sm.mdf --row-snr 5 --snr-definition x --out a.nc", "--snr-definition must be one of rms, max-dev"),
        ("sm.mdf --best 0 --out a.nc", "--best must be a whole number of at least 1"),
        ("sm.mdf --channel-weights 1 --out a.nc", "--channel-weights must be one number for each receive channel"),
        ("sm.mdf --stop-band 5 --out a.nc", "--stop-band must be two frequencies"),
        ("sm.mdf --row-snr 1e9 --snr-definition max-dev --out a.nc", "such that frequencies are left"),
        ("sm.mdf --out sm.mdf", "sm.mdf"),
    ],
)
def test_the_command_refuses_with_one_sentence(words, reason, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert main(["preprocess", *words.split()]) == 2
    assert reason in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before
