"""The study of Open MPI data on simulated files of its structure: rows, whitening, crops, tables, figures, refusals."""

from dataclasses import replace

import numpy as np
import pytest

import calib
import mpisim
from calib.studies.harness.study import StudyOptions
from mpisim.data.downsampling import downsample
from mpisim.data.grid import Grid
from mpisim.data.metrics import nrmse
from mpisim.errors import InputError
from recon.studies import open_mpi_synthetic
from recon.studies.catalogue import STUDIES
from recon.studies.open_mpi_files import calibration_file, measured_rows, read_calibration
from recon.studies.open_mpi_recovery import OpenMpi

SIZE = 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_mpi_synthetic, "_SHAPE", (SIZE + 1, SIZE, 2))
        return open_mpi_synthetic.synthetic_files(tmp_path_factory.mktemp("open-mpi"))


@pytest.fixture(scope="module")
def result(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("study")
    options = {"calibrations": folder, "measurement": folder / "measurement.mdf"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recon.studies.open_mpi_recovery.EDGE", SIZE)
        return out, STUDIES["open-mpi"](out, quick=True, methods=("bicubic", "bicubic-strided"), **options)


def test_rows_are_those_above_the_ratio_divided_by_their_noise_in_the_leading_voxels(folder):
    file = mpisim.read(folder / "10.mdf")
    found = read_calibration(folder / "10.mdf", edge=SIZE)
    ratio = file["snr_ratio"].values[0]
    assert found.rows.sizes["frequency"] == np.count_nonzero(ratio > 5)
    frequencies = file["frequency"].values
    for i in (0, 7, -1):
        c = int(found.rows["channel"].values[i])
        k = int(np.flatnonzero(frequencies == found.rows["frequency"].values[i])[0])
        row = file["system_matrix"].values[0, c, k]
        sigma = np.sqrt(np.mean(np.abs(row) ** 2)) / ratio[c, k]
        white = found.rows["system_matrix"].values[i]
        assert np.allclose(white * sigma, row[:, :SIZE, :SIZE], rtol=1e-5, atol=1e-6 * np.abs(row).max())
        assert found.sigma[i] == pytest.approx(sigma)
    grid, whole = Grid.of(found.rows), Grid.of(file)
    assert grid.shape == (SIZE, SIZE, 2) and np.allclose(grid.axis(0), whole.axis(0)[:SIZE])
    assert found.notes == ("10.mdf: the leading 16 x 16 of 17 x 16 voxels",)


def test_the_noise_of_the_synthetic_files_is_what_they_state(folder):
    """White noise of one level: all rows are divided by one number, but for what noise adds to their RMS."""
    found = read_calibration(folder / "8.mdf", edge=SIZE)
    assert np.ptp(found.sigma) < 0.04 * np.mean(found.sigma) and found.noise == "stored signal-to-noise ratios"
    assert found.floor == pytest.approx(1 / np.sqrt(np.mean(np.abs(found.rows["system_matrix"].values) ** 2)))


def test_few_rows_are_the_strongest(folder):
    some, every = (read_calibration(folder / "9.mdf", SIZE, most) for most in (11, None))
    ratios = every.rows["snr_ratio"].values
    assert some.rows["snr_ratio"].values.min() == np.sort(ratios)[-11]


def test_overlapping_samples_are_named(folder):
    """Calibration 7 has samples of two voxels, as half steps have."""
    notes = read_calibration(folder / "7.mdf", edge=SIZE).notes
    assert "7.mdf: samples of 2 x 2 mm on voxels of 1 x 1 mm overlap" in notes[1]


def test_a_measurement_is_matched_by_frequency_and_channel(folder):
    test = read_calibration(folder / "10.mdf", edge=SIZE)
    y = mpisim.read(folder / "measurement.mdf")
    gone = np.unique(test.rows["frequency"].values)[:5]
    kept = np.flatnonzero(~np.isin(y["frequency"].values, gone))
    fewer = y.isel(frequency=kept[::-1])
    both, data, lost = measured_rows(fewer, test)
    assert lost == np.isin(test.rows["frequency"].values, gone).sum() > 0
    values = y["measurement"].values[0]
    for i in (0, 20, -1):
        c, f = int(both.rows["channel"].values[i]), both.rows["frequency"].values[i]
        wanted = values[c, y["frequency"].values == f][0] / both.sigma[i]
        assert data["measurement"].values[i] == pytest.approx(wanted)


def test_the_table_is_that_of_recovery_and_image(result, folder):
    out, found = result
    rows = {(row["table"], row["method"]): row for row in found["table"]}
    assert set(rows) == {(t, m) for t in ("V", "VI") for m in ("bicubic", "bicubic-strided")}
    test = read_calibration(folder / "10.mdf", SIZE, 40).rows
    expected = nrmse(calib.recover(downsample(test, 4, snr=None), "bicubic"), test)
    assert rows["V", "bicubic"]["nrmse_percent"] == pytest.approx(100 * expected)
    assert rows["V", "bicubic"]["nrmse_percent"] == rows["VI", "bicubic"]["nrmse_percent"]
    assert rows["V", "bicubic"]["psnr_db"] > rows["V", "bicubic-strided"]["psnr_db"] > 0
    assert rows["V", "bicubic"]["published_percent"] is None and "short form" in found["text"]
    assert "10.mdf: the leading 16 x 16 of 17 x 16 voxels" in found["text"]
    for name in ("open_mpi_quick.nc", "open_mpi_quick.csv", "open_mpi_quick_rows.png", "open_mpi_quick_images.png"):
        assert (out / name).is_file() and str(out / name) in found["files"]


def test_networks_learn_from_the_training_calibrations_alone(folder, tmp_path):
    """Table V has two, Table VI one; every twentieth row is held out, and nothing presumes a line."""
    study = OpenMpi(StudyOptions(tmp_path, quick=True, calibrations=folder, factors=(4,)))
    study._read = {n: read_calibration(folder / f"{n}.mdf", SIZE, 40) for n in (7, 8, 9)}
    assert [m.sizes["frequency"] for m in study.data("V").training] == [38, 38]
    assert [m.sizes["frequency"] for m in study.data("VI").validation] == [2]
    config = study.config("transms", 8)
    assert (config.model.denoise, config.model.phase, config.interpolated_fraction) == ("none", "none", 0.0)


def test_without_files_the_study_says_what_it_needs(tmp_path, folder):
    with pytest.raises(InputError, match=r"7\.mdf to 10\.mdf of Open MPI data"):
        STUDIES["open-mpi"](tmp_path / "a")
    with pytest.raises(InputError, match=r"a folder with 7\.mdf of Open MPI data"):
        calibration_file(tmp_path, 7)
    with pytest.raises(InputError, match="calibrations must be an existing folder"):
        STUDIES["open-mpi"](tmp_path / "b", calibrations=tmp_path / "none")
    with pytest.raises(InputError, match="of 32 x 32 voxels or more"):
        read_calibration(folder / "10.mdf")
    command = replace(StudyOptions(tmp_path), calibrations=folder, measurement=folder / "measurement.mdf")
    assert f"--calibrations {folder} --measurement {folder / 'measurement.mdf'}" in command.command("open-mpi")
