"""Images from recovered matrices of realistic scanners: figures by hand, and the cache, on small scanners."""

import numpy as np
import pytest
import xarray as xr

import mpisim
import recon
from calib.recovery import recover
from mpisim.data.downsampling import downsample
from recon.studies.catalogue import STUDIES
from tests.small import csv_rows

METHODS = ("bicubic-dc", "profile-prior")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A data set of a strong scanner and one outside, and the folder of the study."""
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("out")
    for split, level, gradient in (("test", "strong", 0.6), ("outside", "outside", 0.8)):
        (data / split).mkdir()
        scanner = mpisim.open_sided_ffl(gradient, angles=6, harmonics=(2, 3, 4))
        fine = mpisim.simulate(scanner, mpisim.Particle(22e-9), mpisim.Grid((16, 16)))
        mpisim.write(fine.assign_attrs(scanner_level=level), data / split / f"0000_{level}.nc")
    result = STUDIES["realistic-images"](out, data=data, methods=METHODS, factors=(2, 4))
    return data, out, result


def test_figures_are_those_of_images_made_by_hand(made):
    data, out, _ = made
    fine = mpisim.read(data / "outside" / "0000_outside.nc")
    y = recon.measure(fine, recon.phantoms.tubes(), snr=30, seed=0, same_grid=True)
    matrices = fine, recover(downsample(fine, 4, snr=33.7, seed=0), "profile-prior")
    options = {"eps": "auto", "a1": 0.5, "atv": 0.5}
    reference, image, plain = (
        recon.reconstruct(matrix, y, use_std=std, **options)["image"].values
        for matrix, std in ((matrices[0], True), (matrices[1], True), (matrices[1], False))
    )
    wanted = {"level": "outside", "phantom": "tubes", "factor": "4", "method": "profile-prior"}
    (row,) = [r for r in csv_rows(out / "realistic_images.csv") if wanted.items() <= r.items()]
    assert float(row["psnr"]) == pytest.approx(recon.psnr(image, reference), rel=1e-4)
    assert float(row["without_std"]) == pytest.approx(recon.psnr(plain, reference), rel=1e-4)
    assert float(row["psnr_phantom"]) == pytest.approx(recon.psnr(image, y["phantom"].values), rel=1e-4)
    assert float(row["nrmse_percent"]) == pytest.approx(100 * mpisim.nrmse(matrices[1], fine), rel=1e-4)


def test_all_methods_factors_and_the_reference_are_there(made):
    _, out, result = made
    table = result["table"]
    assert {(r["method"], r["factor"]) for r in table} == {("reference", None)} | {
        (method, factor) for method in METHODS for factor in (2, 4)
    }
    assert all(r["psnr"] is None and r["without_std"] is None for r in table if r["method"] == "reference")
    stating = [r for r in table if r["method"] == "bicubic-dc"]
    assert stating and all(r["without_std"] not in (None, r["psnr"]) for r in stating)  # weights change its images
    stored = xr.open_dataset(out / "realistic_images.nc").load()
    assert not np.isnan(stored["psnr"].sel({"method": list(METHODS), "factor": [2, 4]})).any()
    assert (out / "realistic_images.png").read_bytes().startswith(b"\x89PNG")


def test_images_come_from_the_cache(made, tmp_path, monkeypatch):
    data, out, result = made

    def refuse(*_args, **_options):
        raise AssertionError("made again")

    monkeypatch.setattr("recon.studies.realistic_images.recovered_by", refuse)
    monkeypatch.setattr("recon.studies.realistic_images.reconstruct", refuse)
    options = {"data": data, "methods": METHODS, "factors": (2, 4), "cache": out / "cache"}
    again = STUDIES["realistic-images"](tmp_path, **options)
    assert again["table"] == result["table"]
