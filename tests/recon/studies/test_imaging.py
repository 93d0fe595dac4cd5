"""Images of a study are those of the public functions, and the cache holds them."""

import json

import pytest
import xarray as xr

import calib
import recon
from recon.studies.catalogue import STUDIES
from recon.studies.imaging import tube_lengths
from tests.recon.studies.conftest import METHODS
from tests.small import SMALL, Report


def test_figures_are_those_of_the_public_functions(table4):
    """Of the second matrix."""
    out, _ = table4
    fine = SMALL.simulate(SMALL.of("test")[1])
    left, gap = tube_lengths(1)
    assert 2 <= left <= 6 and 8 <= gap <= 12
    y = recon.measure(fine, recon.phantoms.tubes(width_left=left * 1e-3, gap=gap * 1e-3), snr=30, seed=1)
    reference = recon.reconstruct(fine, y, eps="auto", preset="transms")
    coarse = calib.downsample(fine, factor=4, snr=33.7, seed=1)
    image = recon.reconstruct(calib.recover(coarse, "bicubic-dc"), y, eps="auto", preset="transms")
    figures = recon.image_figures(image, reference, y)
    stored = xr.open_dataset(out / "table4_quick.nc")
    at = stored["method"].values.tolist().index("bicubic-dc")
    for key in ("psnr", "psnr_phantom", "ssim", "ssim_phantom"):
        assert float(stored[key][at, 1]) == pytest.approx(figures[key], rel=1e-6), key
    own = recon.image_figures(reference, None, y)
    row = json.loads(next((out / "cache" / "rows").glob("image_reference_*.json")).read_text())["row"]
    assert row["psnr_phantom"][1] == pytest.approx(own["psnr_phantom"], rel=1e-6)
    assert "psnr" not in row and row["eps"][1] == pytest.approx(reference.attrs["eps"])


def test_keys_name_data_settings_and_versions(table4):
    out, _ = table4
    keys = [json.loads(f.read_text())["key"] for f in (out / "cache" / "rows").glob("image_*.json")]
    common = {"matrices", "phantoms", "snr", "image_snr", "eps", "seed", "solver_version"}
    assert len(keys) == 3
    for key in keys:
        assert set(key) in (common, common | {"method", "version", "factor", "weights"})
        method = key.get("method")
        assert key["solver_version"] == 1
        assert method is None or key["version"] == calib.recovery.METHODS[method].version


def test_finished_images_are_read_from_the_cache(table4):
    out, result = table4
    report = Report()
    again = STUDIES["table4"](out, quick=True, methods=METHODS, protocol=SMALL, report=report)
    assert again["table"] == result["table"] and again["reference"] == result["reference"]
    assert report == []  # every computed row is reported


def test_an_interrupted_study_resumes_after_its_finished_rows(table4, tmp_path):
    _, result = table4
    options = {"quick": True, "methods": METHODS, "protocol": SMALL}
    with pytest.raises(KeyboardInterrupt):
        STUDIES["table4"](tmp_path, **options, report=Report(stop="bicubic 4x: images"))
    assert len(list((tmp_path / "cache" / "rows").glob("image_bicubic_4x_*.json"))) == 1
    assert not (tmp_path / "table4_quick.nc").exists()
    report = Report()
    again = STUDIES["table4"](tmp_path, **options, report=report)
    assert again["table"] == result["table"] and report == ["bicubic-dc 4x: images of 3 matrices"]
