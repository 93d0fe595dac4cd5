"""Studies of images, the parts that all studies share, and their command line."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import mpisim
from calib.studies.harness.cache import ResultCache
from calib.studies.harness.protocol import Protocol
from calib.studies.harness.results import deviation, text_table
from calib.studies.harness.study import studies
from mpisim.cli.command import call
from mpisim.cli.main import main
from mpisim.data.grid import Grid
from mpisim.dataset.generation import generate
from mpisim.dataset.spec import DatasetSpec
from mpisim.errors import InputError
from mpisim.io.digest import digest
from recon.studies import imaging as module
from recon.studies.catalogue import STUDIES
from tests.small import CASES, FAMILY, SMALL

METHODS = ("bicubic", "bicubic-dc")


@pytest.fixture(scope="module")
def table4(tmp_path_factory):
    out = tmp_path_factory.mktemp("table4")
    return out, STUDIES["table4"](out, quick=True, methods=METHODS, protocol=SMALL)


def test_table4_is_what_the_commands_give(table4, tmp_path):
    """The figures of the second matrix, made by hand."""
    out, result = table4
    assert "short form" in result["text"] and {r["published_db"] for r in result["table"]} == {None}
    sm, y, coarse, fine, reference, image = (
        str(tmp_path / f"{n}.nc") for n in ("sm", "y", "coarse", "fine", "reference", "image")
    )
    mpisim.write(SMALL.simulate(SMALL.of("test")[1]), sm)
    left, gap = module._tubes(1)
    assert 2 <= left <= 6 and 8 <= gap <= 12
    tubes = ["--phantom", "tubes", "--left-width", left, "--gap", gap]
    call("measure", [sm, *tubes, "--snr", 30, "--seed", 1, "--out", y])
    own = call("reconstruct", [sm, y, "--eps", "auto", "--out", reference])
    call("downsample", [sm, "--factor", 4, "--snr", 33.7, "--seed", 1, "--out", coarse])
    call("recover", [coarse, "--method", "bicubic-dc", "--out", fine])
    found = call("reconstruct", [fine, y, "--eps", "auto", "--reference", reference, "--out", image])
    stored = xr.open_dataset(out / "table4_quick.nc")
    at = stored["method"].values.tolist().index("bicubic-dc")
    for key in ("psnr", "psnr_phantom", "ssim", "ssim_phantom"):
        assert float(stored[key][at, 1]) == pytest.approx(found[key], rel=1e-6), key
    row = next((out / "cache" / "rows").glob("image_reference_*.json"))
    assert json.loads(row.read_text())["row"]["psnr_phantom"][1] == pytest.approx(own["psnr_phantom"], rel=1e-6)
    means = {r["method"]: r["psnr_db"] for r in result["table"]}
    assert means["bicubic-dc"] == pytest.approx(float(stored["psnr"][at].mean()))
    assert (out / "table4_quick.png").read_bytes().startswith(b"\x89PNG")


def test_finished_images_are_not_made_again(table4, monkeypatch):
    out, result = table4
    real = module.call

    def only_the_list(name, arguments):
        assert name == "methods"
        return real(name, arguments)

    monkeypatch.setattr(module, "call", only_the_list)
    again = STUDIES["table4"](out, quick=True, methods=METHODS, protocol=SMALL)
    assert again["table"] == result["table"] and again["reference"] == result["reference"]


def test_an_interrupted_table4_keeps_finished_rows_and_leaves_no_files(table4, tmp_path, monkeypatch):
    _, result = table4
    real, folders, done = module.call, set(), []

    def interrupted(name, arguments):
        if name == "recover":
            folders.add(os.path.dirname(arguments[0]))
            done.append(arguments[2])
            if done.count("bicubic-dc") == 2:
                raise KeyboardInterrupt
        return real(name, arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "call", interrupted)
        STUDIES["table4"](tmp_path, quick=True, methods=METHODS, protocol=SMALL)
    assert len(folders) == 1 and not os.path.exists(folders.pop())
    assert len(list((tmp_path / "cache" / "rows").glob("image_bicubic_4x_*.json"))) == 1
    again = STUDIES["table4"](tmp_path, quick=True, methods=METHODS, protocol=SMALL)
    assert again["table"] == result["table"]


def test_fig7(tmp_path, monkeypatch):
    result = STUDIES["fig7"](tmp_path, quick=True, methods=METHODS, protocol=SMALL)
    assert [row["method"] for row in result["table"]] == ["reference", *METHODS]
    stored = xr.open_dataset(tmp_path / "fig7_quick.nc")
    reference, found = stored["reference"].values, stored["bicubic_4x"].values
    error = np.linalg.norm(found - reference)
    by_hand = 20 * np.log10(np.sqrt(reference.size) * np.abs(reference).max() / error)
    assert result["table"][1]["psnr"] == pytest.approx(by_hand)
    assert stored["phantom"].shape == reference.shape and stored["phantom"].max() == 1
    assert (tmp_path / "fig7_quick.png").is_file()
    monkeypatch.setattr(module.Imaging, "reference", None)  # nothing is made again
    again = STUDIES["fig7"](tmp_path, quick=True, methods=METHODS, protocol=SMALL)
    assert again["table"] == result["table"]
    xr.testing.assert_equal(xr.open_dataset(tmp_path / "fig7_quick.nc").load(), stored)


def test_images_of_missing_weights_are_marked(tmp_path):
    result = STUDIES["table4"](tmp_path, quick=True, methods=("smrnet",), protocol=SMALL)
    assert result["table"][0]["status"] == "missing" and result["table"][0]["psnr_db"] is None
    assert "mpisim study weights --train --methods smrnet --factors 4" in result["text"]


# -- what studies share -----------------------------------------------------------------------------------------------


def test_data_of_the_protocol_are_the_simulated_matrices(tmp_path):
    generate(CASES, FAMILY, tmp_path)
    cells = SMALL.of("test")
    for read, made in zip(SMALL.matrices(cells, tmp_path), SMALL.matrices(cells), strict=True):
        assert np.array_equal(read["system_matrix"].values, made["system_matrix"].values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(grid=Grid((8, 8))), r"size \{.*'y': 8, 'x': 8\} instead of .*16.*grid.shape"),
        (dict(scanner={"angles": 4, "harmonics": (2, 3)}), r"scanner.harmonics \[2, 3\] instead of \[2, 3, 5, 8\]"),
        (dict(scanner={"angles": 4, "harmonics": (2, 3, 5, 8), "drive_amplitude": 0.01}), "scanner.drive_amplitude"),
    ],
)
def test_data_of_another_protocol_are_refused_and_told_apart(tmp_path, changes, message):
    family = DatasetSpec(**{"grid": FAMILY.grid, "scanner": FAMILY.scanner, **changes})
    generate(CASES, family, tmp_path / "data", splits=["test"])
    with pytest.raises(
        InputError, match="Input --data must be of this study's protocol; instead received .*" + message
    ):
        STUDIES["table4"](tmp_path / "out", True, tmp_path / "data", methods=METHODS, protocol=SMALL)


def test_data_of_the_protocol_with_other_values_are_refused(tmp_path):
    """Recovered matrices, say, that lie where the simulated ones should."""
    generate(CASES, FAMILY, tmp_path / "data", splits=["test"])
    file = sorted((tmp_path / "data" / "test").glob("*.nc"))[0]
    data = mpisim.read(file)
    mpisim.write(data.assign(system_matrix=data["system_matrix"] * 1.1), file)
    with pytest.raises(InputError, match="with values that are 10 % off"):
        SMALL.matrices(SMALL.of("test"), tmp_path / "data")


def test_data_that_lack_a_matrix_or_a_split(tmp_path):
    generate(CASES, FAMILY, tmp_path, splits=["test"])
    with pytest.raises(InputError, match=r"without train/g0\.5000_d20\.000\.nc"):
        SMALL.matrices(SMALL.of("train"), tmp_path)
    with pytest.raises(InputError, match="without a folder test"):
        SMALL.matrices(SMALL.of("test"), tmp_path / "train")
    (tmp_path / "test" / f"{SMALL.of('test')[1].name}.nc").unlink()
    with pytest.raises(InputError, match=r"without test/g0\.8000_d24\.000\.nc"):
        SMALL.matrices(SMALL.of("test"), tmp_path)


def test_the_protocol_is_the_papers():
    paper = Protocol()
    assert [len(paper.of(split)) for split in ("train", "validation", "test")] == [66, 30, 34]
    assert len(paper.of("test", 3)) == 3 and paper.of("test", 99) == paper.of("test")
    shown = paper.shown()
    assert shown.sf_gradient == 1.0 and shown.particle_diameter == pytest.approx(24.825e-9)
    assert not {c.name for c in paper.of("train")} & {c.name for c in paper.of("test")}


def test_rows_depend_on_their_key(tmp_path):
    rows, made = ResultCache(tmp_path), []

    def row(**key):
        return rows.row("r", key, lambda: made.append(key) or {"value": 0.1 + len(made)})

    first = row(a=1, b=(2, 3))
    assert row(b=[2, 3], a=1) == first and len(made) == 1
    assert row(a=2, b=(2, 3)) != first and len(made) == 2
    assert ResultCache(tmp_path).row("r", {"a": 1, "b": (2, 3)}, dict) == first


def test_digests_tell_apart_what_looks_alike():
    zeros = np.zeros(4)
    kinds = [zeros, zeros.reshape(2, 2), zeros.astype(np.float32), np.zeros(8, np.float32), [0, 0], {"a": 1}]
    assert len({digest(kind) for kind in kinds}) == len(kinds)
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) and digest(zeros.reshape(2, 2).T) == digest(
        np.zeros((2, 2))
    )


def test_differences_and_tables():
    assert deviation(2.0, 1.6) == pytest.approx(25) and deviation(2.0, 1.6, relative=False) == pytest.approx(0.4)
    assert deviation(None, 1.0) is deviation(1.0, None) is deviation(float("nan"), 1.0) is None
    lines = text_table(("name", "x"), [("a", 1.5), ("long name", None)], ["note"]).splitlines()
    assert lines == ["name         x", "a          1.5", "long name    -", "note"]


# -- the command line -------------------------------------------------------------------------------------------------


def test_every_study_is_listed_and_named(capsys):
    known = studies()
    assert list(known)[:8] == ["table2", "table3", "table4", "fig4", "fig5", "fig6", "fig7", "fig8"]
    assert all(name == study.name for name, study in known.items())
    with pytest.raises(SystemExit):
        main(["study", "--help"])
    text = capsys.readouterr().out
    assert all(f"{name}:" in text for name in known)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["table99"], "Input study must be one of table2, table3, table4"),
        (["table3", "--methods", "foo"], "Input methods must be one of bicubic"),
        (["table3", "--factors", "3"], "Input factors must be one of 2, 4, 8"),
        (["table3", "--factors", "two"], "Input factors must be whole numbers"),
        (["table3", "--steps", "1.5"], "Input steps must be a whole number"),
        (["table3", "--share", "0"], "Input share must be a positive number"),
        (["table3", "--share", "half"], "Input share must be a number"),
        (["table3", "--share", "0.5", "--steps", "4"], "Input share must be left out where steps are given"),
        (["table3", "--data", "{f}/none"], "Input --data must be an existing folder"),
        (["table3", "--quick", "--methods", "bicubic", "--data", "{f}"], "without a folder test"),
        (["table3", "--out", "{f}/file"], "Input output folder must be"),
    ],
)
def test_bad_command_lines_get_one_sentence(tmp_path, capsys, words, message):
    (tmp_path / "file").write_text("")
    words = [w.replace("{f}", str(tmp_path)) for w in words]
    words = words if "--out" in words else [*words, "--out", str(tmp_path / "out")]
    assert main(["study", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("mpisim: ") and captured.err.count("\n") == 1
    assert message in captured.err


def test_json_of_a_study(tmp_path, capsys):
    words = ["table3", "--quick", "--methods", "bicubic,bicubic-dc", "--out", str(tmp_path), "--json"]
    assert main(["study", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["study"] == "table3" and found["quick"] and len(found["table"]) == 4 and "text" not in found
    assert {os.path.basename(f) for f in found["files"]} == {f"table3_quick.{k}" for k in ("nc", "csv", "png")}


def test_listing_studies_loads_no_torch():
    code = "import sys; from calib.studies.harness.study import studies; studies(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
