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


def test_coverage_of_a_stated_deviation(fine, tmp_path, capsys):
    """Errors of a known deviation, twice as large as stated for one harmonic; the same from files in blocks."""
    from calib.evaluation import evaluate, evaluate_files
    from mpisim.data.coverage import coverage
    from mpisim.data.noise import complex_gaussian
    from mpisim.data.schema import STD

    variable = fine["system_matrix"]
    std = 0.01 * np.abs(variable.values) + 1e-6 * float(np.abs(variable).max())
    errors = np.sqrt(2) * std * complex_gaussian(variable.shape, 1.0, 4)
    std[:, 3] /= 2
    found = fine.assign(system_matrix=variable.copy(data=variable.values.astype(complex) + errors))
    assert evaluate(found, fine).coverage is None and "coverage_68" not in evaluate(found, fine).figures()
    found[STD] = (variable.dims, std, {"units": "V"})
    result = evaluate(found, fine)
    figures = result.figures()
    wanted = coverage(as_images(found), as_images(fine), std.reshape(-1, 32, 32))
    assert vars(result.coverage) == pytest.approx(vars(wanted), rel=1e-9)
    by_harmonic = np.array(figures["coverage_68_by_harmonic"])
    assert by_harmonic[3] == pytest.approx(0.381, abs=0.03)
    assert np.delete(by_harmonic, 3) == pytest.approx(np.full(7, 0.68), abs=0.03)
    assert figures["std_over_rmse_by_harmonic"][3] == pytest.approx(0.5, abs=0.03)
    assert figures["coverage_95"] == result.coverage.within_95
    for name, data in (("found.nc", found), ("fine.nc", fine)):
        mpisim.write(data, tmp_path / name)
    blocks = evaluate_files(tmp_path / "found.nc", tmp_path / "fine.nc", 3 * 1024).figures()
    for key in ("coverage_68", "coverage_95", "std_over_rmse", "coverage_95_by_harmonic"):
        assert blocks[key] == pytest.approx(figures[key], rel=1e-9)
    assert main(["evaluate", str(tmp_path / "found.nc"), "--reference", str(tmp_path / "fine.nc"), "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == set(figures)
    assert main(["evaluate", str(tmp_path / "found.nc"), "--reference", str(tmp_path / "fine.nc")]) == 0
    assert "coverage_68" in capsys.readouterr().out
