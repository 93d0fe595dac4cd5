"""The protocol of recovery, and the methods that need no weights."""

import numpy as np
import pytest
import torch

import calib
import mpisim
from calib.batches import to_channels
from calib.methods.consistency import nearest_consistent
from mpisim.data.blocks import block_mean
from mpisim.data.views import as_images
from mpisim.errors import DataWarning, InputError


@pytest.fixture(scope="module")
def fine():
    return mpisim.simulate(mpisim.open_sided_ffl(0.9, angles=8), mpisim.Particle(24e-9))


@pytest.mark.filterwarnings("ignore:.* instead of linear-bayes, because the prior does not have all angles")
@pytest.mark.parametrize("method", [m for m, about in calib.METHODS.items() if not about.learned])
def test_every_classical_method(fine, method, tmp_path):
    """Shape, axes and provenance are the fine matrix's, and the error falls with finer sampling."""
    scheme = calib.METHODS[method].samplings[0]
    errors = []
    for factor in (2, 4, 8):
        found = calib.recover(calib.downsample(fine, factor, scheme, seed=1, snr=None), method)
        assert found["system_matrix"].dims == fine["system_matrix"].dims
        assert np.allclose(found["x"], fine["x"], atol=1e-12) and np.allclose(found["y"], fine["y"], atol=1e-12)
        assert (found.attrs["stage"], found.attrs["origin"]) == ("fine", "recovered")
        assert found.attrs["recovery"]["method"] == ("physical" if method == "auto" else method)
        assert found.attrs["scanner"] == fine.attrs["scanner"]
        errors.append(calib.nrmse(found, fine))
    assert 0 < errors[0] < errors[1] < errors[2]
    mpisim.write(found, tmp_path / "fine.nc")
    assert mpisim.read(tmp_path / "fine.nc").identical(found)


def test_alignment_helps_strided_samples(fine):
    coarse = calib.downsample(fine, 4, "strided", snr=None)
    aligned, published = (
        calib.nrmse(calib.recover(coarse, m), fine) for m in ("bicubic-strided-aligned", "bicubic-strided")
    )
    assert aligned < 0.6 * published


@pytest.mark.parametrize("snr", [None, 33.7])
def test_bicubic_dc_is_the_projection_of_bicubic_in_two_real_channels_too(fine, snr):
    coarse = calib.downsample(fine, 4, snr=snr, seed=3)
    start, found = calib.recover(coarse, "bicubic"), calib.recover(coarse, "bicubic-dc")
    sigma = torch.full((len(as_images(coarse)),), float(coarse["noise_std"]), dtype=torch.float64)
    scale = float(np.abs(as_images(coarse)).max())
    wanted = nearest_consistent(
        to_channels(as_images(start) / scale).double(),
        to_channels(as_images(coarse) / scale).double(),
        sigma / scale,
        4,
    )
    assert np.allclose(to_channels(as_images(found) / scale), wanted, atol=2e-6)
    if snr is None:
        assert np.allclose(block_mean(as_images(found), 4), as_images(coarse), atol=1e-6 * scale)


def test_rectangular_and_measured_matrices(fine):
    """Rows without harmonics, in any unit, on 8 x 12 voxels."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((5, 8, 12)) + 1j * rng.standard_normal((5, 8, 12))
    from mpisim.data.schema import build

    coords = {"y": (np.arange(8) - 3.5) * 1e-2, "x": (np.arange(12) - 5.5) * 1e-2}
    measured = build(
        "system_matrix",
        values,
        ("frequency", "y", "x"),
        coords,
        stage="fine",
        origin="measured",
        units="1",
        noise_std=0.0,
    )
    for method in ("bicubic", "bicubic-dc"):
        found = calib.recover(calib.downsample(measured, 2, snr=None), method)
        assert found["system_matrix"].shape == (5, 8, 12)
        assert np.allclose(found["x"], measured["x"]) and np.allclose(found["y"], measured["y"])


def test_a_matrix_in_another_unit_is_recovered_alike(fine):
    """Whatever the scaling of rows, a whole matrix may come in any unit."""
    from calib.learned.apply import apply_model
    from calib.learned.config import ModelConfig
    from calib.learned.model import RecoveryModel

    coarse = calib.downsample(fine, 4, snr=33.7, seed=0)
    other = coarse.copy()
    other["system_matrix"], other["noise_std"] = 1e6 * coarse["system_matrix"], 1e6 * coarse["noise_std"]
    for scaling in ("rms", "amplitude"):
        torch.manual_seed(0)
        model = RecoveryModel(ModelConfig(scaling=scaling)).eval()
        a, b = (as_images(apply_model(model, c)) for c in (coarse, other))
        assert np.linalg.norm(b / 1e6 - a) < 1e-4 * np.linalg.norm(a)


def test_the_protocol_refuses(fine, tmp_path):
    coarse = calib.downsample(fine, 4, snr=None)
    with pytest.raises(InputError, match=r"Input method must be one of bicubic, .*; instead received 'magic'"):
        calib.recover(coarse, "magic")
    with pytest.raises(InputError, match="Input coarse must be a coarse system matrix; instead received a fine one"):
        calib.recover(fine, "bicubic")
    with pytest.raises(InputError, match="sampled by strided for the method bicubic-strided; instead received box"):
        calib.recover(coarse, "bicubic-strided")
    with pytest.raises(InputError, match="Input weights must be left out for the method bicubic"):
        calib.recover(coarse, "bicubic", tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="must be an existing file"):
        calib.recover(coarse, "transms", tmp_path / "w.safetensors")


def test_weights_of_another_factor_and_odd_sides(fine, tmp_path):
    from calib.learned.checkpoint import save_model
    from calib.learned.config import ModelConfig
    from calib.learned.model import RecoveryModel

    save_model(tmp_path / "w.safetensors", RecoveryModel(ModelConfig(factor=2)), {})
    with pytest.raises(
        InputError, match="Input weights must be made for transms at 4x; instead received transms at 2x"
    ):
        calib.recover(calib.downsample(fine, 4, snr=None), "transms", tmp_path / "w.safetensors")
    odd = mpisim.simulate(
        mpisim.open_sided_ffl(0.9, angles=2), mpisim.Particle(24e-9), mpisim.Grid((20, 6), (0.02, 0.006))
    )
    with pytest.warns(DataWarning, match="do not state what they were trained on"):
        found = calib.recover(calib.downsample(odd, 2, snr=None), "transms", tmp_path / "w.safetensors")
    assert found["system_matrix"].shape == odd["system_matrix"].shape  # of 10 x 3 block means, padded to 10 x 4


@pytest.mark.filterwarnings(
    "ignore:The weights transms",
    "ignore:.*rows are not constant along a line",
    "ignore:.*rows do not fit",
    "ignore:.* instead of linear-bayes, because the prior has 32 x 32 voxels",
)
@pytest.mark.parametrize("method", [m for m, about in calib.METHODS.items() if not about.learned] + ["transms"])
def test_recovery_does_not_depend_on_the_unit(method):
    """To rounding, for every method, in double precision, which holds the weakest rows of such matrices."""
    scanner = mpisim.open_sided_ffl(0.9, angles=3, harmonics=(2, 3))
    fine = mpisim.simulate(scanner, mpisim.Particle(24e-9), mpisim.Grid((16, 16)))
    coarse = calib.downsample(fine, 2, calib.METHODS[method].samplings[0], snr=33.7, seed=1)
    coarse["system_matrix"] = coarse["system_matrix"].astype(complex)
    wanted = as_images(calib.recover(coarse, method))
    for scale in (1e-30, 1e30):
        scaled = coarse.copy(deep=True)
        scaled["system_matrix"] *= scale
        scaled["noise_std"] *= scale
        found = as_images(calib.recover(scaled, method)) / scale
        assert np.linalg.norm(found - wanted) < 1e-5 * np.linalg.norm(wanted), scale


def test_a_matrix_of_a_single_particle(tmp_path):
    """Voltages of 1e-46 V, which single precision does not hold, come through simulation, files and recovery."""
    scanner, particle, grid = mpisim.open_sided_ffl(0.9, angles=4), mpisim.Particle(24e-9), mpisim.Grid((16, 16))
    errors = []
    for concentration in (1e20, 1e-20):
        fine = mpisim.simulate(scanner, particle, grid, mpisim.Sample(concentration=concentration))
        mpisim.write(calib.downsample(fine, 2, snr=33.7, seed=1), tmp_path / "coarse.nc")
        errors.append(calib.nrmse(calib.recover(mpisim.read(tmp_path / "coarse.nc"), "bicubic-dc"), fine))
    assert np.isclose(*errors, rtol=1e-4)
