"""Studies of images."""

import json
import os

import numpy as np
import pytest
import xarray as xr

import mpisim
from mpisim.cli.command import call
from recon.studies import imaging as module
from recon.studies.catalogue import STUDIES
from tests.small import SMALL

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
