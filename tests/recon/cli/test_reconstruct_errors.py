"""What `measure` and `reconstruct` refuse: one sentence that names what was typed, and no file."""

import pytest

import mpisim
import recon
from mpisim.cli.main import main
from tests.recon.problems import small_matrix


@pytest.mark.parametrize(
    "words",
    [
        ["measure", "sm.nc", "--out", "y.txt"],
        ["measure", "missing.nc", "--out", "y.nc"],
        ["measure", "sm.nc", "--phantom", "cat", "--out", "y.nc"],
        ["measure", "sm.nc", "--phantom", "shape", "--gap", "3", "--out", "y.nc"],
        ["measure", "sm.nc", "--phantom", "sm.nc", "--out", "y.nc"],
        ["measure", "sm.nc", "--phantom", "sm.nc", "--size", "20", "--out", "y.nc"],
        ["measure", "sm.nc", "--phantom", "sm.nc", "--size", "20", "--gap", "3", "--out", "y.nc"],
        ["measure", "sm.nc", "--size", "20", "--out", "y.nc"],
        ["measure", "sm.nc", "--center", "1,x", "--out", "y.nc"],
        ["measure", "sm.nc", "--frames", "0", "--out", "y.nc"],
        ["measure", "y.nc", "--out", "y.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--row-mask", "missing.npy", "--out", "i.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--row-mask", "sm.nc", "--out", "i.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--min-frequency", "1e4", "--out", "i.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--out", "y.nc"],
        ["measure", "sm.nc", "--left-width", "-3", "--out", "y.nc"],
        ["measure", "sm.nc", "--gap", "nan", "--out", "y.nc"],
        ["measure", "sm.nc", "--snr", "nan", "--out", "y.nc"],
        ["measure", "sm.nc", "--snr", "3", "--noiseless", "--out", "y.nc"],
        ["reconstruct", "sm.nc", "sm.nc", "--out", "i.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--method", "x", "--out", "i.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--eps", "-1", "--out", "i.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--eps", "small", "--out", "i.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--mu", "0", "--out", "i.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--preset", "mine", "--out", "i.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--method", "kaczmarz", "--preset", "transms", "--out", "i.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--method", "tikhonov", "--lambda", "0", "--out", "i.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--method", "tikhonov", "--mu", "1", "--out", "i.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--iterations", "2.5", "--out", "i.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--eps", "1", "--noise-db", "1", "--out", "i.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--reference", "sm.nc", "--out", "i.nc"],
    ],
)
def test_bad_command_lines_get_one_sentence_and_no_file(folder, capsys, words):
    mpisim.write(recon.measure(small_matrix(), recon.phantoms.tubes()), "y.nc")
    kept = (folder / "y.nc").read_bytes()
    assert main(words) == 2
    result = capsys.readouterr()
    assert result.err.startswith("mpisim: Input ") and result.err.count("\n") == 1 and "instead received" in result.err
    assert not (folder / "i.nc").exists() and not (folder / "y.txt").exists()
    assert (folder / "y.nc").read_bytes() == kept


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--method", "tikhonov", "--lambda", "-1"], "Input --lambda must be a number of zero or more"),
        (["--method", "tikhonov", "--lambda", "much"], "Input --lambda must be a number"),
        (["--method", "kaczmarz", "--iterations", "0"], "Input --iterations must be a whole number"),
        (["--method", "kaczmarz", "--mu", "1"], "among --lambda, --iterations, --order, --seed"),
        (["--method", "fbp", "--lambda", "gcv"], "Input --lambda must be a positive number or auto for the method fbp"),
        (["--mu", "0"], "Input --mu must be a positive number"),
        (["--precision", "half"], "Input --precision must be one of auto, float32, float64"),
        (["--noise-db", "nan"], "Input --noise-db must be a finite number of decibels"),
        (["--min-frequency", "46400"], "Input --min-frequency or --max-frequency must be such that rows are left"),
        (["--row-snr", "-1"], "Input --row-snr must be a number of zero or more"),
        (["--eps", "-1"], "Input --eps must be a number of zero or more"),
        (["--method", "sobolev"], "Input --method must be one of admm, kaczmarz, "),
    ],
)
def test_messages_name_what_was_typed(folder, capsys, words, sentence):
    mpisim.write(recon.measure(small_matrix(), recon.phantoms.tubes()), "y.nc")
    assert main(["reconstruct", "sm.nc", "y.nc", *words, "--out", "i.nc"]) == 2
    assert sentence in capsys.readouterr().err


def test_data_of_unknown_noise_ask_for_a_flag(folder, capsys):
    assert main(["measure", "sm.nc", "--noiseless", "--same-grid", "--out", "y.nc"]) == 0
    assert main(["reconstruct", "sm.nc", "y.nc", "--out", "image.nc"]) == 2
    sentence = (
        "Input y must state its noise_std for the method admm, unless --eps or --noise-db is given; instead received"
    )
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--lambda", "best"), "Input --lambda must be a number or one of auto, discrepancy, l-curve, gcv, hands-free"),
        (("--background-terms", "2"), "Input --background must be given with --background-terms"),
        (("--background", "phase"), "Input --background must be one of frequency, angle, frames"),
        (("--background", "angle", "--background-terms", "12"), "Input --background-terms must be less than the 12"),
        (("--background", "angle", "--background-std", "-1"), "Input --background-std must be"),
    ],
)
def test_bad_rules_and_backgrounds_get_one_sentence(folder, capsys, words, sentence):
    mpisim.write(recon.measure(small_matrix(), recon.phantoms.tubes(), seed=0), "y.nc")
    assert main(["reconstruct", "sm.nc", "y.nc", "--method", "tikhonov", *words, "--out", "i.nc"]) == 2
    assert capsys.readouterr().err.startswith(f"mpisim: {sentence}")
