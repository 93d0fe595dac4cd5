import pytest
import xarray as xr

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


def test_images_of_missing_weights_are_marked(tmp_path):
    result = STUDIES["table4"](tmp_path, quick=True, methods=("smrnet",), protocol=SMALL)
    assert result["table"][0]["status"] == "missing" and result["table"][0]["psnr_db"] is None
    assert "mpisim study weights --train --methods smrnet --factors 4" in result["text"]
