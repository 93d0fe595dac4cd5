"""The main job from end to end: the demo's files, its report, and that its command lines give its numbers."""

import json
import re
import shlex

import numpy as np
import pytest

import mpisim
from mpisim.cli.command import call
from mpisim.cli.main import main
from recon.studies.demo import demo


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    return out, demo(out, factor=4)


def test_every_method_at_hand_is_shown_and_transms_beats_interpolation(result):
    out, summary = result
    methods = summary["methods"]
    assert set(methods) == {"reference", "bicubic", "bicubic-dc", "ridge", "profile", "srcnn", "vdsr", "transms"}
    assert methods["transms"]["nrmse"] < 0.03 < methods["bicubic-dc"]["nrmse"] < methods["bicubic"]["nrmse"]
    assert methods["profile"]["nrmse"] < methods["transms"]["nrmse"]
    assert methods["transms"]["image_psnr"] > methods["bicubic"]["image_psnr"]
    assert methods["reference"]["image_psnr_phantom"] > 12
    stored = json.loads((out / "results.json").read_text())
    assert stored["methods"] == json.loads(json.dumps(methods))


def test_the_report_needs_no_other_file(result):
    out, summary = result
    page = (out / "report.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]{0,40})', page)
    assert len(sources) == 3 and all(s.startswith("data:image/png;base64,") for s in sources)
    assert all(line in page for line in summary["commands"])
    assert f"{100 * summary['methods']['transms']['nrmse']:.2f} %" in page
    for name in ("rows", "errors", "images"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_its_command_lines_give_its_files(result, tmp_path):
    """The listed lines, typed in an empty folder, give the same system matrix, measurement and recovered matrix."""
    out, summary = result
    wanted = [line for line in summary["commands"] if "reconstruct" not in line and "evaluate" not in line]
    assert len(wanted) == 10
    for line in wanted:
        name, *words = shlex.split(line)[1:]
        call(name, [str(tmp_path / w) if w.endswith(".nc") else w for w in words])
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
