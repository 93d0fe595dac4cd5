"""Frames that come one after the other: the images of each alone, computed in bounded memory."""

import gc
import tracemalloc
import warnings

import numpy as np
import pytest

import mpisim
import recon
from mpisim import InputError
from mpisim.errors import DataWarning
from recon.frames import reconstruct_file
from recon.preparation import Conditions
from recon.reconstructor import Reconstructor
from recon.selection import white_rows
from tests.recon.problems import small_matrix, small_measurement


def frames(count=3, seed=0):
    return recon.measure(small_matrix(), recon.phantoms.tubes(), snr=30, seed=seed, frames=count)


def one_by_one(y):
    return [y.isel(frame=k) for k in range(y.sizes["frame"])]


def uncertain():
    fine = small_matrix()
    std = np.full(fine["system_matrix"].shape, 0.05 * float(np.abs(fine["system_matrix"]).mean()))
    return fine.assign(system_matrix_std=(fine["system_matrix"].dims, std, {"units": "V"}))


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("tikhonov", {"regularisation": "auto"}),
        ("kaczmarz", {"regularisation": "gcv", "max_frequency": 8e4}),
        ("admm", {"background": "frequency"}),
        ("cg", {"tolerance": 1e-9, "iterations": 300}),  # before it converges, rounding changes its images
        ("fbp", {}),
    ],
)
def test_every_frame_is_the_image_of_the_frame_alone(method, options):
    y = frames()
    streamed = list(recon.stream(small_matrix(), one_by_one(y), method, **options))
    for k, image in enumerate(streamed):
        alone = recon.reconstruct(small_matrix(), y.isel(frame=k), method, **options)
        xr_equal(image, alone)
    (together,) = recon.stream(small_matrix(), [y], method, **options)
    np.testing.assert_allclose(together["image"].values, [i["image"].values for i in streamed], atol=2e-3)


def test_the_matrix_is_whitened_once_for_all_frames_with_a_background(monkeypatch):
    voxels, whiten = [], white_rows.whiten

    def counted(data, sigma):
        voxels.append(data["system_matrix"][0, 0].size if "system_matrix" in data else 0)
        return whiten(data, sigma)

    monkeypatch.setattr(white_rows, "whiten", counted)
    y = frames(4)
    images = list(recon.stream(small_matrix(), one_by_one(y), "kaczmarz", background="frequency"))
    assert sum(count > 1 for count in voxels) == 1
    for k, image in enumerate(images):
        alone = recon.reconstruct(small_matrix(), y.isel(frame=k), "kaczmarz", background="frequency")
        assert image.attrs["background_rms"] == pytest.approx(alone.attrs["background_rms"], rel=1e-12)


def xr_equal(image, expected):
    np.testing.assert_allclose(image["image"].values, expected["image"].values, atol=1e-12)
    assert image.coords.to_dataset().equals(expected.coords.to_dataset())
    assert set(image.attrs) == set(expected.attrs)
    assert image.attrs["options"] == expected.attrs["options"] and image.attrs["rows"] == expected.attrs["rows"]


@pytest.mark.parametrize("labels", [None, [3.0, 4.0, 5.0, 6.0]])
def test_what_the_matrix_needs_is_computed_once(monkeypatch, labels):
    import recon.solvers.solver as solver

    counted = []
    original = solver.factorise
    monkeypatch.setattr(solver, "factorise", lambda *args: counted.append(1) or original(*args))
    y = frames(4) if labels is None else frames(4).assign_coords(frame=labels)
    list(recon.stream(small_matrix(), one_by_one(y), "admm"))
    assert len(counted) == 1


def test_where_noise_or_rows_change_the_matrix_is_prepared_again():
    y = one_by_one(frames(2))
    louder = y[1].assign(noise_std=3 * y[1]["noise_std"])
    few = y[1].isel(frequency=slice(0, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        for last in (louder, few):
            image = list(recon.stream(small_matrix(), [y[0], last], "admm", iterations=200))[1]
            xr_equal(image, recon.reconstruct(small_matrix(), last, "admm", iterations=200))


def test_a_matrix_that_states_its_errors_is_weighted_for_each_frame():
    y = frames(2)
    (both,) = recon.stream(uncertain(), [y], "kaczmarz")
    assert both["image"].dims == ("frame", "y", "x")
    for k in range(2):
        alone = recon.reconstruct(uncertain(), y.isel(frame=k), "kaczmarz")
        np.testing.assert_allclose(both["image"].values[k], alone["image"].values, atol=1e-12)
        assert both.attrs["iterations"][k] == alone.attrs["iterations"]


def test_frames_arrive_one_at_a_time():
    """The image of a frame comes before the next frame is asked for."""
    asked = []

    def source():
        for k, y in enumerate(one_by_one(frames(3))):
            asked.append(k)
            yield y

    images = recon.stream(small_matrix(), source(), "kaczmarz", iterations=2)
    for k in range(3):
        next(images)
        assert asked == list(range(k + 1))


def peak_of(count):
    y = small_measurement()
    source = (y.copy(deep=True) for _ in range(count))
    tracemalloc.start()
    for _ in recon.stream(small_matrix(), source, "kaczmarz", iterations=1):
        gc.collect()  # objects that refer to each other, which Python frees now and then
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_number_of_frames():
    peak_of(2)
    assert peak_of(24) < 1.1 * peak_of(4)


def test_a_file_of_frames_gives_the_images_of_all_frames_at_once(tmp_path):
    y = frames(5)
    mpisim.write(y, tmp_path / "y.nc")
    maker = Reconstructor.of("tikhonov", None, Conditions(), {"regularisation": "auto"})
    told = reconstruct_file(small_matrix(), tmp_path / "y.nc", tmp_path / "images.nc", 2, maker)
    written, whole = (
        mpisim.read(tmp_path / "images.nc"),
        recon.reconstruct(small_matrix(), y, "tikhonov", regularisation="auto"),
    )
    np.testing.assert_allclose(written["image"].values, whole["image"].values, atol=1e-12)
    np.testing.assert_allclose(written["regularisation"].values, whole.attrs["regularisation"])
    assert told["regularisation"] == pytest.approx(whole.attrs["regularisation"])
    expected = recon.image_figures(whole, None, y)
    assert told["psnr_phantom"] == pytest.approx(expected["psnr_phantom"])
    assert written.attrs["options"] == whole.attrs["options"] and written.attrs["method"] == "tikhonov"


def test_a_file_that_fails_midway_leaves_no_output(tmp_path):
    y = frames(3)
    bad = y.copy(deep=True)
    mpisim.write(bad, tmp_path / "y.nc")
    (tmp_path / "images.nc").write_text("before")
    maker = Reconstructor.of("kaczmarz", None, Conditions(row_snr=-1.0), {})
    with pytest.raises(InputError, match="row_snr"):
        reconstruct_file(small_matrix(), tmp_path / "y.nc", tmp_path / "images.nc", 1, maker)
    assert (tmp_path / "images.nc").read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images.nc", "y.nc"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"noise_db": 30.0}, "noise_db must be left out for frames that arrive one by one"),
        ({"method": "sobolev"}, "method must be one of"),
        ({"weight": 1}, "options must be among"),
    ],
)
def test_bad_input_gets_one_sentence(options, sentence):
    with pytest.raises(InputError, match=f"^Input {sentence}"):
        next(recon.stream(small_matrix(), [small_measurement()], **{"method": "kaczmarz", **options}))


def test_files_without_frames_are_refused(tmp_path):
    mpisim.write(small_measurement(), tmp_path / "y.nc")
    maker = Reconstructor.of("kaczmarz", None, Conditions(), {})
    for words, out, sentence in ((1, "i.nc", "measurement must be of frames"), (0, "i.nc", "frames_at_once must be")):
        with pytest.raises(InputError, match=sentence):
            reconstruct_file(small_matrix(), tmp_path / "y.nc", tmp_path / out, words, maker)
