"""Measurements, images and metadata of MDF files, on files made without our writer."""

import h5py
import numpy as np
import pytest

import mpisim
from mpisim.errors import DataWarning
from mpisim.io.mdf.validation import validate_mdf
from tests.mpisim.io.mdf.files import (
    BANDWIDTH,
    FREQUENCIES,
    UUID,
    K,
    V,
    drifting,
    measured,
    metadata,
    random_complex,
    refused,
    write,
    write_matrix,
)


def test_raw_integers_become_volts(path, rng):
    raw = rng.integers(-1000, 1000, (3, 1, 2, V)).astype(np.int16)
    factor = np.array([[1e-3, 0.5], [2e-3, -0.25]])
    write(path, metadata(3), measured(raw), {"/acquisition/receiver/dataConversionFactor": factor})
    found = mpisim.read(path)
    volts = raw[:, 0] * factor[:, :1] + factor[:, 1:]
    np.testing.assert_allclose(found["measurement"].values, np.fft.rfft(volts, axis=-1) / V, rtol=1e-5, atol=1e-7)
    assert found.attrs["preprocessing"]["conversion"] == "applied" and found["measurement"].attrs["units"] == "V"
    spectra = np.fft.rfft(raw.astype(float), axis=-1)
    write(
        path,
        metadata(3),
        measured(spectra, isFourierTransformed=1),
        {"/acquisition/receiver/dataConversionFactor": factor},
    )
    with pytest.warns(DataWarning, match="no whole numbers and have a dataConversionFactor other than"):
        again = mpisim.read(path)
    np.testing.assert_allclose(again["measurement"].values, found["measurement"].values, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("length", ["selected", "full"])
def test_a_transfer_function_is_divided_out_unless_it_was(path, rng, length):
    bins = np.array([1, 4, 7])
    transfer = random_complex(rng, 2, K, dtype=complex)
    data = random_complex(rng, 2, 1, 2, 3, dtype=complex)
    stored = transfer[:, bins] if length == "selected" else transfer
    more = {"/acquisition/receiver/transferFunction": stored, "/measurement/frequencySelection": bins + 1}
    for corrected in (0, 1):
        flags = {"isFourierTransformed": 1, "isFrequencySelection": 1, "isTransferFunctionCorrected": corrected}
        write(path, metadata(2), measured(data, **flags), more)
        found = mpisim.read(path)
        expected = data[:, 0] / (1 if corrected else transfer[:, bins]) / V
        np.testing.assert_allclose(found["measurement"].values, expected, rtol=1e-12)
        state = "corrected before" if corrected else "divided out"
        assert found.attrs["preprocessing"]["transfer_function"] == state
        assert found["frequency"].values == pytest.approx(FREQUENCIES[bins])


def test_rows_of_a_dead_transfer_function_become_zero(path, rng):
    transfer = np.ones((2, K), complex)
    transfer[0, 0], transfer[1, 3] = 0, np.nan
    data = random_complex(rng, 2, 1, 2, K)
    write(
        path, metadata(2), measured(data, isFourierTransformed=1), {"/acquisition/receiver/transferFunction": transfer}
    )
    with pytest.warns(DataWarning, match="for 2 of 18 rows, which become zero"):
        values = mpisim.read(path)["measurement"].values
    assert np.all(values[:, 0, 0] == 0) and np.all(values[:, 1, 3] == 0) and np.count_nonzero(values == 0) == 4


def test_the_induction_factor_is_applied_to_neither_file(path, rng):
    data = random_complex(rng, 2, 1, 2, K)
    factor = {"/acquisition/receiver/inductionFactor": np.array([3.0, 5.0])}
    write(path, metadata(2), measured(data, isFourierTransformed=1), factor)
    found = mpisim.read(path)
    np.testing.assert_allclose(found["measurement"].values * V, data[:, 0], rtol=1e-6)
    assert found.attrs["mdf"]["/acquisition/receiver/inductionFactor"] == [3.0, 5.0]


def test_background_of_a_measurement(path, rng):
    mask = np.array([1, 0, 0, 1, 1, 0])
    truth, frames = drifting(rng, mask, np.arange(6), (1, 2, K))
    frames[5] = (
        frames[4] + truth[5] - truth[4] + (frames[3] - frames[4] + truth[4] - truth[3]) / 2
    )  # after the last run
    write(path, metadata(6), measured(frames, mask, isFourierTransformed=1))
    found = mpisim.read(path)["measurement"]
    assert found.dims == ("frame", "receive", "frequency") and found.sizes["frame"] == 3
    np.testing.assert_allclose(found.values[:2] * V, truth[1:3, 0], atol=1e-11)
    np.testing.assert_allclose(found.values[2] * V, (frames[5] - frames[3:5].mean(axis=0))[0], atol=1e-11)


def test_frames_come_in_the_order_of_acquisition_and_are_averaged(path, rng):
    data = random_complex(rng, 5, 1, 2, K, dtype=complex)
    order = np.array([3, 0, 4, 1, 2])
    flags = measured(data, isFourierTransformed=1, isFramePermutation=1)
    write(path, metadata(5), flags, {"/measurement/framePermutation": order + 1})
    acquired = data[np.argsort(order), 0] / V
    np.testing.assert_allclose(mpisim.read(path)["measurement"].values, acquired, rtol=1e-12)
    with pytest.warns(DataWarning, match="a mean over 1 instead of 2"):
        found = mpisim.read(path, average=2)
    expected = [acquired[:2].mean(axis=0), acquired[2:4].mean(axis=0), acquired[4]]
    np.testing.assert_allclose(found["measurement"].values, expected, rtol=1e-12)
    refused(path, "average must be a whole number of at least 1", average=0)


def test_a_phantom_file_with_many_periods(path, rng, monkeypatch):
    """As Open MPI in 1-D and 2-D: two frames, mask [0 1], of robot positions x repetitions."""
    positions, repetitions = 5, 4
    raw = rng.integers(-900, 900, (2, positions * repetitions, 2, V)).astype(np.int16)
    write(path, metadata(2, positions * repetitions), measured(raw, [0, 1]))
    monkeypatch.setattr("mpisim.io.mdf.shots._WORKING", 7 * 2 * K * 16 * 5)  # seven periods at once
    spectra = np.fft.rfft(raw, axis=-1) / V
    expected = spectra[0].reshape(positions, repetitions, 2, K).mean(axis=1) - spectra[1].mean(axis=0)
    found = mpisim.read(path, average=repetitions)
    assert found["measurement"].sizes["frame"] == positions and found.attrs["average"] == repetitions
    np.testing.assert_allclose(found["measurement"].values, expected, rtol=1e-4, atol=1e-4)
    noise = np.sqrt(np.sum(np.abs(spectra[1] - spectra[1].mean(axis=0)) ** 2, axis=0) / (positions * repetitions - 1))
    share = 1 / repetitions + 1 / (positions * repetitions)  # of the mean, and of the background that is subtracted
    np.testing.assert_allclose(found["noise_std"], noise * np.sqrt(share), rtol=1e-9)


def test_the_noise_is_that_of_frames_without_their_background(path, rng):
    """Runs of one frame, two frames apart: the background is the mean of two, and the variance 3/2 of a frame's."""
    mask = np.tile([1, 0], 301)[:-1]
    frames = random_complex(rng, mask.size, 1, 2, K, dtype=complex) / np.sqrt(2)
    write(path, metadata(mask.size), measured(frames, mask, isFourierTransformed=1))
    found = mpisim.read(path)
    spread = np.sqrt(np.mean(np.abs(found["measurement"].values) ** 2))
    assert spread * V == pytest.approx(np.sqrt(1.5), rel=0.02)
    assert np.sqrt(np.mean(found["noise_std"].values ** 2)) == pytest.approx(spread, rel=0.03)


def test_a_three_dimensional_phantom_file(path, rng):
    """As Open MPI's 3.mdf: half of the frames are background."""
    raw = rng.integers(-900, 900, (20, 1, 2, V)).astype(np.int16)
    write(path, metadata(20), measured(raw, [0] * 10 + [1] * 10))
    found = mpisim.read(path, average=10)
    spectra = np.fft.rfft(raw[:, 0], axis=-1) / V
    assert found["measurement"].dims == ("receive", "frequency")
    np.testing.assert_allclose(
        found["measurement"], spectra[:10].mean(axis=0) - spectra[10:].mean(axis=0), rtol=1e-4, atol=1e-4
    )


def test_images_in_all_orders_of_axes(path, rng):
    values = rng.uniform(size=(2, 3 * 4 * 2, 1))
    grid = {"size": np.array([4, 3, 2]), "fieldOfView": np.array([0.04, 0.03, 0.02])}
    more = {f"/reconstruction/{k}": v for k, v in grid.items()}
    write(path, metadata(), {"/reconstruction/data": values}, more)
    found = mpisim.read(path)
    assert found["image"].dims == ("frame", "z", "y", "x")
    np.testing.assert_array_equal(found["image"], values.reshape(2, 2, 3, 4))
    write(path, metadata(), {"/reconstruction/data": values, "/reconstruction/order": "zyx"}, more)
    np.testing.assert_array_equal(mpisim.read(path)["image"], values.reshape(2, 4, 3, 2).transpose(0, 3, 2, 1))
    write(path, metadata(), {"/reconstruction/data": np.ones((2, 24, 2))}, more)
    refused(path, "of one contrast")
    for values in (np.float32(1.0), np.ones((1, 2, 24, 1))):
        write(path, metadata(), {"/reconstruction/data": values}, more)
        refused(path, "Q x P x S numbers")
        assert "Q x P x S numbers" in validate_mdf(path).unreadable


def test_all_fields_travel_with_the_data(path, tmp_path, rng):
    custom = {
        "/_room/_temperature": np.array([20.5, 21.0]),
        "/acquisition/drivefield/customWaveform": "none",
        "/custom/auxiliaryData": rng.standard_normal((30, 4)).astype(np.float32),
        "/acquisition/receiver/transferFunctionFileName": "tf.h5",
    }
    write_matrix(path, (3, 2, 1), custom)
    found = mpisim.read(path)
    assert found.attrs["mdf"]["/uuid"] == UUID and found.attrs["mdf"]["/tracer/name"] == ["Perimag"]
    assert found.attrs["mdf"]["/_room/_temperature"] == [20.5, 21.0]
    mpisim.write(found, tmp_path / "a.nc")
    again = mpisim.read(tmp_path / "a.nc")
    assert again.attrs == found.attrs and again.equals(found)


def test_fields_of_other_types_are_named_and_left(path):
    write_matrix(path, (3, 2, 1))
    with h5py.File(path, "a") as file:
        file["/_pointer"] = np.array([file["/measurement/data"].ref], dtype=h5py.ref_dtype)
    with pytest.warns(DataWarning, match="fields that are not taken along: /_pointer"):
        mpisim.read(path)


def test_an_mdf_file_is_known_by_its_content(path):
    write_matrix(path, (3, 2, 1))
    other = path.with_suffix(".h5")
    path.rename(other)
    assert mpisim.read(other).attrs["kind"] == "system_matrix"
    refused(other, "measurement/data of a.h5 must be one row of numbers", variable="measurement/data")  # a plain array


def test_bandwidth_is_half_of_the_sampling_rate(path):
    write_matrix(path, (3, 2, 1))
    assert float(mpisim.read(path)["frequency"].max()) == BANDWIDTH
