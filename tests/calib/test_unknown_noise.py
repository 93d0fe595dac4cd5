"""Coarse matrices that do not state their noise: the level is estimated, used, said and written, or given."""

import json
import os

import numpy as np
import pytest
import xarray as xr

import calib
import mpisim
from mpisim.cli.main import main
from mpisim.data.noise import complex_gaussian, rms
from mpisim.data.noise_level import with_noise
from mpisim.data.views import as_images
from mpisim.errors import DataWarning, InputError

SNR = 33.7


@pytest.fixture(scope="module")
def fine():
    return mpisim.simulate(mpisim.open_sided_ffl(0.865, angles=24), mpisim.Particle(24e-9))


@pytest.fixture(scope="module")
def known(fine):
    return calib.downsample(fine, 4, snr=SNR, seed=1)


@pytest.fixture(scope="module")
def unknown(known):
    return known.drop_vars("noise_std")


@pytest.mark.filterwarnings("ignore::mpisim.errors.DataWarning")
@pytest.mark.parametrize(("method", "factor"), [("bicubic-dc", 2), ("bicubic-dc", 8), ("profile", 4)])
def test_with_the_estimate_recovery_is_as_good_as_with_the_level(fine, method, factor):
    coarse = calib.downsample(fine, factor, snr=SNR, seed=2)
    bare = coarse.drop_vars("noise_std")
    found = calib.recover(bare, method)
    assert calib.nrmse(found, fine) < 1.05 * calib.nrmse(calib.recover(coarse, method), fine)
    if method == "profile":  # as if there were no noise it is far worse
        assert calib.nrmse(found, fine) < 0.5 * calib.nrmse(calib.recover(bare, method, noiseless=True), fine)


def test_the_estimate_is_said_and_written(known, unknown):
    with pytest.warns(DataWarning, match="is not stated; .* was estimated from its rows and is used"):
        found = calib.recover(unknown, "bicubic-dc")
    noise = found.attrs["recovery"]["noise"]
    assert noise["estimated"] and noise["noise_std"] == pytest.approx(float(known["noise_std"]), rel=0.1)
    assert noise["snr"] == pytest.approx(SNR, abs=1) and "noise_std" not in found
    assert "noise" not in calib.recover(known, "bicubic-dc").attrs["recovery"]


def test_a_given_level_is_used_in_place_of_an_estimate(known, unknown):
    wanted = as_images(calib.recover(known, "bicubic-dc"))
    found = calib.recover(unknown, "bicubic-dc", noise_std=float(known["noise_std"]))
    assert np.array_equal(as_images(found), wanted) and found.attrs["recovery"]["noise"]["estimated"] is False
    exact = calib.recover(unknown, "bicubic-dc", noiseless=True)
    assert np.array_equal(as_images(exact), as_images(calib.recover(with_noise(unknown, noise_std=0), "bicubic-dc")))
    by_snr = calib.recover(unknown, "bicubic-dc", snr=SNR)
    assert np.array_equal(as_images(by_snr), as_images(calib.recover(with_noise(unknown, snr=SNR), "bicubic-dc")))
    with pytest.warns(DataWarning, match="^The noise level that was given, .* replaces .* of coarse"):
        calib.recover(known, "bicubic-dc", snr=20)
    with pytest.raises(InputError, match="Input noise level must be given once"):
        calib.recover(unknown, "bicubic-dc", snr=20, noiseless=True)


@pytest.mark.filterwarnings("ignore::mpisim.errors.DataWarning")
def test_without_a_method_too(unknown):
    assert calib.recover(unknown).attrs["recovery"]["noise"]["estimated"]


def test_a_method_without_use_for_the_noise_takes_unknown_noise(unknown):
    assert "noise" not in calib.recover(unknown, "bicubic").attrs["recovery"]


def test_what_cannot_be_estimated_is_asked_for(unknown):
    one = unknown.isel(angle=[0], frequency=[0])
    with pytest.warns(DataWarning, match="at most .* give snr, noise_std or noiseless for a better recovery"):
        assert calib.recover(one, "bicubic-dc").attrs["recovery"]["noise"]["bound"]
    one = one.isel(y=slice(2), x=slice(2))
    with pytest.raises(InputError, match=r"noise level \(snr, noise_std or noiseless\), which is not in the file"):
        calib.recover(one, "bicubic-dc")
    assert calib.recover(one, "bicubic-dc", noiseless=True).sizes["x"] == 8


@pytest.mark.filterwarnings("ignore:The noise of coarse is not stated")
@pytest.mark.parametrize("scheme", ["box", "random"])
def test_blocks_of_a_file_share_the_estimate_of_the_whole(fine, tmp_path, scheme):
    method = {"box": "bicubic-dc", "random": "cs"}[scheme]
    part = fine.isel(frequency=slice(3), angle=slice(None, None, 2))
    coarse = calib.downsample(part, 4, scheme, snr=SNR, seed=1).drop_vars("noise_std")
    mpisim.write(coarse, tmp_path / "coarse.nc")
    whole = calib.recover(coarse, method)
    told = calib.recover_file(tmp_path / "coarse.nc", tmp_path / "fine.nc", method, values_at_once=500)
    parts = mpisim.read(tmp_path / "fine.nc")
    assert told["noise"] == parts.attrs["recovery"]["noise"]
    assert told["noise"]["noise_std"] == whole.attrs["recovery"]["noise"]["noise_std"]
    assert np.allclose(as_images(parts), as_images(whole), rtol=1e-5, atol=1e-6 * np.abs(as_images(whole)).max())
    given = calib.recover_file(tmp_path / "coarse.nc", tmp_path / "fine.nc", method, values_at_once=500, snr=30)
    assert given["noise"]["estimated"] is False and given["noise"]["snr"] == pytest.approx(30)


@pytest.mark.filterwarnings("ignore::mpisim.errors.DataWarning")
def test_noise_that_grows_with_the_harmonic_is_used_row_by_row(fine, tmp_path):
    fine = fine.isel(angle=slice(None, None, 2))
    clean = calib.downsample(fine, 4, snr=None)
    variable = clean["system_matrix"]
    sigma = xr.DataArray(0.02 * float(rms(variable.values)) * np.arange(2, 10) / 5.5, dims="frequency")
    noisy = clean.drop_vars("noise_std").assign(
        system_matrix=(
            variable.dims,
            variable.values + (complex_gaussian(variable.shape, 1.0, 1) * sigma.values[:, None, None]),
        )
    )
    stated, one = noisy.assign(noise_std=sigma), with_noise(noisy, noise_std=float(rms(sigma.values)))
    found = calib.recover(noisy, "profile")
    assert found.attrs["recovery"]["noise"]["by_row"]
    errors = [calib.nrmse(m, fine) for m in (found, calib.recover(stated, "profile"), calib.recover(one, "profile"))]
    assert errors[0] < 1.2 * errors[1] < errors[2]
    mpisim.write(noisy, tmp_path / "coarse.nc")
    told = calib.recover_file(tmp_path / "coarse.nc", tmp_path / "fine.nc", "bicubic-dc", values_at_once=2000)
    parts, whole = mpisim.read(tmp_path / "fine.nc"), calib.recover(noisy, "bicubic-dc")
    assert told["noise"] == whole.attrs["recovery"]["noise"] and told["noise"]["by_row"]
    assert np.allclose(as_images(parts), as_images(whole), rtol=1e-5, atol=1e-6 * np.abs(as_images(whole)).max())


@pytest.mark.filterwarnings("ignore:The noise of coarse is not stated")
def test_patches_share_the_estimate_of_the_whole(unknown, known):
    found = calib.recover_by_patches(unknown, "bicubic-dc", patch=6, overlap=2)
    noise = found.attrs["recovery"]["noise"]
    again = calib.recover_by_patches(
        with_noise(known, **{"noise_std": noise["noise_std"]}), "bicubic-dc", patch=6, overlap=2
    )
    assert noise["estimated"] and np.array_equal(as_images(found), as_images(again))


def test_the_command_says_the_estimate_once(known, unknown, tmp_path, capsys):
    mpisim.write(unknown, tmp_path / "coarse.nc")
    files = [str(tmp_path / "coarse.nc"), "--out", str(tmp_path / "fine.nc")]
    words = ["recover", *files, "--method", "bicubic-dc", "--json"]
    with pytest.warns(DataWarning) as caught:
        assert main(words) == 0
    assert [str(w.message)[:35] for w in caught] == ["The noise of coarse is not stated; "]
    assert json.loads(capsys.readouterr().out)["noise"]["estimated"] is True
    for option in (["--snr", "33.7"], ["--noise-std", str(float(known["noise_std"]))], ["--noiseless"]):
        assert main([*words, *option]) == 0
        assert json.loads(capsys.readouterr().out)["noise"]["estimated"] is False
    assert main([*words, "--snr", "30", "--noiseless"]) == 2
    assert main([*words, "--noise-std", "5"]) == 2
    assert "Input --noise-std must be 0, or from" in capsys.readouterr().err


@pytest.mark.parametrize("link", [None, "symbolic", "hard"])
@pytest.mark.parametrize("command", ["recover", "downsample"])
def test_no_command_writes_the_file_that_it_reads(fine, known, tmp_path, capsys, command, link):
    source = tmp_path / "in.nc"
    mpisim.write(known if command == "recover" else fine, source)
    out = source if link is None else tmp_path / "out.nc"
    if link is not None:
        (os.symlink if link == "symbolic" else os.link)(source, out)
    before = source.read_bytes()
    options = {"recover": ["--method", "bicubic"], "downsample": ["--factor", "4"]}[command]
    assert main([command, str(source), *options, "--out", str(out)]) == 2
    assert "Input output file must be" in capsys.readouterr().err and source.read_bytes() == before
