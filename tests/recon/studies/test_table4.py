import pytest
import xarray as xr

from mpisim.errors import InputError
from recon.studies.catalogue import STUDIES
from tests.small import SMALL


def test_the_table_holds_the_means_of_the_file(table4):
    out, result = table4
    stored = xr.open_dataset(out / "table4_quick.nc")
    assert stored["method"].values.tolist() == [row["method"] for row in result["table"]]
    for i, row in enumerate(result["table"]):
        for column, figure in (("psnr_db", "psnr"), ("psnr_phantom_db", "psnr_phantom"), ("ssim", "ssim")):
            assert row[column] == pytest.approx(float(stored[figure][i].mean()))
    assert result["reference"]["psnr_phantom"] == pytest.approx(float(stored["reference_psnr_phantom"].mean()))
    assert (out / "table4_quick.png").read_bytes().startswith(b"\x89PNG")


def test_a_short_form_is_not_set_beside_published_figures(table4):
    _, result = table4
    assert "short form" in result["text"] and {row["published_db"] for row in result["table"]} == {None}


def test_images_without_weights_are_left_out_and_named(tmp_path):
    result = STUDIES["table4"](tmp_path, quick=True, methods=("bicubic", "smrnet"), protocol=SMALL)
    smrnet = next(row for row in result["table"] if row["method"] == "smrnet")
    assert smrnet["status"] == "missing" and smrnet["psnr_db"] is None
    assert "mpisim study weights --train --methods smrnet --factors 4" in result["text"]
    assert [line.split()[0] for line in result["text"].splitlines()[2:4]] == ["bicubic", "reference"]


def test_a_study_with_nothing_to_show_is_refused_with_the_command_and_its_hours(tmp_path):
    with pytest.raises(InputError, match=r"smrnet 4x \(`mpisim study weights --train .*` trains them in about 42 min"):
        STUDIES["table4"](tmp_path, quick=True, methods=("smrnet",), protocol=SMALL)
    assert not list(tmp_path.glob("table4*"))
