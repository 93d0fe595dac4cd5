"""System matrices of MDF files: every pitfall of the format, on files made without our writer."""

import h5py
import numpy as np
import pytest
from scipy.fft import dctn

import mpisim
from mpisim import Grid
from mpisim.errors import DataWarning
from mpisim.io.mdf.reading import matrix_slabs
from tests.mpisim.io.mdf.files import (
    FREQUENCIES,
    MATRIX,
    K,
    V,
    assert_same,
    calibrated,
    drifting,
    measured,
    metadata,
    random_complex,
    refused,
    write,
    write_matrix,
)


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
    assert np.sqrt(np.mean(single_noise**2)) == pytest.approx(np.sqrt(1.5 * np.mean(sigma**2)), rel=0.3)
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
