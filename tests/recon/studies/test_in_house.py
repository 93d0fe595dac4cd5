"""The studies of the in-house scanner: its calibrations, Table VII, Figs. 11 and 13."""

import numpy as np
import pytest
import xarray as xr

import recon
from calib import nrmse
from mpisim.data.downsampling import downsample
from mpisim.data.metrics import nrmse as error
from mpisim.data.noise import rms
from mpisim.errors import InputError
from mpisim.io.spectrum_file import read_noise_spectrum
from recon.studies import table7
from recon.studies.catalogue import STUDIES
from recon.studies.fig11 import rows_at
from recon.studies.fig13 import calibrated, depth
from recon.studies.in_house import CROP, LEAST_SNR, Calibrations, in_house_setup
from recon.studies.in_house_bands import NOISE_FILE, BandCalibrations


@pytest.fixture(scope="module")
def calibrations():
    return Calibrations(3)


@pytest.fixture(scope="module")
def bands():
    return BandCalibrations(3)


@pytest.fixture(autouse=True)
def _few_angles(monkeypatch, calibrations):
    monkeypatch.setattr(Calibrations, "of", classmethod(lambda cls, options: calibrations))


def test_the_noise_is_that_of_the_paper_and_weak_harmonics_are_left_out(calibrations):
    exact, reference = calibrations.exact.isel(CROP), calibrations.reference.isel(CROP)
    assert (exact.sizes["x"], exact.sizes["y"]) == (13, 23)
    assert nrmse(reference, exact) == pytest.approx(0.0436, rel=0.03)
    everything = in_house_setup(0.5, 3).simulate().isel(CROP)
    strength = np.median(rms(everything["system_matrix"].values, axis=(-2, -1)), axis=0) / calibrations.noise
    kept = np.isin(everything["harmonic"].values, calibrations.harmonics)
    assert np.all(strength[kept] >= LEAST_SNR) and np.all(strength[~kept] < LEAST_SNR) and 0 < kept.sum() < kept.size


def test_no_training_matrix_has_the_gradient_or_the_errors_of_the_test(calibrations):
    gradients = [float(m["sf_gradient"]) for m in (*calibrations.training, calibrations.exact)]
    assert gradients == [0.3, 0.4, 0.6, 0.5]
    seeds = [m.attrs["scanner"]["line"]["seed"] for m in (*calibrations.training, calibrations.exact)]
    assert len(set(seeds)) == 4
    assert float(calibrations.training[0]["noise_std"]) == float(calibrations.reference["noise_std"])


def test_table7_tells_the_noise_of_the_reference_from_the_error(tmp_path):
    result = STUDIES["table7"](tmp_path, quick=True, methods=("bicubic-dc", "bicubic"), factors=(2,))
    rows = {row["method"]: row for row in result["table"]}
    for row in rows.values():
        both, exact = row["nrmse_percent"], row["nrmse_exact_percent"]
        assert exact < both and both > 4.36 * np.sqrt(1 - 1 / 4) * 0.9  # the noise that block means do not know
    assert rows["bicubic-dc"]["nrmse_exact_percent"] < rows["bicubic"]["nrmse_exact_percent"]
    assert rows["bicubic-dc"]["psnr_db"] > 10
    stored = xr.open_dataset(tmp_path / "table7_quick.nc")
    assert stored["nrmse_percent"].values == pytest.approx([row["nrmse_percent"] for row in rows.values()])
    assert "short form" in result["text"] and rows["bicubic-dc"]["published_percent"] is None


def test_rows_of_bands_are_strong_and_white(bands):
    """Coloured noise, divided out, leaves noise of 1 in every row; lines beside the harmonics are among the rows."""
    exact, reference = bands.exact.isel(CROP), bands.reference.isel(CROP)
    noise = (reference["system_matrix"] - exact["system_matrix"]).values
    by_line = rms(noise, axis=(0, 2, 3))
    assert by_line == pytest.approx(np.ones(len(by_line)), rel=0.1)  # of 3 x 299 complex numbers each
    assert nrmse(reference, exact) == pytest.approx(0.0436, rel=0.05)
    strength = np.median(rms(exact["system_matrix"].values, axis=(-2, -1)), axis=0)
    assert np.all(strength >= LEAST_SNR * 0.999)
    harmonics = np.array(bands.lines) / 23.2e3
    beside = np.abs(harmonics - np.round(harmonics)) > 1e-6
    assert 0 < beside.sum() < beside.size
    spectrum = read_noise_spectrum(NOISE_FILE).density(np.array(bands.lines))
    assert spectrum.max() > 1.5 * spectrum.min()  # there was something to whiten


def test_table7_of_bands_has_the_scanner_fit_and_says_what_is_refused(tmp_path, bands, monkeypatch):
    monkeypatch.setattr(BandCalibrations, "of", classmethod(lambda cls, options: bands))
    recovered_by = table7.recovered_by

    def refusing(coarse, method, weights):
        if method == "ridge":
            raise InputError("Input harmonics of coarse must be whole numbers; instead received others.")
        return recovered_by(coarse, method, weights)

    monkeypatch.setattr(table7, "recovered_by", refusing)
    methods = ("bicubic-dc", "physical", "ridge")
    result = STUDIES["table7"](tmp_path, quick=True, methods=methods, factors=(2,), rows="bands")
    rows = {row["method"]: row for row in result["table"]}
    assert 4 < rows["bicubic-dc"]["nrmse_percent"] < 20
    assert rows["physical"]["nrmse_exact_percent"] < 0.5 * rows["bicubic-dc"]["nrmse_exact_percent"]
    assert rows["ridge"]["nrmse_percent"] is None and "harmonics of coarse" in rows["ridge"]["status"]
    assert "ridge refused: Input harmonics of coarse must be" in result["text"]
    assert (tmp_path / "table7_bands_quick.png").is_file()
    with pytest.raises(InputError, match="rows must be one of"):
        STUDIES["table7"](tmp_path, rows="tones")


def test_networks_without_weights_are_named_with_the_command_of_the_study(tmp_path):
    result = STUDIES["table7"](tmp_path, methods=("bicubic", "transms"), factors=(8,))
    assert "left out, without weights: transms 8x; mpisim study table7" in result["text"]
    assert next(row for row in result["table"] if row["method"] == "bicubic")["published_percent"] == 69.76
    with pytest.raises(InputError, match="weights"):
        STUDIES["table7"](tmp_path, methods=("transms",), factors=(8,))


def test_fig11_draws_the_nearest_rows(tmp_path, calibrations):
    result = STUDIES["fig11"](tmp_path, quick=True, methods=("bicubic-dc",))
    assert (tmp_path / "fig11_quick.png").is_file() and (tmp_path / "fig12_quick.png").is_file()
    titles = list(rows_at(calibrations.exact, 81.0, (4, 6, 99)))
    assert titles == [
        "harmonic 4, 60 degrees",
        "harmonic 6, 60 degrees",
        f"harmonic {calibrations.harmonics[-1]}, 60 degrees",
    ]
    assert set(titles[:2]) < set(result["table"][0])


def test_a_large_sample_is_6_db_better_than_means_of_small_ones(tmp_path, calibrations):
    result = STUDIES["fig13"](tmp_path, quick=True, methods=("bicubic-dc",))
    small, large = result["table"]
    assert large["coarse_snr_db"] - small["coarse_snr_db"] == pytest.approx(6.02, abs=0.1)
    assert (tmp_path / "fig14_quick.png").is_file() and (tmp_path / "fig13_quick.csv").is_file()
    means, whole = (calibrated(calibrations, 2, sampling) for sampling in ("retrospective", "prospective"))
    assert 0 < error(means, whole) < 0.1


def test_calibrations_of_bands_have_the_noise_of_their_sample_in_every_line(bands):
    """In whitened rows: 1/2 for means over four small samples, 1/4 for a large one, in the data and as stated."""
    exact = downsample(bands.exact, 2, "box", snr=None)["system_matrix"]
    for small, noise in ((True, 0.5), (False, 0.25)):
        coarse = bands.calibrated(2, 0, 0.0, small)
        left = rms((coarse["system_matrix"] - exact).values, axis=(0, 2, 3))  # of 3 x 128 complex numbers each
        np.testing.assert_allclose(left, noise, rtol=0.15)
        np.testing.assert_allclose(coarse["noise_std"].values, noise, rtol=1e-6)


def test_rows_of_bands_are_drawn_at_the_line_next_to_a_harmonic(bands):
    drawn = rows_at(bands.exact, 0.0, (4, 99))
    assert list(drawn) == ["harmonic 4, 0 degrees", f"harmonic {bands.harmonics[-1]}, 0 degrees"]
    lines = bands.exact["frequency"].values[list(drawn.values())]
    np.testing.assert_allclose(lines, 23.2e3 * np.array([4, bands.harmonics[-1]]), atol=50)


def test_the_depth_of_the_phantom_is_that_of_its_narrow_part():
    phantom, grid = recon.phantoms.stenosis(), in_house_setup(0.5, 3).grid.refined(8)
    values = phantom.sample(grid)
    image = xr.Dataset({"image": (("y", "x"), values)}, grid.coords())
    assert depth(image, phantom) == pytest.approx(0.5, abs=1e-9)
    assert depth(xr.ones_like(image), phantom) == pytest.approx(0)


def test_a_stenosis_is_no_wider_or_longer_than_its_tube():
    assert sum(part.amount for part in recon.phantoms.stenosis(narrow=4e-3).parts) == pytest.approx(
        4e-3 * (23e-3 + 21e-3)
    )
    with pytest.raises(InputError, match="narrow must be at most the width"):
        recon.phantoms.stenosis(narrow=5e-3)
    with pytest.raises(InputError, match="narrow_length must be less than the length"):
        recon.phantoms.stenosis(narrow_length=30e-3)
