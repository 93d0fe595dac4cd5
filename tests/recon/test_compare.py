import numpy as np
import pytest

import mpisim
import recon
from tests.recon.problems import small_matrix, small_measurement

Y = small_measurement()
IMAGE = recon.reconstruct(small_matrix(), Y, method="tikhonov")
OTHER = recon.reconstruct(small_matrix(), Y, method="tikhonov", regularisation=0.1)


def test_figures_are_the_metrics_against_reference_and_phantom():
    figures = recon.image_figures(IMAGE, OTHER, Y)
    x = IMAGE["image"].values
    for suffix, other in (("", OTHER["image"].values), ("_phantom", Y["phantom"].values)):
        for name in ("psnr", "nrmse", "ssim"):
            assert figures[name + suffix] == pytest.approx(getattr(recon, name)(x, other), rel=1e-12)
    assert set(recon.image_figures(IMAGE, measurement=Y)) == {"psnr_phantom", "nrmse_phantom", "ssim_phantom"}
    assert recon.image_figures(IMAGE) == {}


def test_equal_images_have_no_finite_psnr():
    assert recon.image_figures(IMAGE, IMAGE) == {"psnr": None, "nrmse": 0.0, "ssim": pytest.approx(1)}


def test_a_measurement_without_a_fitting_phantom_gives_no_figures():
    narrow = IMAGE.isel(x=slice(10))
    assert recon.image_figures(narrow, measurement=Y) == recon.image_figures(IMAGE, None, Y.drop_vars("phantom")) == {}
    small = recon.image_figures(narrow, OTHER.isel(x=slice(10)))
    assert set(small) == {"psnr", "nrmse"} and np.isfinite(small["psnr"])


def test_frames_have_a_figure_each():
    y = recon.measure(small_matrix(), recon.phantoms.tubes(), snr=30, frames=2)
    images = recon.reconstruct(small_matrix(), y, method="tikhonov")
    figures = recon.image_figures(images, OTHER, y)
    for i in (0, 1):
        alone = recon.image_figures(images.isel(frame=i), OTHER, y)
        assert {name: values[i] for name, values in figures.items()} == alone
    assert recon.image_figures(images, images) == {
        "psnr": [None] * 2,
        "nrmse": [0.0] * 2,
        "ssim": pytest.approx([1, 1]),
    }
    with pytest.raises(mpisim.InputError, match="Input reference must be of the image's shape"):
        recon.image_figures(images, images.isel(frame=[0]))


def test_a_reference_in_another_multiple_of_the_unit():
    grams = OTHER.assign(image=(("y", "x"), OTHER["image"].values, {"units": "T"}))
    milli = IMAGE.assign(image=(("y", "x"), 1e3 * IMAGE["image"].values, {"units": "mT"}))
    assert recon.image_figures(milli, grams) == pytest.approx(recon.image_figures(IMAGE, OTHER))
    assert recon.psnr(milli, grams) == pytest.approx(recon.psnr(IMAGE, OTHER))
    assert recon.ssim(milli, grams) == pytest.approx(recon.ssim(IMAGE, OTHER))
    with pytest.raises(mpisim.InputError, match="Input unit of x must be T"):
        recon.psnr(milli.assign(image=milli["image"].assign_attrs(units="V")), grams)
