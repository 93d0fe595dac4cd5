"""Everything around a network: scaling, skip, canonical orientation, data consistency."""

import pytest
import torch

from calib.learned.config import ModelConfig
from calib.learned.model import RecoveryModel
from calib.nets.layers import bicubic_upsample
from mpisim.data.sampling import block_mean


def test_the_skip_is_exact_under_autocast():
    model = RecoveryModel(ModelConfig())
    x = torch.randn(2, 2, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(model.interpolant(x), bicubic_upsample(x, 4))


def test_the_skip_of_strided_samples_is_aligned_with_them():
    """A ramp of samples is continued exactly within the grid (bicubic interpolation is exact for lines)."""
    config = ModelConfig("smrnet", 4, canonical=False, denoise="none", consistency=False)
    ramp = torch.arange(32.0)[None, None, None].expand(1, 2, 32, 32)
    interpolant = RecoveryModel(config).interpolant(ramp[..., ::4, ::4])
    assert torch.allclose(interpolant[..., 4:24], ramp[..., 4:24], atol=1e-4)


@pytest.mark.parametrize("options", [dict(), dict(skip="none"), dict(scaling="minmax", denoise="none")])
def test_model_scales_with_its_input(options):
    """A row c times as strong, with c times the noise, gives c times the result."""
    torch.manual_seed(1)
    model = RecoveryModel(ModelConfig(**options)).eval().double()
    means, sigma = torch.randn(2, 2, 4, 4, dtype=torch.float64), torch.full((2,), 0.05, dtype=torch.float64)
    with torch.no_grad():
        assert torch.allclose(model(1e3 * means, 1e3 * sigma), 1e3 * model(means, sigma), rtol=1e-5, atol=1e-4)


def test_scaling_by_amplitude_distinguishes_strong_rows_from_weak_ones():
    """The scale of rows c times as strong is c^(3/4) times as large, but c times if the matrix is as well."""
    torch.manual_seed(3)
    model = RecoveryModel(ModelConfig(scaling="amplitude")).eval()
    means, unit = torch.randn(3, 2, 4, 4), torch.tensor([1.0, 2.0, 3.0])
    scale = model.scale(means, unit)[1]
    assert torch.allclose(model.scale(1e3 * means, unit)[1], 1e3**0.75 * scale)
    assert torch.allclose(model.scale(1e3 * means, 1e3 * unit)[1], 1e3 * scale)
    with torch.no_grad():
        fine = model(means, torch.zeros(3))
        assert not torch.allclose(model(10 * means, torch.zeros(3)), 10 * fine, rtol=1e-3)
    assert torch.allclose(block_mean(fine, 4), means, atol=1e-5)


def test_exact_block_means_are_preserved_also_of_zero_rows():
    torch.manual_seed(2)
    model = RecoveryModel(ModelConfig()).eval()
    means = torch.randn(2, 2, 4, 6)
    means[1] = 0
    with torch.no_grad():
        fine = model(means, torch.zeros(2))
    assert torch.allclose(block_mean(fine, 4), means, atol=1e-6)


def test_a_canonical_model_commutes_with_mirrors():
    """Block means with x and y exchanged, or x flipped, give the result exchanged or flipped."""
    torch.manual_seed(4)
    model = RecoveryModel(ModelConfig(factor=2, denoise="none")).eval()
    c = torch.arange(8) - 3.5
    row = torch.exp(-(((0.9 * c + 0.4 * c[:, None]) / 2) ** 2))
    means, sigma = torch.stack([row, torch.zeros_like(row)])[None], torch.zeros(1)
    with torch.no_grad():
        fine = model(means, sigma)
        assert torch.allclose(model(means.mT, sigma), fine.mT, atol=1e-5)
        assert torch.allclose(model(means.flip(-1), sigma), fine.flip(-1), atol=1e-5)
