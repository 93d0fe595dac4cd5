import json
from dataclasses import dataclass

import numpy as np
import pytest

import mpisim
import recon
from mpisim.cli.main import main
from mpisim.errors import DataWarning
from tests.recon.problems import small_matrix


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


def test_frames_and_rows_as_in_python(folder, capsys):
    measured = run(capsys, "measure", "sm.nc", "--frames", "3", "--out", "y.nc")
    assert measured["frames"] == 3 and measured["rows"] == 48
    sm, y = mpisim.read("sm.nc"), mpisim.read("y.nc")
    mask = np.random.default_rng(0).random(48) < 0.7
    np.save("mask.npy", mask)
    np.savetxt("mask.txt", mask)
    f = sm["frequency"].values
    words = (
        "--method",
        "tikhonov",
        "--min-frequency",
        f"{f[1] / 1e3}",
        "--max-frequency",
        f"{f[2] / 1e3}",
        "--row-snr",
        "2",
    )
    for file in ("mask.npy", "mask.txt"):
        printed = run(capsys, "reconstruct", "sm.nc", "y.nc", *words, "--row-mask", file, "--out", "i.nc")
        image = mpisim.read("i.nc")
        rows = {"min_frequency": f[1], "max_frequency": f[2], "row_snr": 2.0, "row_mask": mask}
        assert image["image"].identical(recon.reconstruct(sm, y, "tikhonov", **rows)["image"])
        assert image["image"].dims == ("frame", "y", "x")
        assert (printed["rows"], printed["rows_measured"]) == (int(mask.reshape(12, 4)[:, 1:3].sum()), 48)
        assert len(printed["psnr_phantom"]) == 3


def test_rows_of_several_channels(folder, capsys):
    sm = small_matrix()
    both = np.stack([sm["system_matrix"].values, 2 * sm["system_matrix"].values], axis=1)
    dims = ("angle", "receive", "frequency", "y", "x")
    mpisim.write(sm.drop_vars("system_matrix").assign(system_matrix=(dims, both, {"units": "V"})), "two.nc")
    measured = run(capsys, "measure", "two.nc", "--same-grid", "--frames", "2", "--out", "y.nc")
    assert measured["rows"] == 96
    np.save("first.npy", np.arange(96) // 4 % 2 == 0)
    printed = run(
        capsys, "reconstruct", "two.nc", "y.nc", "--method", "kaczmarz", "--row-mask", "first.npy", "--out", "i.nc"
    )
    assert printed["rows"] == 48 and mpisim.read("i.nc")["image"].dims == ("frame", "y", "x")


def test_a_phantom_from_a_file(folder, capsys):
    values = np.zeros((6, 4))
    values[1, 1:3] = 1.0
    np.save("p.npy", values)
    measured = run(
        capsys, "measure", "sm.nc", "--phantom", "p.npy", "--size", "12x18", "--center", "1,-2", "--out", "y.nc"
    )
    assert measured["phantom"] == "p.npy" and measured["share_outside"] == 0
    phantom = recon.phantoms.from_image("p.npy", (12e-3, 18e-3), (1e-3, -2e-3))
    assert mpisim.nrmse(mpisim.read("y.nc"), recon.measure(mpisim.read("sm.nc"), phantom)) < 1e-9


def warned(capsys, *words):
    """Run a command that warns once; return what it prints and the sentence."""
    with pytest.warns(DataWarning) as caught:
        result = run(capsys, *words)
    assert len(caught) == 1
    return result, str(caught[0].message)


def test_what_does_not_fit_is_said_in_one_line(folder, capsys):
    measured, line = warned(capsys, "measure", "sm.nc", "--length", "100", "--out", "y.nc")
    assert line == (
        "68 % of the tracer of phantom tubes lies outside the field of view of 32 x 32 mm and is cut off: what is "
        "measured is the rest."
    )
    assert measured["share_outside"] == pytest.approx(0.68)
    image, line = warned(capsys, "reconstruct", "sm.nc", "y.nc", "--eps", "0.1", "--iterations", "20", "--out", "i.nc")
    assert line.startswith("With eps = 0.1 no image lies in the noise ball: the least possible residual is ")
    assert image["feasible"] is False and image["least_residual"] > 0.1
    stored = mpisim.read("i.nc").attrs
    assert stored["feasible"] is False and stored["least_residual"] == image["least_residual"]


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
    frames = np.stack([S @ np.eye(16)[i] for i in (5, 9, 2)], axis=1)  # rows x frames
    scipy_io.savemat("f.mat", {"b": np.concatenate([frames.real, frames.imag])})
    words = ("--frames", "last", "--stacked", "--method", "tikhonov")
    run(capsys, "reconstruct", "S.nc", "f.mat", "--variable", "b", *words, "--out", "image.nc")
    assert mpisim.read("image.nc")["image"].values.reshape(3, -1).argmax(axis=1).tolist() == [5, 9, 2]


def test_methods_of_a_field_free_line_need_no_matrix(folder, capsys):
    y = recon.measure(small_matrix(), recon.phantoms.tubes())
    mpisim.write(y, "y.nc")
    mpisim.write(small_matrix(), "sm.nc")
    for method, flags in (("xspace", ["--window", "hann"]), ("fbp", ["--lambda", "0.01"])):
        for name in ("-", "sm.nc"):
            assert main(["reconstruct", name, "y.nc", "--method", method, *flags, "--out", f"image{name}.nc"]) == 0
        images = [mpisim.read(f"image{name}.nc")["image"] for name in ("-", "sm.nc")]
        np.testing.assert_allclose(images[0].values, images[1].values, atol=1e-9)
        wanted = recon.reconstruct(None, y, method, **({"regularisation": 0.01} if method == "fbp" else {}))
        np.testing.assert_allclose(images[0].values, wanted["image"].values, atol=1e-9)
    capsys.readouterr()
    assert main(["reconstruct", "-", "y.nc", "--out", "i.nc"]) == 2
    assert "matrix must be a system matrix for the method admm" in capsys.readouterr().err


def help_text(capsys):
    with pytest.raises(SystemExit):
        main(["reconstruct", "--help"])
    return " ".join(capsys.readouterr().out.split())


def test_help_lists_the_methods_and_their_options(capsys):
    text = help_text(capsys)
    unbroken = text.replace("- ", "-")  # lines end at hyphens, too
    assert all(f"{name}: {solver.summary}" in unbroken for name, solver in recon.METHODS.items())
    sweeps, weight = recon.methods.KaczmarzOptions().iterations, recon.methods.KaczmarzOptions().regularisation
    most = recon.methods.AdmmOptions().iterations
    assert f"admm: most iterations (default {most}); kaczmarz: sweeps over all rows (default {sweeps})" in text
    assert (
        f"--lambda V kaczmarz: lambda, without unit (default {weight})" in text and "in Python regularisation" in text
    )


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


def test_lambda_by_a_rule_and_a_background(folder, capsys):
    y = recon.measure(small_matrix(), recon.phantoms.tubes(), seed=0)
    mpisim.write(y, "y.nc")
    words = ("reconstruct", "sm.nc", "y.nc", "--method", "tikhonov", "--out", "i.nc", "--lambda")
    told = run(capsys, *words, "auto", "--background", "frequency", "--background-std", "0.1")
    expected = recon.reconstruct(
        small_matrix(), y, "tikhonov", regularisation="auto", background=recon.Background("frequency", std=0.1)
    )
    assert mpisim.read("i.nc").identical(expected)
    assert told["regularisation"] == expected.attrs["regularisation"] > 0
    assert told["background_rms"] == expected.attrs["background_rms"] > 0
    assert "regularisation" not in run(capsys, *words, "0.1")


def test_frames_some_at_a_time_give_the_images_of_all_at_once(folder, capsys):
    mpisim.write(recon.measure(small_matrix(), recon.phantoms.tubes(), seed=0, frames=3), "y.nc")
    words = ("reconstruct", "sm.nc", "y.nc", "--method", "kaczmarz", "--lambda", "auto", "--out")
    whole, parts = run(capsys, *words, "all.nc"), run(capsys, *words, "parts.nc", "--frames-at-once", "2")
    assert set(parts) == set(whole) and parts["rows"] == whole["rows"]
    for name in ("psnr_phantom", "regularisation", "residual"):
        assert parts[name] == pytest.approx(whole[name]) and len(parts[name]) == 3
    images = [mpisim.read(name)["image"].values for name in ("all.nc", "parts.nc")]
    np.testing.assert_allclose(*images, atol=1e-12)
    assert mpisim.read("parts.nc")["regularisation"].dims == ("frame",)
