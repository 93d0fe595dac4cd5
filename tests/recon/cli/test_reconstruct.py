import json
from dataclasses import dataclass

import numpy as np
import pytest

import mpisim
import recon
from mpisim.cli.main import main
from tests.recon.problems import small_matrix


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mpisim.write(small_matrix(), "sm.nc")
    return tmp_path


def run(capsys, *words):
    code = main([*words, "--json"])
    output = capsys.readouterr()
    assert code == 0, output.err
    return json.loads(output.out)


def test_measure_and_reconstruct_from_the_command_line(folder, capsys):
    result = run(capsys, "measure", "sm.nc", "--phantom", "tubes", "--left-width", "5", "--gap", "8", "--out", "y.nc")
    assert result["rows"] == 48 and result["snr"] == 30
    y = mpisim.read("y.nc")
    phantom = recon.phantoms.tubes(width_left=5e-3, gap=8e-3)
    assert y.identical(recon.measure(mpisim.read("sm.nc"), phantom, snr=30, seed=0))
    image = run(capsys, "reconstruct", "sm.nc", "y.nc", "--method", "admm", "--out", "reference.nc")
    assert image["feasible"] is True and {"iterations", "least_residual", "psnr_phantom"} <= set(image)
    other = run(
        capsys,
        "reconstruct",
        "sm.nc",
        "y.nc",
        "--method",
        "kaczmarz",
        "--iterations",
        "5",
        "--lambda",
        "0.01",
        "--reference",
        "reference.nc",
        "--out",
        "k.nc",
    )
    a, b = mpisim.read("k.nc")["image"].values, mpisim.read("reference.nc")["image"].values
    assert other["psnr"] == pytest.approx(recon.psnr(a, b)) and other["nrmse"] == pytest.approx(mpisim.nrmse(a, b))
    assert other["ssim"] == pytest.approx(recon.ssim(a, b)) and other["iterations"] == 5
    same = run(capsys, "reconstruct", "sm.nc", "y.nc", "--reference", "reference.nc", "--out", "again.nc")
    assert same["nrmse"] == 0 and same["psnr"] is None  # infinite
    assert mpisim.read("again.nc").identical(mpisim.read("reference.nc"))


def test_options_reach_the_solver(folder, capsys):
    run(
        capsys, "measure", "sm.nc", "--phantom", "shape", "--radius", "3", "--noiseless", "--same-grid", "--out", "y.nc"
    )
    run(
        capsys,
        "reconstruct",
        "sm.nc",
        "y.nc",
        "--noise-db",
        "40",
        "--iterations",
        "30",
        "--a1",
        "0.5",
        "--atv",
        "0.5",
        "--mu",
        "3",
        "--tolerance",
        "0",
        "--signed",
        "--out",
        "image.nc",
    )
    attributes = mpisim.read("image.nc").attrs
    assert attributes["options"] == {
        "a1": 0.5,
        "atv": 0.5,
        "mu": 3.0,
        "iterations": 30,
        "tolerance": 0.0,
        "precision": "auto",
        "non_negative": False,
    }
    assert attributes["noise_db"] == 40 and attributes["iterations"] == 30


def test_the_preset_of_the_publication(folder, capsys):
    run(capsys, "measure", "sm.nc", "--phantom", "tubes", "--out", "y.nc")
    run(capsys, "reconstruct", "sm.nc", "y.nc", "--preset", "transms", "--out", "image.nc")
    image = recon.reconstruct(mpisim.read("sm.nc"), mpisim.read("y.nc"), preset="transms")
    assert mpisim.read("image.nc").identical(image) and image.attrs["options"]["a1"] == 0.95


def test_a_matlab_measurement_is_read(folder, capsys):
    scipy_io = pytest.importorskip("scipy.io")
    rng = np.random.default_rng(0)
    S = rng.standard_normal((12, 16)) + 1j * rng.standard_normal((12, 16))
    scipy_io.savemat("S.mat", {"S": S})
    scipy_io.savemat("b.mat", {"b": (S @ np.eye(16)[5])[:, None], "c": np.ones(3)})
    mpisim.write(mpisim.read("S.mat", "S", mpisim.Grid((4, 4), (0.004, 0.004))), "S.nc")
    result = run(capsys, "reconstruct", "S.nc", "b.mat", "--variable", "b", "--noise-db", "40", "--out", "image.nc")
    assert result["feasible"] is True
    assert int(mpisim.read("image.nc")["image"].values.argmax()) == 5


@pytest.mark.parametrize(
    "words",
    [
        ["measure", "sm.nc", "--out", "y.txt"],
        ["measure", "missing.nc", "--out", "y.nc"],
        ["measure", "sm.nc", "--phantom", "cat", "--out", "y.nc"],
        ["measure", "sm.nc", "--phantom", "shape", "--gap", "3", "--out", "y.nc"],
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
        (["--method", "kaczmarz", "--mu", "1"], "among --lambda, --iterations for the method kaczmarz"),
        (["--mu", "0"], "Input --mu must be a positive number"),
        (["--precision", "half"], "Input --precision must be one of auto, float32, float64"),
        (["--noise-db", "nan"], "Input --noise-db must be a finite number of decibels"),
        (["--eps", "-1"], "Input --eps must be a number of zero or more"),
        (["--method", "sobolev"], "Input --method must be one of admm, kaczmarz, tikhonov"),
    ],
)
def test_messages_name_what_was_typed(folder, capsys, words, sentence):
    mpisim.write(recon.measure(small_matrix(), recon.phantoms.tubes()), "y.nc")
    assert main(["reconstruct", "sm.nc", "y.nc", *words, "--out", "i.nc"]) == 2
    assert sentence in capsys.readouterr().err


def help_text(capsys):
    with pytest.raises(SystemExit):
        main(["reconstruct", "--help"])
    return " ".join(capsys.readouterr().out.split())


def test_help_lists_the_methods_and_their_options(capsys):
    text = help_text(capsys)
    assert all(f"{name}: {solver.summary}" in text for name, solver in recon.METHODS.items())
    assert "admm: most iterations (default 5000); kaczmarz: sweeps over all rows (default 20)" in text
    assert "--lambda V kaczmarz: lambda, without unit (default 0.001)" in text


@dataclass(frozen=True)
class Options:
    scale: float = 1.0
    start_from: str = "zero"
    out: str = "nowhere"  # a flag of the command


def test_options_of_another_package_have_flags(folder, capsys):
    def solve(problem, options):
        return recon.Solution(np.full((256, 1), options.scale * (2 if options.start_from == "two" else 1)))

    recon.METHODS.register("constant", recon.Solver("50 % of nothing", Options, solve))
    try:
        assert "constant: 50 % of nothing" in help_text(capsys)
        run(capsys, "measure", "sm.nc", "--out", "y.nc")
        words = ("--method", "constant", "--scale", "3", "--start-from", "two", "--out", "i.nc")
        run(capsys, "reconstruct", "sm.nc", "y.nc", *words)
        assert np.all(mpisim.read("i.nc")["image"] == 6)
    finally:
        recon.METHODS.unregister("constant")


def test_data_of_unknown_noise_ask_for_a_flag(folder, capsys):
    run(capsys, "measure", "sm.nc", "--noiseless", "--same-grid", "--out", "y.nc")
    assert main(["reconstruct", "sm.nc", "y.nc", "--out", "image.nc"]) == 2
    sentence = "Input y must know its noise_std, or --eps or --noise-db be given, for the method admm; instead received"
    assert sentence in capsys.readouterr().err
