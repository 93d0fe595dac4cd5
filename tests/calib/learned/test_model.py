"""Everything around a network: scaling, skip, canonical orientation, data consistency."""

import pytest
import torch

from calib.learned.config import ModelConfig
from calib.learned.model import RecoveryModel
from calib.learned.padding import padded
from calib.methods.bicubic import interpolate_means
from calib.methods.geometry import CENTERED, Geometry
from calib.nets.layers import bicubic_upsample
from mpisim.data.blocks import block_mean


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


def test_coarse_rows_are_continued_along_lines_to_whole_blocks_and_even_sides():
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(16.0), indexing="ij")
    plane = (1 + 0.5 * x - 0.2 * y).expand(1, 2, 20, 16)
    whole, partial = block_mean(plane, 4), block_mean(plane[..., :17, :11], 4)  # 5 x 4 blocks, and 5 x 3
    found = padded(partial, 4, Geometry(over=(3, 1)), even=True)
    assert found.shape == (1, 2, 6, 4)
    assert torch.allclose(found[..., :5, :], whole, atol=1e-5)
    assert torch.allclose(found[..., 5, :], 2 * found[..., 4, :] - found[..., 3, :], atol=1e-5)
    assert padded(whole[..., :4, :], 4, CENTERED, even=True).data_ptr() == whole.data_ptr()  # as it is
    assert torch.equal(padded(whole[..., :1, :2], 4, CENTERED, even=True)[..., 1, :], whole[..., 0, :2])


@pytest.mark.parametrize("method", ["transms", "vdsr"])
def test_an_untrained_model_on_any_grid_is_the_interpolant(method):
    """On 7 x 5 voxels in blocks of 2 its output is cut to these, and exact means are kept."""
    torch.manual_seed(0)
    model = RecoveryModel(ModelConfig(method=method, factor=2, denoise="none", consistency=method == "transms")).eval()
    torch.nn.init.zeros_(model.net.last.weight)
    if model.net.last.bias is not None:
        torch.nn.init.zeros_(model.net.last.bias)
    fine, geometry = torch.randn(3, 2, 7, 5), Geometry(over=(1, 1))
    means = block_mean(fine, 2)
    with torch.inference_mode():
        found = model(means, torch.zeros(3), geometry)
    assert found.shape == fine.shape
    if method == "transms":
        assert torch.allclose(block_mean(found, 2), means, atol=1e-5)
    else:
        assert torch.allclose(found, torch.from_numpy(interpolate_means(means.numpy(), 2, (7, 5))).float(), atol=1e-5)
