"""The main job from end to end: the demo's files, its report, and that its command lines give its numbers."""

import json
import re
import shlex

import numpy as np
import pytest

import calib
import mpisim
import recon
from mpisim.cli.command import call, parser_of, table
from mpisim.cli.main import main
from recon.cli.demo import KEYS
from recon.studies.demo import _Scanner, available_methods, demo
from recon.studies.report import answers

DEAR = ("auto", "physical")
every = available_methods


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """The demo on the ideal scanner with 20 angles, a third of its own, without the methods that take longest."""
    out = tmp_path_factory.mktemp("demo")
    scanner = tmp_path_factory.mktemp("scanner") / "few_angles.toml"
    scanner.write_text('[scanner]\nclass = "OpenSidedFFL"\nangles = 20\nharmonics = [2, 3, 4, 5, 6, 7, 8, 9]\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "recon.studies.demo.available_methods", lambda *given: [m for m in every(*given) if m not in DEAR]
        )
        return out, demo(out, factor=4, scanner=str(scanner))


def test_every_method_at_hand_is_shown_and_transms_beats_interpolation(result):
    out, summary = result
    methods = summary["methods"]
    assert set(methods) >= {"reference", "bicubic", "bicubic-dc", "ridge", "profile", "srcnn", "vdsr", "transms"}
    assert set(methods) <= {"reference", *calib.METHODS}
    assert methods["transms"]["nrmse"] < 0.03 < methods["bicubic-dc"]["nrmse"] < methods["bicubic"]["nrmse"]
    assert methods["profile"]["nrmse"] < methods["transms"]["nrmse"]
    assert methods["transms"]["image_psnr"] > methods["bicubic"]["image_psnr"]
    assert methods["reference"]["image_psnr_phantom"] > 12
    assert set(summary) - {"text"} == set(KEYS)
    stored = json.loads((out / "results.json").read_text())
    assert stored["methods"] == json.loads(json.dumps(methods))


def test_the_report_needs_no_other_file(result):
    out, summary = result
    page = (out / "report.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]{0,40})', page)
    assert len(sources) == 4 and all(s.startswith("data:image/png;base64,") for s in sources)
    assert all(line in page for line in summary["commands"])
    assert f"{100 * summary['methods']['transms']['nrmse']:.2f} %" in page
    for name in ("summary", "images", "errors", "rows"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_report_opens_with_answers(result):
    out, summary = result
    page = (out / "report.html").read_text()
    asked = re.findall("<dt>(.*?)</dt>", page)
    assert [q.split()[1] for q in asked[:3]] == ["much", "wrong", "does"] and page.index("<dt>") < page.index("<table>")
    assert "64 positions in place of 1024: 16 times fewer" in page
    assert f"reaches {summary['methods']['reference']['image_psnr_phantom']:.1f} dB against the true phantom" in page
    assert page.count("<figcaption>") == page.count("<img ") == 4
    truth = mpisim.read(out / "y.nc")["phantom"].values
    assert summary["image_of_zeros_psnr_phantom"] == pytest.approx(recon.psnr(0 * truth, truth))


def test_the_check_of_room_is_a_reconstruction_of_the_reference_matrix(result):
    out, summary = result
    check, methods = summary["room"], summary["methods"]
    nearest = max((m for m in methods if m != "reference"), key=lambda m: methods[m]["image_psnr_phantom"])
    if check is None:
        assert methods[nearest]["image_psnr_phantom"] <= methods["reference"]["image_psnr_phantom"]
        return
    assert check["method"] == nearest
    image = mpisim.read(out / "image_reference_same_room.nc")
    assert image.attrs["eps"] / image.attrs["least_residual"] == pytest.approx(check["room"], rel=2e-3)
    assert check["image_psnr_phantom"] == pytest.approx(
        recon.psnr(image["image"].values, mpisim.read(out / "y.nc")["phantom"].values)
    )


def test_the_scanner_of_the_demo_is_that_of_its_options():
    tracer = ("--sf-gradient", 0.83, "--particle-diameter", 24.0)
    assert _Scanner.of(None, None, None) == (0.83, 24.0, tracer)
    assert _Scanner.of("ideal", None, 20.0).words == ("--sf-gradient", 0.83, *tracer[2:3], 20.0, "--scanner", "ideal")
    assert _Scanner.of("mild", None, None) == (0.7, 25.0, ("--scanner", "mild"))
    with pytest.raises(mpisim.InputError, match=r"sf_gradient must be 0\.7 T/m, as mild says, or left out"):
        _Scanner.of("mild", 0.8, None)


def made_up(room):
    """A summary of two methods, of which the better matrix gives the worse image."""
    figures = {"a": (0.002, 20.0), "b": (0.1, 23.0)}
    return {
        "configuration": {"factor": 4, "calibration_snr_dB": 40.0},
        "calibration_positions": {"fine": 1024, "coarse": 64},
        "image_of_zeros_psnr_phantom": 6.5,
        "methods": {"reference": {"image_psnr_phantom": 22.0}}
        | {name: {"nrmse": error, "image_psnr_phantom": psnr} for name, (error, psnr) in figures.items()},
        "room": room,
    }


def test_answers_are_those_of_the_numbers():
    said = list(answers(made_up(None), {"mpisim recover coarse.nc --method a --out fine_a.nc": 3.0}).values())
    assert len(said) == 3 and "The recovery takes 3 s at most" in said[0]
    assert "Best is a with an nRMSE of 0.2 % of the whole matrix, worst b with 10 %" in said[1]
    assert "is 1 % of its RMS" in said[1]
    assert "with that of a 20.0 dB (2.0 dB less) and with that of b 23.0 dB (1.0 dB more)" in said[2]
    check = {"method": "b", "eps": 21.0, "reference_eps": 22.0, "room": 1.04, "reference_room": 1.08}
    for value, rest in ((22.95, False), (22.4, True)):
        text = list(answers(made_up(check | {"image_psnr_phantom": value}), {}).values())[3]
        assert ("the rest depends on" in text) == rest and f"has {value:.1f} dB instead of 22.0 dB" in text
        assert "leaves 96 % of ε unexplained, that of the reference matrix 93 %" in text


def test_its_command_lines_give_its_files(result, tmp_path):
    """The listed lines, typed in an empty folder, give the same system matrix, measurement and recovered matrix."""
    out, summary = result
    wanted = [line for line in summary["commands"] if "reconstruct" not in line and "evaluate" not in line]
    assert len(wanted) == 3 + len(summary["methods"]) - 1
    for line in wanted:
        name, *words = shlex.split(line)[1:]
        words = [str(tmp_path / w) if w.endswith(".nc") else w for w in words]
        if name == "recover" and "transms" not in words:
            parser_of(table()[name]).parse_args(words)
        else:
            call(name, words)
    for file in ("sm.nc", "coarse.nc", "y.nc", "fine_transms.nc"):
        again, first = mpisim.read(tmp_path / file), mpisim.read(out / file)
        kind = first.attrs["kind"]
        assert np.allclose(
            again[kind].values, first[kind].values, rtol=1e-5, atol=1e-6 * float(abs(first[kind]).max())
        ), file


def test_a_folder_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("kept")
    assert main(["demo", "--out", str(tmp_path / "file")]) == 2
    assert "Input output folder must be" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "kept"
