"""Compressed sensing of random voxels on a system matrix, from Python and at the command line."""

import json

import numpy as np
import pytest

import calib
import mpisim
from mpisim.cli.main import main
from mpisim.data.views import as_images


@pytest.fixture(scope="module")
def fine():
    return mpisim.simulate(mpisim.open_sided_ffl(0.9, angles=4), mpisim.Particle(24e-9), mpisim.Grid((24, 24)))


def test_what_the_method_promises_on_a_system_matrix(fine):
    exact, noisy = (calib.downsample(fine, 2, "random", snr=snr, seed=2) for snr in (None, 33.7))
    mask = exact["sampled"].values.astype(bool)
    found = calib.recover(exact, "cs")
    top = np.abs(as_images(fine)).max()
    assert np.allclose(as_images(found)[:, mask], as_images(fine)[:, mask], atol=1e-6 * top)
    notes = found.attrs["recovery"]
    assert (notes["margin"], notes["rows_not_converged"]) == (4, 0)
    assert 0 < notes["most_iterations"] < notes["iteration_limit"] and 0 < notes["largest_gap"] < 0.01
    smooth = calib.recover(noisy, "cs")
    eps = float(noisy["noise_std"]) * np.sqrt(mask.sum())
    misfit = np.linalg.norm((as_images(smooth) - as_images(noisy))[:, mask], axis=1)
    assert np.all(misfit < eps * (1 + 1e-4)) and np.any(misfit > eps * (1 - 1e-4))
    assert calib.nrmse(found, fine) < calib.nrmse(smooth, fine) < 1
    each = noisy.assign(noise_std=noisy["noise_std"].broadcast_like(fine["system_matrix"].isel(x=0, y=0, drop=True)))
    assert np.array_equal(as_images(calib.recover(each, "cs")), as_images(smooth))


def test_the_command_line(fine, tmp_path, capsys):
    mpisim.write(calib.downsample(fine, 2, "random", snr=33.7, seed=1), tmp_path / "random.nc")
    mpisim.write(calib.downsample(fine, 2, snr=33.7, seed=1), tmp_path / "box.nc")
    out = tmp_path / "fine.nc"
    assert main(["recover", str(tmp_path / "random.nc"), "--method", "cs", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["grid"] == [24, 24]
    found = mpisim.read(out)
    assert found.attrs["recovery"]["method"] == "cs" and "sampled" not in found
    assert calib.nrmse(found, fine) < 0.3
    assert main(["recover", str(tmp_path / "box.nc"), "--method", "cs", "--out", str(out)]) == 2
    sentence = "Input coarse must be sampled by random for the method cs; instead received box sampling."
    assert sentence in capsys.readouterr().err
