import math

import numpy as np
import pytest
from skimage.metrics import structural_similarity

import mpisim
import recon
from mpisim import InputError
from tests.recon.problems import small_matrix, small_measurement

RNG = np.random.default_rng(0)
REFERENCE = RNG.uniform(-0.5, 3, (24, 17))
FOUND = REFERENCE + 0.3 * RNG.standard_normal((24, 17))


def test_ssim_agrees_with_scikit_image():
    want = structural_similarity(
        FOUND, REFERENCE, data_range=np.ptp(REFERENCE), gaussian_weights=True, use_sample_covariance=False
    )
    assert recon.ssim(FOUND, REFERENCE) == pytest.approx(want, abs=1e-10)
    assert recon.ssim(REFERENCE, REFERENCE) == pytest.approx(1)


def test_psnr_of_a_known_error():
    error = np.full(REFERENCE.shape, 0.01 * np.abs(REFERENCE).max())
    assert recon.psnr(REFERENCE + error, REFERENCE) == pytest.approx(40)
    assert recon.psnr(REFERENCE, REFERENCE) == math.inf
    assert recon.psnr(5 * FOUND, 5 * REFERENCE) == pytest.approx(recon.psnr(FOUND, REFERENCE))


def test_nrmse_is_the_one_of_mpisim():
    assert recon.nrmse is mpisim.nrmse


def test_datasets_are_compared_by_their_images():
    image = recon.reconstruct(small_matrix(), small_measurement(), method="kaczmarz")
    assert recon.psnr(image, image) == math.inf
    with pytest.raises(InputError, match="Input x must be an image"):
        recon.psnr(small_matrix(), image)


@pytest.mark.parametrize(
    ("metric", "x", "reference"),
    [
        (recon.psnr, FOUND[1:], REFERENCE),
        (recon.psnr, FOUND * np.nan, REFERENCE),
        (recon.psnr, FOUND, 0 * REFERENCE),
        (recon.ssim, FOUND[:9], REFERENCE[:9]),
        (recon.ssim, FOUND, 0 * REFERENCE + 1),
        (recon.ssim, FOUND, REFERENCE.T),
    ],
)
def test_bad_images_get_one_sentence(metric, x, reference):
    with pytest.raises(InputError, match=r"Input .* must be .*; instead received"):
        metric(x, reference)
