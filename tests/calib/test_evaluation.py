"""Errors of a recovered matrix: pooled over rows, by harmonic, and what is refused."""

import json

import numpy as np
import pytest

import calib
import mpisim
from mpisim.cli.main import main
from mpisim.data.views import as_images
from mpisim.errors import InputError


@pytest.fixture(scope="module")
def fine():
    return mpisim.simulate(mpisim.open_sided_ffl(0.9, angles=8), mpisim.Particle(24e-9))


def test_evaluate(fine):
    from calib.evaluation import evaluate

    found = calib.recover(calib.downsample(fine, 4, snr=None), "bicubic")
    result = evaluate(found, fine)
    energy = np.linalg.norm(as_images(fine).reshape(64, -1), axis=1) ** 2
    pooled = np.sqrt(np.sum(result.row_nrmse**2 * energy) / np.sum(energy))
    assert result.nrmse == pytest.approx(pooled, rel=1e-6)
    assert result.harmonics == tuple(range(2, 10))
    assert np.all(np.diff(result.nrmse_by_harmonic) > 0)  # higher harmonics vary faster
    assert evaluate(fine, fine).nrmse == 0
    with pytest.raises(InputError, match="Input found must be of the reference's 64 rows of 32 x 32 voxels"):
        evaluate(calib.recover(calib.downsample(fine.isel(angle=[0]), 4, snr=None), "bicubic"), fine)
    shifted = fine.assign_coords(x=fine["x"] + 5e-4)
    with pytest.raises(InputError, match="at the reference's voxel centres along x"):
        evaluate(shifted, fine)


def test_from_python_as_from_the_command_line(fine, tmp_path, capsys):
    found = calib.recover(calib.downsample(fine, 4, snr=None), "bicubic")
    for name, data in (("found.nc", found), ("fine.nc", fine)):
        mpisim.write(data, tmp_path / name)
    assert main(["evaluate", str(tmp_path / "found.nc"), "--reference", str(tmp_path / "fine.nc"), "--json"]) == 0
    printed, figures = json.loads(capsys.readouterr().out), calib.evaluate(found, fine).figures()
    assert list(printed) == list(figures)
    assert all(printed[key] == pytest.approx(value, rel=1e-6) for key, value in figures.items())


def test_units_are_converted(fine):
    """A matrix in microvolts is compared as one in volts; one in ampere is refused."""
    found = calib.recover(calib.downsample(fine, 4, snr=None), "bicubic")
    variable = found["system_matrix"]
    micro = found.assign(system_matrix=(variable.dims, variable.values * 1e6, {"units": "uV"}))
    expected, result = calib.evaluate(found, fine), calib.evaluate(micro, fine)
    assert result.nrmse == pytest.approx(expected.nrmse, rel=1e-6)
    assert result.row_nrmse == pytest.approx(expected.row_nrmse, rel=1e-6)
    assert result.nrmse_by_harmonic == pytest.approx(expected.nrmse_by_harmonic, rel=1e-6)
    currents = found.assign(system_matrix=(variable.dims, variable.values, {"units": "A"}))
    with pytest.raises(InputError, match="Input unit of found must be V, the unit of reference, or a multiple of it"):
        calib.evaluate(currents, fine)


@pytest.mark.parametrize("split", ["angle", "frequency"])
def test_files_are_compared_in_blocks(fine, tmp_path, split):
    """The same figures as of complete matrices, where blocks are of angles or of harmonics."""
    from calib.evaluation import evaluate, evaluate_files

    found = calib.recover(calib.downsample(fine, 4, snr=None), "bicubic")
    pair = [data if split == "angle" else data.isel(angle=2) for data in (found, fine)]
    for name, data in zip(("found.nc", "fine.nc"), pair, strict=True):
        mpisim.write(data, tmp_path / name)
    whole, by_blocks = evaluate(*pair), evaluate_files(tmp_path / "found.nc", tmp_path / "fine.nc", 3 * 1024)
    assert by_blocks.nrmse == pytest.approx(whole.nrmse, rel=1e-12)
    assert by_blocks.row_nrmse == pytest.approx(whole.row_nrmse, rel=1e-12)
    assert by_blocks.harmonics == whole.harmonics == tuple(range(2, 10))
    assert by_blocks.nrmse_by_harmonic == pytest.approx(whole.nrmse_by_harmonic, rel=1e-12)
    mpisim.write(pair[1].isel(frequency=slice(0, 4)), tmp_path / "less.nc")
    with pytest.raises(InputError, match="Input found must be of the reference's"):
        evaluate_files(tmp_path / "found.nc", tmp_path / "less.nc", 1)
