"""System matrices and measurements of MDF files: every pitfall of the format, on files made without our writer."""

import h5py
import numpy as np
import pytest
from scipy.fft import dctn

import mpisim
from mpisim import Grid, InputError
from mpisim.errors import DataWarning
from mpisim.io.mdf.reading import matrix_slabs
from tests.mpisim.io.mdf.files import (
    BANDWIDTH,
    FREQUENCIES,
    UUID,
    K,
    V,
    calibrated,
    measured,
    metadata,
    random_complex,
    write,
    write_matrix,
)

MATRIX = {"isFastFrameAxis": 1, "isFourierTransformed": 1}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.mdf"


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def refused(path, reason, **options):
    with pytest.raises(InputError, match=reason) as caught:
        mpisim.read(path, **options)
    assert str(caught.value).startswith("Input ") and "\n" not in str(caught.value)


def assert_same(grid, other):
    assert grid.shape == other.shape
    np.testing.assert_allclose((*grid.fov, *grid.center), (*other.fov, *other.center), atol=1e-12)


# System matrices


def test_x_is_fastest_on_a_grid_that_is_no_cube(path):
    stored = write_matrix(path, (4, 3, 2))
    data = mpisim.read(path)
    assert data["system_matrix"].dims == ("receive", "frequency", "z", "y", "x")
    assert data["system_matrix"].dtype == np.complex64
    np.testing.assert_allclose(data["system_matrix"].values * V, stored, rtol=1e-6)
    assert_same(Grid.of(data), Grid((4, 3, 2), (0.03, 0.02, 0.01)))
    np.testing.assert_allclose(data["frequency"], FREQUENCIES)


def test_a_plane_and_one_channel_have_no_axes_of_their_own(path):
    stored = write_matrix(path, (4, 3, 1), channels=1)
    data = mpisim.read(path)
    assert data["system_matrix"].dims == ("frequency", "y", "x")
    np.testing.assert_allclose(data["system_matrix"].values * V, stored[0, :, 0], rtol=1e-6)
    assert data.attrs["grid"]["thickness"] == 0.01


@pytest.mark.parametrize("order", ["xyz", "yxz", "zyx", "zxy"])
def test_the_order_of_positions_is_honoured(path, order):
    sizes = dict(x=4, y=3, z=2)
    stored = write_matrix(path, (4, 3, 2), {"/calibration/order": order})
    rows = stored.reshape(2, K, *(sizes[a] for a in reversed(order)))
    expected = rows.transpose(0, 1, *(2 + order[::-1].index(a) for a in "zyx"))
    np.testing.assert_allclose(mpisim.read(path)["system_matrix"].values * V, expected, rtol=1e-6)


def test_an_unknown_order_is_refused(path):
    write_matrix(path, (4, 3, 2), {"/calibration/order": "random"})
    refused(path, "/calibration/order .* must be the letters x, y and z")


def test_positions_must_be_those_of_the_grid(path):
    grid = Grid((4, 3, 2), (0.03, 0.02, 0.01))
    write_matrix(path, (4, 3, 2), {"/calibration/positions": grid.centers()})
    assert_same(Grid.of(mpisim.read(path)), grid)
    write_matrix(path, (4, 3, 2), {"/calibration/positions": grid.centers()[::-1]})
    refused(path, "must be those of its grid")
    write_matrix(path, (4, 3, 2), {"/calibration/positions": grid.centers(), "/calibration/fieldOfView": None})
    assert_same(Grid.of(mpisim.read(path)), grid)


def test_without_a_field_of_view_voxels_of_a_millimetre_are_presumed(path):
    write_matrix(path, (4, 3, 2), {"/calibration/fieldOfView": None})
    with pytest.warns(DataWarning, match="taken to be 1 mm long"):
        assert Grid.of(mpisim.read(path)).voxel == pytest.approx((1e-3,) * 3)


def test_stored_indices_of_selected_frequencies_begin_at_one(path, rng):
    data = random_complex(rng, 1, 2, 3, 6)
    selection = np.array([3, 5, 9])
    snr = rng.uniform(1, 9, (1, 2, 3))
    flags = measured(data, **MATRIX, isFrequencySelection=1)
    write(path, metadata(6), flags, calibrated((3, 2, 1), snr=snr), {"/measurement/frequencySelection": selection})
    found = mpisim.read(path)
    np.testing.assert_allclose(found["frequency"], FREQUENCIES[[2, 4, 8]])
    np.testing.assert_allclose(found["snr_ratio"], snr[0])
    for wrong in ([0, 5, 9], [3, 5, 10], [3, 3, 5], [3, 5]):
        write(path, metadata(6), flags, calibrated((3, 2, 1)), {"/measurement/frequencySelection": np.array(wrong)})
        refused(path, "frequencySelection")


def test_fewer_frequencies_that_are_not_named_are_the_first_ones(path, rng):
    write(path, metadata(6), measured(random_complex(rng, 1, 2, 5, 6), **MATRIX), calibrated((3, 2, 1)))
    with pytest.warns(DataWarning, match="read as the first 5"):
        assert mpisim.read(path)["frequency"].values == pytest.approx(FREQUENCIES[:5])


def drifting(rng, mask, order, shape):
    """Frames (frame, *shape) in stored order: noise-free foreground plus a background that drifts linearly."""
    foreground = random_complex(rng, mask.size, *shape, dtype=complex)
    foreground[mask == 1] = 0
    start, slope = random_complex(rng, *shape, dtype=complex), random_complex(rng, *shape, dtype=complex)
    return foreground, foreground + start * 50 + slope * 3 * order.reshape(-1, *(1,) * len(shape))


@pytest.mark.parametrize("spelling", ["isFramePermutation", "isFramePermution"])
def test_background_frames_in_unequal_runs_and_drift_in_both_spellings_of_the_permutation(path, rng, spelling):
    acquired = np.array([1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1])  # in the order of acquisition
    order = np.concatenate([np.flatnonzero(acquired == 0)[[2, 0, 1, 5, 4, 3]], np.flatnonzero(acquired)])
    mask = acquired[order]
    truth, frames = drifting(rng, mask, order, (1, 2, K))
    data = np.moveaxis(frames, 0, -1)
    fields = measured(data, mask, **MATRIX)
    fields["/measurement/isFramePermutation"] = None
    more = {f"/measurement/{spelling}": np.int8(1), "/measurement/framePermutation": order + 1}
    write(path, metadata(12), fields, calibrated((3, 2, 1)), more)
    found = mpisim.read(path)["system_matrix"].values * V
    np.testing.assert_allclose(found, np.moveaxis(truth[:6, 0], 0, -1).reshape(2, K, 2, 3), atol=1e-11)
    # without the permutation the drift would be taken away at wrong times
    write(path, metadata(12), measured(data, mask, **MATRIX), calibrated((3, 2, 1)))
    assert np.abs(mpisim.read(path)["system_matrix"].values * V - found).max() > 1


def test_background_in_the_middle_is_constant_outside_of_its_runs(path, rng):
    mask = np.array([0, 0, 0, 1, 1, 0, 0, 0])
    _, frames = drifting(rng, mask, np.arange(8), (1, 2, K))
    write(path, metadata(8), measured(np.moveaxis(frames, 0, -1), mask, **MATRIX), calibrated((3, 2, 1)))
    background = frames[3:5].mean(axis=0)
    expected = np.moveaxis(frames[mask == 0] - background, 0, -1).reshape(2, K, 2, 3)
    np.testing.assert_allclose(mpisim.read(path)["system_matrix"].values * V, expected, rtol=1e-10)


def test_background_that_was_corrected_is_not_subtracted_again(path, rng):
    data = random_complex(rng, 1, 2, K, 8)
    write(
        path, metadata(8), measured(data, [0] * 6 + [1] * 2, **MATRIX, isBackgroundCorrected=1), calibrated((3, 2, 1))
    )
    found = mpisim.read(path)
    np.testing.assert_allclose(found["system_matrix"].values.reshape(2, K, 6) * V, data[0, :, :, :6], rtol=1e-6)
    assert found.attrs["preprocessing"]["background"] == "corrected before"


def test_background_tells_the_noise(path, rng):
    sigma = rng.uniform(1, 2, (1, 2, K, 1))
    data = random_complex(rng, 1, 2, K, 6 + 400, dtype=complex) / np.sqrt(2) * sigma + 30
    write(path, metadata(406), measured(data, [0] * 6 + [1] * 400, **MATRIX), calibrated((3, 2, 1)))
    noise = mpisim.read(path)["noise_std"].values * V
    np.testing.assert_allclose(noise, sigma[0, ..., 0], rtol=0.25)
    single = np.tile([1, 0], 6)  # runs of one frame: from successive differences, in which the mean of 30 cancels
    write(path, metadata(12), measured(data[..., :12], single, **MATRIX), calibrated((3, 2, 1)))
    single_noise = mpisim.read(path)["noise_std"].values * V
    assert np.sqrt(np.mean(single_noise**2)) == pytest.approx(np.sqrt(np.mean(sigma**2)), rel=0.3)
    write(path, metadata(8), measured(data[..., :8], [0] * 6 + [1] * 2, **MATRIX), calibrated((3, 2, 1)))
    assert "noise_std" not in mpisim.read(path)  # two frames tell too little


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
@pytest.mark.parametrize("mask_of", ["stored", "measured"])
def test_sparse_data_in_both_layouts(path, rng, kind, mask_of):
    size, background = (4, 3, 2), 2
    cube = random_complex(rng, 1, 2, K, 2, 3, 4, dtype=complex)
    coefficients = dctn(cube, type=kind, norm="ortho", axes=(3, 4, 5)).reshape(1, 2, K, 24)
    kept = 20
    indices = np.argsort(-np.abs(coefficients), axis=-1)[..., :kept]
    offset = random_complex(rng, 1, 2, K, 1, dtype=complex)
    stored = np.take_along_axis(coefficients, indices, axis=-1)
    data = np.concatenate([stored, np.broadcast_to(offset, (1, 2, K, background))], axis=-1)
    count = kept if mask_of == "stored" else 24
    fields = measured(data, None, **MATRIX, isSparsityTransformed=1)
    fields["/measurement/isBackgroundFrame"] = np.array([0] * count + [1] * background, dtype=np.int8)
    numerals = {1: "I", 2: "II", 3: "III", 4: "IV"}
    more = {
        "/measurement/sparsityTransformation": f"DCT-{numerals[kind]}",
        "/measurement/subsamplingIndices": (indices + 1).astype(np.int32),
    }
    write(path, metadata(count + background), fields, calibrated(size), more)
    left = coefficients.copy()
    np.put_along_axis(left, indices, 0, axis=-1)
    lost = dctn(left.reshape(cube.shape), type={1: 1, 2: 3, 3: 2, 4: 4}[kind], norm="ortho", axes=(3, 4, 5))
    expected = cube[0] - lost[0] - offset[0][..., None, None]
    np.testing.assert_allclose(mpisim.read(path)["system_matrix"].values * V, expected, atol=1e-12)


def test_a_sparse_plane_is_transformed_in_two_dimensions(path, rng):
    cube = random_complex(rng, 1, 2, K, 3, 4, dtype=complex)
    data = dctn(cube, type=4, norm="ortho", axes=(3, 4)).reshape(1, 2, K, 12)
    indices = np.broadcast_to(np.arange(1, 13), data.shape).astype(np.int16)
    more = {"/measurement/sparsityTransformation": "DCT-IV", "/measurement/subsamplingIndices": indices}
    write(path, metadata(12), measured(data, **MATRIX, isSparsityTransformed=1), calibrated((4, 3, 1)), more)
    np.testing.assert_allclose(mpisim.read(path)["system_matrix"].values * V, cube[0], atol=1e-12)
    more["/measurement/subsamplingIndices"] = indices - 1
    write(path, metadata(12), measured(data, **MATRIX, isSparsityTransformed=1), calibrated((4, 3, 1)), more)
    refused(path, "subsamplingIndices .* indices from 1 to 12")


@pytest.mark.parametrize("fast", [0, 1])
def test_a_matrix_in_time(path, rng, fast):
    frames = rng.standard_normal((6, 1, 2, V))
    data = np.moveaxis(frames, 0, -1) if fast else frames
    write(path, metadata(6), measured(data, isFastFrameAxis=fast), calibrated((3, 2, 1)))
    spectra = np.fft.rfft(frames, axis=-1)[:, 0] / V
    expected = np.moveaxis(spectra, 0, -1).reshape(2, K, 2, 3)
    np.testing.assert_allclose(mpisim.read(path)["system_matrix"].values, expected, atol=1e-14)


def test_a_matrix_whose_frames_come_first(path, rng):
    data = random_complex(rng, 6, 1, 2, K)
    write(path, metadata(6), measured(data, isFourierTransformed=1), calibrated((3, 2, 1)))
    expected = np.moveaxis(data[:, 0], 0, -1).reshape(2, K, 2, 3)
    np.testing.assert_allclose(mpisim.read(path)["system_matrix"].values * V, expected, rtol=1e-6)


def test_a_draft_without_flags_is_read(path, rng):
    """As Open MPI: numPeriods, no isSparsityTransformed, no transferFunction, no deltaSampleSize."""
    stored = write_matrix(
        path,
        (3, 2, 1),
        {"/acquisition/numPeriodsPerFrame": None, "/acquisition/numPeriods": np.int64(1)},
        {f"/measurement/{n}": None for n in ("isSparsityTransformed", "isFastFrameAxis", "isFrequencySelection")},
        {"/version": "2.0.0", "/acquisition/gradient": np.array([-1.0, -1.0, 2.0])},
        {"/acquisition/drivefield/waveform": "sine"},
    )
    np.testing.assert_allclose(mpisim.read(path)["system_matrix"].values[:, :, None] * V, stored, rtol=1e-6)


@pytest.mark.parametrize("angles", ["gradient", "own"])
def test_periods_of_a_turning_line_are_angles(path, rng, angles):
    theta = np.array([0.0, 0.5, 1.1, 2.9])
    normal = np.stack([np.cos(theta), np.sin(theta), 0 * theta], axis=-1)
    z = np.array([0, 0, 1.0])
    gradient = normal[:, :, None] * z + normal[:, None, :] * z[:, None]
    data = random_complex(rng, 4, 2, K, 6)
    more = {"/acquisition/gradient": gradient[:, None], "/scanner/topology": "FFL"}
    if angles == "own":
        more |= {"/acquisition/gradient": None, "/acquisition/_angles": theta}
    write(path, metadata(6, 4), measured(data, **MATRIX), calibrated((3, 2, 1)), more)
    found = mpisim.read(path)
    assert found["system_matrix"].dims == ("angle", "receive", "frequency", "y", "x")
    np.testing.assert_allclose(found["angle"], theta, atol=1e-12)
    np.testing.assert_allclose(found["system_matrix"].values.reshape(4, 2, K, 6) * V, data, rtol=1e-6)


def test_a_line_whose_gradient_lies_in_the_plane_is_known_up_to_its_sign(path, rng):
    theta = np.array([0.2, 1.4, 2.6])
    normal = np.stack([np.cos(theta), np.sin(theta), 0 * theta], axis=-1)
    gradient = normal[:, :, None] * normal[:, None, :] - np.diag([0, 0, 1.0])
    more = {"/acquisition/gradient": gradient[:, None], "/scanner/topology": "FFL"}
    write(path, metadata(6, 3), measured(random_complex(rng, 3, 2, K, 6), **MATRIX), calibrated((3, 2, 1)), more)
    np.testing.assert_allclose(mpisim.read(path)["angle"], theta, atol=1e-12)


def test_patches_and_moving_fields_are_refused(path, rng):
    data = measured(random_complex(rng, 3, 2, K, 6), **MATRIX)
    offset = np.zeros((3, 1, 3))
    offset[:, 0, 0] = [-0.01, 0, 0.01]
    write(path, metadata(6, 3), data, calibrated((3, 2, 1)), {"/acquisition/offsetField": offset})
    refused(path, "focus-field patches are not read.*instead received 3")
    moving = np.zeros((3, 2, 3))
    moving[:, 1, 0] = 0.01
    write(path, metadata(6, 3), data, calibrated((3, 2, 1)), {"/acquisition/offsetField": moving})
    refused(path, "moving fields are not read")


def test_equal_periods_of_a_calibration_are_averaged(path, rng):
    data = random_complex(rng, 3, 2, K, 6, dtype=complex)
    write(path, metadata(6, 3), measured(data, **MATRIX), calibrated((3, 2, 1)))
    found = mpisim.read(path)["system_matrix"].values.reshape(2, K, 6)
    np.testing.assert_allclose(found * V, data.mean(axis=0), rtol=1e-12)


def test_a_matrix_by_slabs_is_that_read_at_once(path, rng, monkeypatch):
    data = random_complex(rng, 1, 2, K, 16)
    write(path, metadata(16), measured(data, [0] * 6 + [1] * 10, **MATRIX), calibrated((3, 2, 1)))
    whole = mpisim.read(path)
    monkeypatch.setattr("mpisim.io.mdf.reading._WORKING", 8 * 16 * 2 * 16 * 2)
    slabs = list(matrix_slabs(path))
    assert [s.sizes["frequency"] for s in slabs] == [2, 2, 2, 2, 1]
    joined = np.concatenate([s["system_matrix"].values for s in slabs], axis=1)
    np.testing.assert_array_equal(joined, whole["system_matrix"].values)
    np.testing.assert_array_equal(mpisim.read(path)["system_matrix"].values, whole["system_matrix"].values)


def test_a_matrix_larger_than_the_limit_is_refused_by_size_and_read_by_slabs(path):
    """A hole on disk: allocated early and never filled, 0.2 GB of zeros."""
    with h5py.File(path, "w") as file:
        for name, value in (metadata(50000, 1, 1) | calibrated((250, 200, 1))).items():
            file[name] = value
        for name, value in measured(np.zeros((1, 1, 1, 50000), np.complex64), **MATRIX).items():
            if not name.endswith("/data"):
                file[name] = value
        file["/acquisition/receiver/numSamplingPoints"][...] = 1000
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        plist.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        space, kind = h5py.h5s.create_simple((1, 1, 501, 50000)), h5py.h5t.py_create(np.dtype(np.complex64))
        h5py.h5d.create(file["/measurement"].id, b"data", kind, space, dcpl=plist)
    refused(path, "one that needs at most 0.1 GB .* instead received one that needs 0.25 GB", memory=0.1)
    slab = next(matrix_slabs(path))
    assert slab.sizes["frequency"] < 501 and slab.sizes["y"] == 200


# Measurements


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
    np.testing.assert_allclose(found["noise_std"], noise / np.sqrt(repetitions), rtol=1e-9)


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


# What lies differently in files that are in use


@pytest.mark.parametrize("dtype", ["<c8", "<c16", ">c8", ">c16", "int16", "int32", "pairs"])
def test_types_of_complex_numbers(path, rng, dtype):
    values = np.round(random_complex(rng, 1, 2, K, 6, dtype=complex) * 100)
    data = values.astype(dtype) if dtype[-2:] in ("c8", "16") and dtype[0] in "<>" else values
    if dtype.startswith("int"):
        data = np.empty(values.shape, [("r", dtype), ("i", dtype)])
        data["r"], data["i"] = values.real, values.imag
    if dtype == "pairs":
        data = np.stack([values.real, values.imag], axis=-1)
    flags = measured(data, **MATRIX)
    flags["/measurement/isBackgroundFrame"] = np.zeros(6, np.int8)
    write(path, metadata(6), flags, calibrated((3, 2, 1)))
    found = mpisim.read(path)["system_matrix"].values
    np.testing.assert_allclose(found.reshape(1, 2, K, 6) * V, values, rtol=1e-6)
    assert found.dtype == (np.complex64 if dtype in ("<c8", ">c8", "int16") else np.complex128)


def bitfield(file, name, value):
    value = np.asarray(value, dtype=np.uint8)
    space = h5py.h5s.create(h5py.h5s.SCALAR) if value.ndim == 0 else h5py.h5s.create_simple(value.shape)
    created = h5py.h5d.create(file["/measurement"].id, name.encode(), h5py.h5t.NATIVE_B8, space)
    created.write(h5py.h5s.ALL, h5py.h5s.ALL, value, mtype=h5py.h5t.NATIVE_B8)


FLAG_TYPES = {
    "int8": np.int8,
    "int64": np.int64,
    "uint8": np.uint8,
    "big-endian": np.dtype(">i4"),
    "enumeration": bool,
    "float": float,
}


@pytest.mark.parametrize("kind", [*FLAG_TYPES, "array of one", "bitfield"])
def test_types_of_flags(path, rng, kind):
    """Truth values as every integer, an enumeration, a bit field, and masks of all of these."""
    frames = random_complex(rng, 1, 2, K, 8)
    fields = measured(frames, [0] * 6 + [1] * 2, **MATRIX)
    flags = {k: v for k, v in fields.items() if "/is" in k}
    if kind == "bitfield":
        write(path, metadata(8), {k: v for k, v in fields.items() if k not in flags}, calibrated((3, 2, 1)))
        with h5py.File(path, "a") as file:
            for name, value in flags.items():
                bitfield(file, name.rpartition("/")[2], value)
    else:
        as_kind = (
            (lambda v: np.atleast_1d(v)) if kind == "array of one" else (lambda v: np.asarray(v, FLAG_TYPES[kind]))
        )
        write(path, metadata(8), fields, {k: as_kind(v) for k, v in flags.items()}, calibrated((3, 2, 1)))
    found = mpisim.read(path)["system_matrix"].values.reshape(2, K, 6) * V
    np.testing.assert_allclose(found, frames[0, ..., :6] - frames[0, ..., 6:].mean(axis=-1, keepdims=True), atol=1e-5)


@pytest.mark.parametrize("variant", ["variable", "fixed", "one variable", "one fixed", "ascii"])
def test_types_of_texts(path, variant):
    write_matrix(path, (3, 2, 1), {"/acquisition/receiver/unit": None, "/version": None})
    with h5py.File(path, "a") as file:
        for name, text in (("/acquisition/receiver/unit", "uV"), ("/version", "2.0.1")):
            value = [text] if variant.startswith("one") else text
            if variant.endswith("fixed"):
                file[name] = np.bytes_(value)
            elif variant == "ascii":
                file.create_dataset(name, data=text, dtype=h5py.string_dtype("ascii"))
            else:
                file.create_dataset(name, data=value, dtype=h5py.string_dtype())
    assert mpisim.read(path)["system_matrix"].attrs["units"] == "uV"


def test_one_number_may_be_an_array_of_one(path):
    scalars = {k: np.atleast_1d(v) for k, v in metadata(6).items() if not isinstance(v, str | list) and np.ndim(v) == 0}
    stored = write_matrix(path, (3, 2, 1), scalars)
    np.testing.assert_allclose(mpisim.read(path)["system_matrix"].values[:, :, None] * V, stored, rtol=1e-6)


@pytest.mark.parametrize("options", [{"compression": "gzip"}, {"chunks": True}])
def test_compressed_and_chunked_data(path, rng, options):
    stored = write_matrix(path, (3, 2, 1))
    with h5py.File(path, "a") as file:
        values = file["/measurement/data"][()]
        del file["/measurement/data"]
        file.create_dataset("/measurement/data", data=values, **options)
    np.testing.assert_allclose(mpisim.read(path)["system_matrix"].values[:, :, None] * V, stored, rtol=1e-6)


@pytest.mark.parametrize("gradient", ["vector", "matrix", "periods", "full"])
def test_shapes_of_gradients(path, gradient):
    shapes = {"vector": np.array([-1.0, -1, 2]), "matrix": np.diag([-1.0, -1, 2])}
    shapes |= {"periods": shapes["matrix"][None], "full": shapes["matrix"][None, None]}
    write_matrix(path, (3, 2, 1), {"/acquisition/gradient": shapes[gradient]})
    assert mpisim.read(path)["system_matrix"].dims == ("receive", "frequency", "y", "x")


def test_files_of_other_versions_and_kinds_are_refused(path):
    write_matrix(path, (3, 2, 1), {"/version": "1.0.5"})
    refused(path, "/version .* must be 2.0 to 2.1; instead received '1.0.5'")
    write(path, metadata(6), calibrated((3, 2, 1)))
    refused(path, "an MDF file with data of a measurement or an image")
    path.write_bytes(b"MDF")
    refused(path, "another kind of file")


CONTRADICTIONS = {
    "channels": ({"/acquisition/receiver/numChannels": np.int64(3)}, "with C = 3 receive channels"),
    "periods": ({"/acquisition/numPeriodsPerFrame": np.int64(2)}, "with J = 2 periods"),
    "positions": ({"/calibration/size": np.array([3, 3, 1])}, "of 6 positions"),
    "mask": ({"/measurement/isBackgroundFrame": np.zeros(5, np.int8)}, "of 6 values"),
    "flag": ({"/measurement/isFourierTransformed": np.int8(7)}, "must be 0 or 1"),
    "bandwidth": ({"/acquisition/receiver/bandwidth": -1.0}, "a positive number of Hz"),
    "samples": ({"/acquisition/receiver/numSamplingPoints": None}, "must be given"),
    "few samples": (
        {"/acquisition/receiver/numSamplingPoints": np.int64(8)},
        "of at most 5 frequencies, which V = 8 samples give",
    ),
    "permutation": (
        {"/measurement/isFramePermutation": np.int8(1), "/measurement/framePermutation": np.array([1, 1, 2, 3, 4, 5])},
        "the numbers 1 to 6",
    ),
    "no permutation": ({"/measurement/isFramePermutation": np.int8(1)}, "must be given where isFramePermutation"),
    "no grid": ({"/calibration/size": None}, "/calibration/size .* must be given"),
    "transfer function": ({"/acquisition/receiver/transferFunction": np.ones((2, 4), complex)}, "C x K = 2 x 9"),
    "conversion": ({"/acquisition/receiver/dataConversionFactor": np.ones((3, 2))}, "C x 2 = 2 x 2"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_contradictions_get_one_sentence(path, case):
    fields, reason = CONTRADICTIONS[case]
    write_matrix(path, (3, 2, 1), fields)
    refused(path, reason)


def test_data_that_lead_out_of_the_file_are_refused(path, tmp_path):
    write_matrix(path, (3, 2, 1))
    other = tmp_path / "other.mdf"
    write_matrix(other, (3, 2, 1))
    for kind in ("external link", "soft link", "virtual", "external"):
        with h5py.File(path, "a") as file:
            del file["/measurement/data"]
            if kind == "external link":
                file["/measurement/data"] = h5py.ExternalLink(str(other), "/measurement/data")
            elif kind == "soft link":
                file["/measurement/data"] = h5py.SoftLink("/acquisition")
            elif kind == "virtual":
                layout = h5py.VirtualLayout((1, 2, K, 6), np.complex64)
                layout[...] = h5py.VirtualSource(str(other), "/measurement/data", (1, 2, K, 6))
                file.create_virtual_dataset("/measurement/data", layout)
            else:
                raw = [(str(tmp_path / "raw.bin"), 0, 2 * K * 6 * 8)]
                file.create_dataset("/measurement/data", (1, 2, K, 6), np.complex64, external=raw)
        refused(path, "a link" if "link" in kind else "data lie in other files")


def test_a_size_that_is_only_claimed_is_refused(path):
    write_matrix(path, (3, 2, 1))
    with h5py.File(path, "a") as file:
        del file["/measurement/data"]
        file.create_dataset("/measurement/data", (1, 2, K, 10**10), np.complex64, chunks=(1, 1, 1, 1000))
    refused(path, "one that claims 1.44e\\+03 GB and stores 0 bytes|one that claims")


# Images and metadata


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
