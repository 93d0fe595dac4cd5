"""Images by every method: the short form, figures by hand, and the cache."""

import numpy as np
import pytest

import recon
from mpisim import InputError
from recon.studies.catalogue import STUDIES
from recon.studies.method_images import automatic
from tests.small import csv_rows

METHODS = ("tikhonov", "fbp")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("images")
    return out, STUDIES["images"](out, quick=True, methods=METHODS)


def test_every_method_has_an_image_of_every_phantom(made):
    out, result = made
    rows = csv_rows(out / "images_quick.csv")
    assert {(r["method"], r["phantom"]) for r in rows} == {
        (method, phantom) for method in METHODS for phantom in ("tubes", "shape", "resolution")
    }
    assert all(float(r["seconds"]) > 0 and 5 < float(r["psnr"]) < 40 for r in rows)
    assert (out / "images_quick.png").read_bytes().startswith(b"\x89PNG")
    assert [line.split()[0] for line in result["text"].splitlines()[2:]] == list(METHODS)


def test_figures_are_those_of_images_made_by_hand(made):
    """Noise of the seed 0 at 30 dB on data of voxels half as large; lambda from the data."""
    import mpisim

    fine = mpisim.simulate(mpisim.open_sided_ffl(0.7, angles=12), mpisim.Particle(25e-9), mpisim.Grid((16, 16)))
    y = recon.measure(fine, recon.phantoms.shape(), snr=30, seed=0)
    for method in METHODS:
        image = recon.reconstruct(fine, y, method, regularisation="auto")["image"].values
        (row,) = [r for r in made[1]["table"] if r["method"] == method and r["phantom"] == "shape"]
        truth = y["phantom"].values
        assert row["psnr"] == pytest.approx(recon.psnr(image, truth), rel=1e-3)
        assert row["nrmse_percent"] == pytest.approx(100 * recon.nrmse(image, truth), rel=1e-3)
        assert row["ssim"] == pytest.approx(recon.ssim(image, truth), rel=1e-2)


def test_images_come_from_the_cache(made, tmp_path, monkeypatch):
    out, result = made

    def refuse(*_args, **_options):
        raise AssertionError("made again")

    monkeypatch.setattr("recon.studies.method_images.reconstruct", refuse)
    again = STUDIES["images"](tmp_path, quick=True, methods=METHODS, cache=out / "cache")
    assert again["table"] == result["table"]


def test_methods_are_those_of_reconstruction(tmp_path):
    with pytest.raises(InputError, match=r"Input methods must be one of admm, .*; instead received 'bicubic'"):
        STUDIES["images"](tmp_path, quick=True, methods=("bicubic",))


def test_lambda_is_chosen_from_the_data_where_there_is_one():
    assert automatic("admm") == {}
    assert automatic("tikhonov") == {"regularisation": "auto"} == automatic("fbp")
    assert np.all([isinstance(automatic(method), dict) for method in recon.METHODS])
