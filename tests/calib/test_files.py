"""Recovery from file to file: in blocks the same numbers as in one, in memory that does not grow."""

import numpy as np
import pytest

import calib
import mpisim
from calib.files import recover_file
from mpisim.data.schema import build
from mpisim.data.views import as_images
from mpisim.errors import InputError
from mpisim.io import write_blocks


@pytest.fixture(scope="module")
def fine():
    return mpisim.simulate(
        mpisim.open_sided_ffl(0.8, angles=6, harmonics=range(2, 6)), mpisim.Particle(24e-9), mpisim.Grid((16, 16))
    )


@pytest.mark.filterwarnings("ignore:The weights transms")  # trained on 32 x 32 voxels
@pytest.mark.parametrize(
    ("method", "factor", "scheme", "snr"),
    [
        ("bicubic-dc", 4, "box", 30),
        ("bicubic-strided", 2, "strided", None),
        ("cs", 2, "random", 30),
        ("transms", 8, "box", 30),  # its network sees rows against the RMS of the whole matrix
        ("transms", 4, "box", None),
        ("profile", 4, "box", 30),
    ],
)
def test_blocks_give_what_the_whole_gives(fine, tmp_path, method, factor, scheme, snr):
    coarse = calib.downsample(fine, factor, scheme, snr=snr, seed=1)
    mpisim.write(coarse, tmp_path / "coarse.nc")
    whole = calib.recover(coarse, method)
    per_angle = coarse["system_matrix"].size // coarse.sizes["angle"]
    told = recover_file(tmp_path / "coarse.nc", tmp_path / "parts.nc", method, values_at_once=4 * per_angle)
    parts = mpisim.read(tmp_path / "parts.nc")
    wanted = {"method": method, "reason": None, "expected_nrmse": None, "rows": 24, "grid": [16, 16], "noise": 0}
    assert {**told, "noise": 0} == wanted
    assert told["noise"]["noise_std"] == pytest.approx(float(coarse["noise_std"])) and not told["noise"]["estimated"]
    assert np.allclose(as_images(parts), as_images(whole), rtol=1e-4, atol=1e-5 * np.abs(as_images(whole)).max())
    for name in whole.coords:
        assert np.array_equal(parts[name].values, whole[name].values)
    assert {**parts.attrs, "recovery": 0} == {**whole.attrs, "recovery": 0}
    assert parts.attrs["recovery"].get("weights") == whole.attrs["recovery"].get("weights")


@pytest.mark.filterwarnings("ignore:The weights transms")  # trained on 32 x 32 voxels
def test_noise_of_some_rows_chooses_one_network_for_all(fine, tmp_path):
    coarse = calib.downsample(fine, 4, snr=None)
    noise = np.zeros((6, 4))
    noise[5, 3] = 0.01 * float(np.abs(coarse["system_matrix"]).max())
    coarse["noise_std"] = (("angle", "frequency"), noise)
    mpisim.write(coarse, tmp_path / "coarse.nc")
    recover_file(tmp_path / "coarse.nc", tmp_path / "fine.nc", "transms", values_at_once=64)
    assert mpisim.read(tmp_path / "fine.nc").attrs["recovery"]["weights"] == "transms_4x.safetensors"


def test_volumes_and_refusals(fine, tmp_path):
    """Rows of several slices; nothing is left of a recovery that fails at its second block."""
    values = np.stack([as_images(fine)[:5], 2j * as_images(fine)[:5]], axis=1)
    coords = {"z": [0.0, 1e-3], "y": fine["y"].values, "x": fine["x"].values}
    dims = ("frequency", "z", "y", "x")
    volume = build("system_matrix", values, dims, coords, stage="fine", origin="measured", units="1")
    mpisim.write(calib.downsample(volume, 2, snr=None), tmp_path / "coarse.nc")
    told = recover_file(tmp_path / "coarse.nc", tmp_path / "fine.nc", "bicubic", values_at_once=1)
    found = mpisim.read(tmp_path / "fine.nc")
    assert told["rows"] == 10 and found["system_matrix"].shape == (5, 2, 16, 16)
    assert np.allclose(
        as_images(found), as_images(calib.recover(calib.downsample(volume, 2, snr=None), "bicubic")), rtol=1e-5
    )
    mpisim.write(volume, tmp_path / "sm.nc")
    before = (tmp_path / "fine.nc").read_bytes()
    for source, name, message in (
        ("sm.nc", "fine.nc", "Input coarse must be a coarse system matrix"),
        ("coarse.nc", "fine.txt", "Input output file must be a .nc or .mdf file"),
        ("none.nc", "fine.nc", "Input file must be an existing file"),
    ):
        with pytest.raises(InputError, match=message):
            recover_file(tmp_path / source, tmp_path / name, "bicubic", values_at_once=1)
    assert (tmp_path / "fine.nc").read_bytes() == before and len(list(tmp_path.iterdir())) == 3


def test_a_fault_of_the_recovery_is_not_taken_for_a_full_disk(fine, tmp_path):
    """What fails between two blocks comes out as it is, and the file that was there stays."""
    (tmp_path / "fine.nc").write_text("kept")

    def blocks():
        yield fine.isel(angle=slice(0, 3))
        raise RuntimeError("of the network")

    with pytest.raises(RuntimeError, match="of the network"):
        write_blocks(blocks(), tmp_path / "fine.nc")
    assert (tmp_path / "fine.nc").read_text() == "kept" and len(list(tmp_path.iterdir())) == 1
