"""The contract every network keeps (sizes, gradients, save and load, precision, parameter count), and its blocks."""

import numpy as np
import pytest
import torch

from calib.learned.checkpoint import load_model, save_model
from calib.learned.model import ModelConfig, RecoveryModel, from_channels, to_channels
from calib.methods.bicubic import apply_separable, bicubic_matrix
from calib.nets import FACTORS, NETS, SMRnet
from calib.nets.layers import bicubic_upsample
from calib.nets.transformer import Attention, sinusoids
from calib.training.recipe import recipe
from mpisim.data.sampling import block_mean
from mpisim.errors import InputError

PARAMETERS = {
    "transms": (714_034, 837_850, 969_578),  # at 2x, 4x, 8x
    "transms-plain": (714_034, 837_850, 969_578),
    "transms-nodc": (714_034, 837_850, 969_578),
    "rdsr": (703_678, 815_882, 926_730),
    "ctsr": (709_698, 865_034, 974_850),
    "cnn-vit": (699_138, 844_770, 960_698),
    "rd-vit": (701_786, 825_602, 937_010),
    "cnn-ct": (717_664, 836_008, 961_160),
    "srcnn": (14_114,) * 3,
    "vdsr": (665_856,) * 3,
    "smrnet": (6_587_970, 6_624_898, 6_661_826),
}
ABLATIONS = ("transms-nodc", "rdsr", "ctsr", "cnn-vit", "rd-vit", "cnn-ct")
CASES = [(name, factor) for name in NETS for factor in FACTORS]


@pytest.mark.parametrize(("name", "factor"), CASES)
def test_contract(name, factor):
    torch.manual_seed(0)
    net = NETS[name].build(factor)
    assert sum(p.numel() for p in net.parameters()) == PARAMETERS[name][FACTORS.index(factor)]
    for height, width in ((2, 2), (4, 6)) if NETS[name].even else ((1, 1), (5, 3)):
        out = net(torch.randn(3, 2, height, width))
        assert out.shape == (3, 2, factor * height, factor * width)
    out.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())
    x = torch.randn(2, 2, 4, 4)
    net.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        half = net(x).float()
    with torch.no_grad():
        full = net(x)
        one_by_one = torch.cat([net(x[:1]), net(x[1:])])
    largest = float(full.abs().max())
    assert torch.allclose(half, full, atol=0.05 * largest)
    assert torch.allclose(one_by_one, full, atol=1e-5 * largest)  # rows do not see each other in evaluation
    for parameter in net.last.parameters():  # a model with a skip starts as its skip
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        assert isinstance(net.last, torch.nn.Conv2d) and not net(x).any()


@pytest.mark.parametrize(("name", "factor"), CASES)
def test_save_and_load(tmp_path, name, factor):
    """Weights come back as they were, and in half precision to 1 % of the largest value."""
    torch.manual_seed(3)
    model = RecoveryModel(recipe(name, factor).model).eval()
    save_model(tmp_path / "w.safetensors", model, {"note": "test"})
    loaded, about = load_model(tmp_path / "w.safetensors")
    means, sigma = torch.randn(2, 2, 4, 4), torch.zeros(2)
    with torch.no_grad():
        wanted = model(means, sigma)
        assert torch.equal(loaded(means, sigma), wanted)
    assert about["note"] == "test"
    assert (about["model"]["method"], about["model"]["factor"]) == (name, factor)
    model.net.half()
    save_model(tmp_path / "half.safetensors", model, {})
    with torch.no_grad():
        found = load_model(tmp_path / "half.safetensors")[0](means, sigma)
    assert found.dtype == torch.float32
    assert torch.allclose(found, wanted, atol=0.01 * float(wanted.abs().max()))


def test_the_skip_is_exact_under_autocast():
    model = RecoveryModel(ModelConfig())
    x = torch.randn(2, 2, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(model.interpolant(x), bicubic_upsample(x, 4))


def test_the_skip_of_strided_samples_lies_where_they_do():
    """A ramp of samples is continued exactly within the grid (bicubic interpolation is exact for lines)."""
    config = ModelConfig("smrnet", 4, canonical=False, denoise="none", consistency=False)
    ramp = torch.arange(32.0)[None, None, None].expand(1, 2, 32, 32)
    found = RecoveryModel(config).interpolant(ramp[..., ::4, ::4])
    assert torch.allclose(found[..., 4:24], ramp[..., 4:24], atol=1e-4)


def test_designs():
    assert set(PARAMETERS) == set(NETS)
    for name, net in NETS.items():
        assert net.scheme in ("box", "strided") and net.skip in ("none", "bicubic"), name
        assert net.scheme == "box" or not net.consistency, f"{name}: block means of strided samples are not known"
    for name in ABLATIONS:
        assert (NETS[name].scheme, NETS[name].skip) == (NETS["transms"].scheme, NETS["transms"].skip)
        assert NETS[name].consistency == (name != "transms-nodc")


@pytest.mark.parametrize("name", ABLATIONS)
def test_ablations_are_as_large_as_what_they_ablate(name):
    assert np.allclose(PARAMETERS[name], PARAMETERS["transms"], rtol=0.05)


def test_ablations_lack_what_they_ablate():
    kinds = {name: {type(m).__name__ for m in NETS[name].build(4).modules()} for name in ABLATIONS}
    for name, found in kinds.items():
        assert ("DenseBranch" in found) == (name in ("transms-nodc", "rdsr", "rd-vit")), name
        assert ("PlainBranch" in found) == (name in ("cnn-vit", "cnn-ct")), name
        assert ("TransformerStage" in found) == (name != "rdsr"), name
        assert ("BatchNorm2d" in found) == (name in ("transms-nodc", "ctsr", "cnn-ct")), name  # of the projections


@pytest.mark.parametrize("name", NETS)
def test_refused_rows(name):
    net = NETS[name].build(2)
    for shape in [(1, 3, 4, 4), (2, 4, 4), (1, 2, 0, 4)] + [(1, 2, 3, 4), (1, 2, 4, 3)] * NETS[name].even:
        with pytest.raises(InputError, match=r"Input rows of .* must be of shape \(rows, 2, h, w\)"):
            net(torch.zeros(shape))


@pytest.mark.parametrize("factor", [3, 16])
def test_unknown_factor(factor):
    with pytest.raises(InputError, match="Input factor must be one of 2, 4, 8"):
        RecoveryModel(ModelConfig(factor=factor))


@pytest.mark.parametrize("options", [dict(), dict(skip="none"), dict(scaling="minmax", denoise="none")])
def test_model_scales_with_its_input(options):
    """A row c times as strong, with c times the noise, gives c times the result."""
    torch.manual_seed(1)
    model = RecoveryModel(ModelConfig(**options)).eval().double()
    means, sigma = torch.randn(2, 2, 4, 4, dtype=torch.float64), torch.full((2,), 0.05, dtype=torch.float64)
    with torch.no_grad():
        assert torch.allclose(model(1e3 * means, 1e3 * sigma), 1e3 * model(means, sigma), rtol=1e-5, atol=1e-4)


def test_scaling_by_amplitude_tells_strong_rows_from_weak_ones():
    """Rows c times as strong are scaled c^(3/4) times, c times with all of their matrix; exact block means stay."""
    torch.manual_seed(3)
    model = RecoveryModel(ModelConfig(scaling="amplitude")).eval()
    means, unit = torch.randn(3, 2, 4, 4), torch.tensor([1.0, 2.0, 3.0])
    scale = model.scale(means, unit)[1]
    assert torch.allclose(model.scale(1e3 * means, unit)[1], 1e3**0.75 * scale)
    assert torch.allclose(model.scale(1e3 * means, 1e3 * unit)[1], 1e3 * scale)
    with torch.no_grad():
        found = model(means, torch.zeros(3))
        assert not torch.allclose(model(10 * means, torch.zeros(3)), 10 * found, rtol=1e-3)
    assert torch.allclose(block_mean(found, 4), means, atol=1e-5)


def test_model_keeps_exact_block_means_and_takes_zero_rows():
    torch.manual_seed(2)
    model = RecoveryModel(ModelConfig()).eval()
    means = torch.randn(2, 2, 4, 6)
    means[1] = 0
    with torch.no_grad():
        found = model(means, torch.zeros(2))
    assert torch.allclose(block_mean(found, 4), means, atol=1e-6)


def test_a_canonical_model_treats_equivalent_rows_alike():
    """Block means with x and y exchanged, x flipped give the result changed likewise."""
    torch.manual_seed(4)
    model = RecoveryModel(ModelConfig(factor=2, denoise="none")).eval()
    c = torch.arange(8) - 3.5
    row = torch.exp(-(((0.9 * c + 0.4 * c[:, None]) / 2) ** 2))
    means, sigma = torch.stack([row, torch.zeros_like(row)])[None], torch.zeros(1)
    with torch.no_grad():
        found = model(means, sigma)
        assert torch.allclose(model(means.mT, sigma), found.mT, atol=1e-5)
        assert torch.allclose(model(means.flip(-1), sigma), found.flip(-1), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(scaling="minmax"), "Input scaling must be rms or amplitude where rows are denoised"),
        (dict(method="smrnet"), "Input model of smrnet must be without canonical, denoise and consistency"),
        (dict(denoise="wavelets"), "Input denoise must be one of ridge, none"),
    ],
)
def test_models_that_make_no_sense(options, message):
    with pytest.raises(InputError, match=message):
        ModelConfig(**options)


def test_damaged_and_foreign_weights(tmp_path):
    file = tmp_path / "w.safetensors"
    with pytest.raises(InputError, match="must be an existing file"):
        load_model(file)
    file.write_bytes(b"not weights")
    with pytest.raises(InputError, match="must be a readable safetensors file"):
        load_model(file)
    model = RecoveryModel(ModelConfig(factor=4))
    save_model(file, model, {})
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="must be a readable safetensors file"):
        load_model(file)
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(InputError, match="must be weights as they were written; instead received a file with other"):
        load_model(file)
    torch.nn.init.constant_(model.net.last.bias, torch.nan)
    save_model(file, model, {})
    with pytest.raises(InputError, match="must be weights of finite numbers"):
        load_model(file)
    model.net.last = torch.nn.Conv2d(48, 3, 3)
    save_model(file, model, {})
    with pytest.raises(InputError, match="the weights of transms at 4x; instead received a file with last"):
        load_model(file)


def test_channels_round_trip():
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal((2, 3, 4)) + 1j * rng.standard_normal((2, 3, 4))).astype(np.complex64)
    assert np.array_equal(from_channels(to_channels(rows)), rows)


# -- blocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (3, 5)])
def test_bicubic_upsampling_is_that_of_the_interpolation_also_in_half_precision(shape):
    x = torch.randn(2, 2, *shape, dtype=torch.float64)
    expected = apply_separable(*(bicubic_matrix(n, 4) for n in shape), x.numpy())
    assert np.allclose(bicubic_upsample(x, 4), expected, atol=1e-14)
    with torch.autocast("cpu", torch.bfloat16):
        assert np.allclose(bicubic_upsample(x.float(), 4), expected, atol=1e-5)


@pytest.mark.parametrize("linear", [False, True])
def test_only_linear_projections_do_not_know_where_a_token_is(linear):
    """Attention of exchanged tokens is the exchanged attention, unless convolutions project."""
    torch.manual_seed(4)
    attention = Attention(8, heads=2, head_channels=4, linear=linear).eval().double()
    x = torch.randn(2, 8, 4, 6, dtype=torch.float64)
    order = torch.randperm(24)
    with torch.no_grad():
        exchanged = attention(x.flatten(2)[..., order].unflatten(2, (4, 6)))
        same = torch.allclose(exchanged, attention(x)[:, order], atol=1e-12)
    assert same == linear


def test_sinusoids_tell_every_token_apart_whatever_the_size():
    like = torch.zeros(1, 1, 68)
    small, large = sinusoids(3, 5, like).reshape(3, 5, 68), sinusoids(32, 16, like).reshape(32, 16, 68)
    assert torch.equal(small, large[:3, :5])
    distances = torch.cdist(large.flatten(0, 1), large.flatten(0, 1)) + 9 * torch.eye(32 * 16)
    assert distances.min() > 0.5
    assert torch.allclose(large.square().sum(-1), torch.tensor(34.0))


def test_vdsr_starts_without_loss_or_growth_of_signal():
    """He's weights keep the mean square through nineteen layers but for the edges, where zeros are padded."""
    torch.manual_seed(5)
    body = NETS["vdsr"].build(2).body
    with torch.no_grad():
        out = body(torch.randn(4, 2, 32, 32))
    assert 0.1 < float(out.square().mean() / 0.5) < 10  # the last ReLU leaves half


def test_smrnet_starts_with_blocks_close_to_the_identity():
    torch.manual_seed(6)
    x = torch.randn(2, 64, 8, 8)
    for block in SMRnet(2, depth=1).trunk[0].blocks:
        with torch.no_grad():
            changed = block(x) - x
        assert 0 < float(changed.norm() / x.norm()) < 0.05
