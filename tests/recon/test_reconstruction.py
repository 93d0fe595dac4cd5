import math
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import mpisim
import recon
from mpisim import InputError
from mpisim.data.schema import build
from mpisim.errors import DataWarning
from tests.recon.problems import small_matrix, small_measurement


@pytest.mark.parametrize("method", sorted(recon.METHODS))
@pytest.mark.parametrize("non_negative", [True, False])
def test_every_method_shows_the_tubes_and_a_file_holds_them(method, non_negative, tmp_path):
    y = small_measurement()
    image = recon.reconstruct(small_matrix(), y, method=method, non_negative=non_negative)
    assert image["image"].dims == ("y", "x") and image["image"].attrs["units"] == "1"
    assert image.attrs["method"] == method and image.attrs["options"]["non_negative"] is non_negative
    assert image.attrs["matrix"]["scanner"] == small_matrix().attrs["scanner"]
    assert image.attrs["measurement"]["seed"] == 0 and "software" in image.attrs
    assert not non_negative or image["image"].min() >= 0
    inside = y["phantom"].values > 0.5
    contrast = 2 if method == "xspace" else 3  # its image is blurred by the response of the particles
    assert image["image"].values[inside].mean() > contrast * np.abs(image["image"].values[~inside]).mean()
    assert np.corrcoef(image["image"].values.ravel(), y["phantom"].values.ravel())[0, 1] > 0.5
    mpisim.write(image, tmp_path / "image.nc")
    assert mpisim.read(tmp_path / "image.nc").identical(image)


def test_the_published_protocol_resolves_the_tubes_at_their_amplitude():
    fine = mpisim.simulate(mpisim.open_sided_ffl(1.0), mpisim.Particle(25e-9))
    y = recon.measure(fine, recon.phantoms.tubes(), snr=30, seed=3)
    image = recon.reconstruct(fine, y)["image"]
    spans = ((-10e-3, -6e-3), (-5e-3, 3e-3), (5e-3, 9e-3))
    left, gap, right = (image.sel(x=slice(*span), y=slice(-8e-3, 8e-3)) for span in spans)
    assert float(left.mean()) == pytest.approx(1, abs=0.15)
    assert float(right.mean()) == pytest.approx(1, abs=0.2)
    assert float(gap.mean()) < 0.1
    assert recon.psnr(image.values, y["phantom"].values) > 14


def test_the_image_of_admm_lies_in_the_noise_ball():
    fine, y = small_matrix(), small_measurement()
    image = recon.reconstruct(fine, y)
    rows = fine["system_matrix"].values.reshape(48, -1)
    sigma = float(y["noise_std"])
    away = np.linalg.norm(rows @ image["image"].values.ravel() - y["measurement"].values.ravel()) / sigma
    assert math.sqrt(48) <= image.attrs["eps"] <= math.sqrt(48) + 1.5  # complex rows
    assert away <= image.attrs["eps"] * (1 + 1e-3)
    published = recon.reconstruct(fine, y, preset="transms")
    assert published.attrs["eps"] == pytest.approx(math.sqrt(48))
    assert image.attrs["feasible"] is True and image.attrs["least_residual"] <= image.attrs["residual"] * (1 + 1e-6)
    assert away == pytest.approx(image.attrs["residual"], rel=1e-6)


@pytest.mark.parametrize(("excess", "least", "most"), [(-0.5, 0, 0.1), (1.0, 0.4, 1.5), (4.0, 1.5, 1.5)])
def test_the_radius_follows_the_data_as_far_as_chance_explains_it(excess, least, most):
    """Of noise whose norm is sqrt(M) + `excess`, the radius is sqrt(M) + `least` ... `most`."""
    fine, exact = small_matrix(), small_measurement(snr=60.0)
    draw = np.random.default_rng(3).standard_normal((2, *exact["measurement"].shape))
    noise = (draw[0] + 1j * draw[1]) * (math.sqrt(48) + excess) / np.linalg.norm(draw)
    sigma = 0.1 * float(np.sqrt(np.mean(np.abs(exact["measurement"].values) ** 2)))
    y = exact.copy(deep=True)
    y["measurement"].values[:] = fine["system_matrix"].values.reshape(*noise.shape, -1) @ y["phantom"].values.ravel()
    y["measurement"].values[:] += sigma * noise
    y["noise_std"].values[...] = sigma
    image = recon.reconstruct(fine, y)
    assert math.sqrt(48) + least - 1e-9 <= image.attrs["eps"] <= math.sqrt(48) + most + 1e-9
    assert recon.reconstruct(fine, y, preset="transms", eps=50).attrs["eps"] == 50
    if excess == 1:
        truth = y["phantom"].values
        published = recon.reconstruct(fine, y, eps=math.sqrt(48))
        assert recon.psnr(image["image"].values, truth) > recon.psnr(published["image"].values, truth)


def test_an_unfit_matrix_is_called_infeasible():
    other = small_matrix(diameter=18e-9).drop_vars("particle_diameter")
    sentence = r"^With eps = 8\.428 no image lies in the noise ball: the least possible residual is 23\.7"
    with pytest.warns(DataWarning, match=sentence):
        image = recon.reconstruct(other, small_measurement(), iterations=50)
    assert image.attrs["feasible"] is False
    assert image.attrs["least_residual"] > image.attrs["eps"] * 1.01
    assert image.attrs["iterations"] == 50


def test_noise_db_is_the_same_as_its_noise_std():
    y = small_measurement()
    rms = float(np.sqrt(np.mean(np.abs(y["measurement"].values) ** 2)))
    level = 20 * math.log10(rms / float(y["noise_std"]))
    bare = y.drop_vars("noise_std")
    a = recon.reconstruct(small_matrix(), y, iterations=100)
    b = recon.reconstruct(small_matrix(), bare, iterations=100, noise_db=level)
    assert np.allclose(a["image"], b["image"], atol=1e-4)
    # and a radius in the data's unit is one in units of sigma
    c = recon.reconstruct(small_matrix(), bare, iterations=100, eps=math.sqrt(48) * float(y["noise_std"]))
    assert np.allclose(a["image"], c["image"], atol=1e-4)


def test_rows_are_weighted_by_their_own_noise():
    y = small_measurement()
    loud = y["measurement"].copy()
    sigma = xr.full_like(loud.real, float(y["noise_std"]))
    loud[0], sigma[0] = loud[0] * 0 + 1.0, 1e6  # a useless angle, known to be useless
    image = recon.reconstruct(small_matrix(), y.assign(measurement=loud, noise_std=sigma), tolerance=1e-5)
    others = slice(1, None)
    without = recon.reconstruct(
        small_matrix().isel(angle=others), y.isel(angle=others), eps=math.sqrt(48), tolerance=1e-5
    )
    assert image.attrs["objective"] == pytest.approx(without.attrs["objective"], rel=1e-3)
    assert mpisim.nrmse(image["image"].values, without["image"].values) < 0.02


def test_frames_give_one_image_each():
    values = np.stack([small_measurement(seed=s)["measurement"].values for s in (0, 1)])
    y = small_measurement()
    both = build(
        "measurement",
        values,
        ("frame", "angle", "frequency"),
        dict(y.drop_vars(["x", "y"]).coords),
        noise_std=float(y["noise_std"]),
    )
    images = recon.reconstruct(small_matrix(), both, precision="float64")
    assert images["image"].dims == ("frame", "y", "x") and len(images.attrs["feasible"]) == 2
    alone = recon.reconstruct(small_matrix(), y, precision="float64")
    assert np.allclose(images["image"][0], alone["image"], atol=1e-8)
    for method in ("kaczmarz", "tikhonov"):
        assert recon.reconstruct(small_matrix(), both, method=method)["image"].shape == (2, 16, 16)


def test_an_infeasible_eps_is_said_for_frames_too():
    y = recon.measure(small_matrix(), recon.phantoms.tubes(), snr=30, frames=3)
    with pytest.warns(DataWarning, match=r"^With eps = 0\.1 no image lies in the noise ball in 3 of 3 frames: "):
        image = recon.reconstruct(small_matrix(), y, eps=0.1, iterations=20)
    assert image.attrs["feasible"] == [False] * 3 and min(image.attrs["least_residual"]) > 0.1


def test_a_ball_that_was_not_reached_is_said():
    with pytest.warns(DataWarning, match=r"the noise ball was not reached: .*; more iterations may reach it\.$"):
        image = recon.reconstruct(small_matrix(), small_measurement(), preset="transms", iterations=2)
    assert image.attrs["feasible"] is True and image.attrs["converged"] is False


def test_an_empty_image_of_a_measurement_is_said():
    fine, y = small_matrix(), small_measurement()
    size = float(np.linalg.norm(y["measurement"].values) / float(y["noise_std"]))
    sentence = rf"^With eps = 1e\+09 the empty image already fits the measurement: its norm is {size:.4g} in the unit"
    with pytest.warns(DataWarning, match=sentence):
        assert not recon.reconstruct(fine, y, eps=1e9)["image"].any()
    with pytest.warns(DataWarning, match=r"^The image explains 0\.\d+ % of the measurement and .* eps is too large\.$"):
        recon.reconstruct(fine, y, eps=0.995 * size)
    for method in ("kaczmarz", "tikhonov"):
        with pytest.warns(DataWarning, match=r" % of the measurement .* the regularisation is too strong\.$"):
            recon.reconstruct(fine, y, method=method, regularisation=1e6)
    nothing = y.assign(measurement=y["measurement"] * 0)  # an empty image of nothing is right
    assert not recon.reconstruct(fine, nothing, method="tikhonov")["image"].any()
    frames = xr.concat([y["measurement"], y["measurement"] * 1e-3], "frame")
    with pytest.warns(DataWarning, match=r"the empty image already fits the measurement in 1 of 2 frames"):
        recon.reconstruct(fine, y.drop_vars("measurement").assign(measurement=frames))


# -- rows -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["admm", "kaczmarz", "tikhonov"])
def test_rows_left_out_are_as_if_they_were_not_there(method):
    kept = slice(1, 3)
    fewer = recon.reconstruct(small_matrix().isel(frequency=kept), small_measurement().isel(frequency=kept), method)
    f = small_matrix()["frequency"].values
    mask = xr.DataArray([False, True, True, False], dims="frequency")
    for rows in ({"min_frequency": f[1], "max_frequency": f[2]}, {"row_mask": mask}):
        image = recon.reconstruct(small_matrix(), small_measurement(), method, **rows)
        assert np.array_equal(image["image"], fewer["image"])
        assert image.attrs["rows"]["used"] == 24 and image.attrs["rows"]["measured"] == 48
        assert image.attrs.get("eps") == fewer.attrs.get("eps")


def test_rows_of_frames_and_channels():
    """The mask is over angle, receive channel and frequency; every frame is reconstructed from the same rows."""
    fine, y = small_matrix(), recon.measure(small_matrix(), recon.phantoms.tubes(), snr=30, frames=2)
    two = xr.concat([fine["system_matrix"], 0 * fine["system_matrix"]], "receive").transpose("angle", "receive", ...)
    matrix = fine.drop_vars("system_matrix").assign(system_matrix=two)
    data = xr.concat([y["measurement"], y["measurement"] * 0 + 1], "receive")
    data = y.drop_vars("measurement").assign(measurement=data.transpose("frame", "angle", "receive", "frequency"))
    first = np.zeros((12, 2, 4), bool)
    first[:, 0] = True
    images = recon.reconstruct(matrix, data, "kaczmarz", row_mask=first)
    expected = recon.reconstruct(fine, y, "kaczmarz")
    assert images["image"].dims == ("frame", "y", "x") and images["image"].equals(expected["image"])


NAN = small_measurement().copy(deep=True)
NAN["measurement"][0, 0] = np.nan
HOLED = small_matrix().copy(deep=True)
HOLED["system_matrix"][0, 0, 0, 0] = np.nan


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"method": "magic"}, "method must be one of admm"),
        ({"eps": -1}, "eps must be a number of zero or more"),
        ({"eps": math.nan}, "eps must be"),
        ({"noise_db": math.nan}, "noise_db must be"),
        ({"noise_db": "x"}, "noise_db must be"),
        ({"y": NAN}, "measurement of y must be finite"),
        ({"matrix": HOLED}, "system_matrix of matrix must be finite"),
        ({"y": small_measurement().isel(angle=slice(3))}, "y must be measured over the matrix's rows"),
        ({"y": small_measurement().drop_vars("noise_std")}, "y must state its noise_std"),
        ({"y": recon.measure(small_matrix(), recon.phantoms.tubes(), noiseless=True)}, "y must state its noise_std"),
        ({"matrix": small_matrix(gradient=0.5)}, "sf_gradient of y must be the same"),
        ({"y": small_measurement().assign_coords(angle=small_measurement()["angle"] + 0.1)}, "angle of y must be"),
        ({"matrix": small_measurement()}, "matrix must be a system_matrix"),
        ({"y": small_matrix()}, "y must be a measurement"),
        ({"regularisation": 1.0}, "options must be among a1"),
        ({"method": "kaczmarz", "eps": 1.0}, "eps must be left out"),
        ({"method": "kaczmarz", "mu": 1.0}, "options must be among regularisation"),
        ({"mu": -1.0}, "mu must be"),
        ({"iterations": 0}, "iterations must be"),
        ({"method": "kaczmarz", "regularisation": -1.0}, "regularisation must be"),
        ({"method": "tikhonov", "regularisation": 0.0}, "regularisation must be positive"),
        ({"row_mask": np.ones(3, bool)}, "row_mask must be of the shape"),
        ({"min_frequency": 1e9}, "min_frequency or max_frequency must be such that rows are left"),
    ],
)
def test_bad_input_gets_one_sentence(change, sentence):
    with pytest.raises(InputError, match=rf"^Input {sentence}.*; instead received [^\n]*\.$"):
        recon.reconstruct(**{"matrix": small_matrix(), "y": small_measurement(), **change})


def test_former_names_of_options_work_with_a_warning():
    with pytest.warns(DeprecationWarning, match="use regularisation instead of strength"):
        former = recon.reconstruct(small_matrix(), small_measurement(), method="tikhonov", strength=0.1)
    image = recon.reconstruct(small_matrix(), small_measurement(), method="tikhonov", regularisation=0.1)
    assert former.identical(image) and image.attrs["options"]["regularisation"] == 0.1


def test_recon_imports_neither_torch_nor_pyplot():
    names = "{'torch', 'matplotlib', 'skimage'}"
    code = f"import recon, recon.cli, mpisim.plot.panels, sys; assert not {names} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("method", ["kaczmarz", "cg", "fista"])
@pytest.mark.parametrize("stated", [False, True])
def test_a_matrix_of_complex64_stays_so_and_gives_the_image_of_float64(method, stated, monkeypatch):
    """Row noise, a mask and a unit that differs; also with errors that the matrix states."""
    from recon.solvers.solver import Solver

    fine, y = small_matrix(), small_measurement()
    sigma = xr.DataArray(np.linspace(1, 3, 4), dims="frequency") * float(y["noise_std"])
    y = y.assign(noise_std=sigma.assign_attrs(y["noise_std"].attrs))
    single = fine.assign(system_matrix=fine["system_matrix"].astype(np.complex64))
    if stated:
        level = 0.01 * np.abs(fine["system_matrix"].values).mean()
        std = (fine["system_matrix"].dims, np.full(fine["system_matrix"].shape, level), {"units": "V"})
        single = single.assign(system_matrix_std=std)
    double = single.assign(system_matrix=single["system_matrix"].astype(complex))
    used, run = [], Solver.run
    monkeypatch.setattr(
        Solver, "run", lambda self, problem, *a, **k: used.append(problem) or run(self, problem, *a, **k)
    )
    options = {"row_mask": np.arange(48) % 5 != 0, "regularisation": 0.1}
    options |= {"iterations": 20} if method == "kaczmarz" else {"iterations": 1000, "tolerance": 1e-6}
    images = [recon.reconstruct(matrix, y, method, **options)["image"].values for matrix in (single, double)]
    assert [p.matrix.dtype for p in used] == [np.complex64, np.complex128]
    assert np.allclose(used[0].matrix, used[1].matrix, rtol=2e-7) and np.allclose(used[0].y, used[1].y, rtol=1e-12)
    assert recon.nrmse(images[0], images[1]) < 1e-5
    recon.reconstruct(single, y, "tikhonov")
    recon.reconstruct(single, y, "cg", background="angle")
    assert all(p.matrix.dtype == np.complex128 for p in used[2:])


def test_values_that_leave_the_range_of_float32_are_whitened_in_float64():
    fine, y = small_matrix(), small_measurement()
    single = fine.assign(system_matrix=fine["system_matrix"].astype(np.complex64))
    quiet = y.assign(noise_std=0 * y["noise_std"] + 1e-50)
    image = recon.reconstruct(single, quiet, "kaczmarz")
    assert recon.nrmse(image["image"].values, recon.reconstruct(fine, quiet, "kaczmarz")["image"].values) < 1e-5
