import json

import numpy as np
import pytest

import mpisim
import recon
from mpisim.cli.main import main
from mpisim.plot.panels import draw_images, save_figure
from tests.recon.problems import small_matrix


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mpisim.write(small_matrix(), "sm.nc")
    return tmp_path


def run(capsys, *words):
    code = main([*words, "--json"])
    told = capsys.readouterr()
    assert code == 0, told.err
    return json.loads(told.out)


def test_measure_and_reconstruct_from_the_command_line(folder, capsys):
    told = run(capsys, "measure", "sm.nc", "--phantom", "tubes", "--left-width", "5", "--gap", "8", "--out", "y.nc")
    assert told["rows"] == 48 and told["snr"] == 30
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


def test_a_matlab_measurement_is_read(folder, capsys):
    scipy_io = pytest.importorskip("scipy.io")
    rng = np.random.default_rng(0)
    S = rng.standard_normal((12, 16)) + 1j * rng.standard_normal((12, 16))
    scipy_io.savemat("S.mat", {"S": S})
    scipy_io.savemat("b.mat", {"b": (S @ np.eye(16)[5])[:, None], "c": np.ones(3)})
    mpisim.write(mpisim.read("S.mat", "S", mpisim.Grid((4, 4), (0.004, 0.004))), "S.nc")
    told = run(capsys, "reconstruct", "S.nc", "b.mat", "--variable", "b", "--noise-db", "40", "--out", "image.nc")
    assert told["feasible"] is True
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
        ["reconstruct", "sm.nc", "y.nc", "--mu", "0", "--out", "i.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--eps", "1", "--noise-db", "1", "--out", "i.nc"],
        ["reconstruct", "sm.nc", "y.nc", "--reference", "sm.nc", "--out", "i.nc"],
    ],
)
def test_bad_command_lines_get_one_sentence_and_no_file(folder, capsys, words):
    mpisim.write(recon.measure(small_matrix(), recon.phantoms.tubes()), "y.nc")
    kept = (folder / "y.nc").read_bytes()
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.err.startswith("mpisim: Input ") and told.err.count("\n") == 1 and "instead received" in told.err
    assert not (folder / "i.nc").exists() and not (folder / "y.txt").exists()
    assert (folder / "y.nc").read_bytes() == kept


def test_images_are_drawn_on_one_scale_in_millimetres(tmp_path):
    y = recon.measure(small_matrix(), recon.phantoms.tubes())
    image = recon.reconstruct(small_matrix(), y, method="kaczmarz", iterations=3)
    figure = draw_images({"truth": y, "image": image})
    first, second = (ax.images[0] for ax in figure.axes[:2])
    assert first.get_clim() == second.get_clim()
    assert np.allclose(first.get_extent(), [-16, 16, -16, 16])
    assert first.origin == "lower" and figure.axes[0].get_xlabel() == "x in mm"
    save_figure(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    for bad in (lambda: draw_images({}), lambda: draw_images({"sm": small_matrix()})):
        with pytest.raises(mpisim.InputError, match=r"Input .* must"):
            bad()
