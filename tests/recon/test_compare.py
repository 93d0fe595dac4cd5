import numpy as np
import pytest

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
