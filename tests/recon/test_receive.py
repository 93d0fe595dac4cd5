"""Several receive coils from the matrix to the image, in Python and at the command line."""

import json

import numpy as np
import pytest

import mpisim
import recon
from mpisim import Coil, FieldMap, ImperfectFFL, Loop, MapCoil, WoundCoil
from mpisim.data.views import as_matrix
from tests.commands import run

PARTICLE, GRID = mpisim.Particle(25e-9), mpisim.Grid((8, 8))
LOOP = Loop((0.01, 0, 0.05), (0.2, 0, 1), 0.04, 30)


def map_coil():
    axis = np.linspace(-0.018, 0.018, 7)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    values = WoundCoil((LOOP,)).sensitivity(np.stack([x, y, 0 * x], axis=-1), 0)[None]
    return MapCoil(FieldMap(tuple(axis), tuple(axis), (0.0,), values, unit="1/m"))


def matrix(*coils, harmonics=(2, 3, 4)):
    ideal = mpisim.open_sided_ffl(0.9, angles=6, harmonics=harmonics)
    return mpisim.simulate(ImperfectFFL.of(ideal, coils=coils), PARTICLE, GRID)


@pytest.fixture(scope="module")
def fine():
    return matrix(Coil(), WoundCoil((LOOP,)), map_coil())


PHANTOM = recon.phantoms.tubes()


def test_every_channel_measures_the_phantom_with_its_own_coil(fine):
    together = recon.measure(fine, PHANTOM, noiseless=True)
    assert together["measurement"].dims == ("angle", "receive", "frequency")
    for i, coil in enumerate((Coil(), WoundCoil((LOOP,)), map_coil())):
        alone = recon.measure(matrix(coil), PHANTOM, noiseless=True)["measurement"].values
        found = together["measurement"].isel(receive=i).values
        assert np.abs(found - alone).max() <= 1e-6 * np.abs(alone).max()
    same = recon.measure(fine, PHANTOM, noiseless=True, same_grid=True)
    wanted = as_matrix(fine).astype(complex) @ same["phantom"].values.ravel()
    assert np.allclose(same["measurement"].values.ravel(), wanted, rtol=1e-6)


@pytest.mark.parametrize("method", ["admm", "kaczmarz", "tikhonov"])
def test_images_of_several_coils_are_those_of_all_rows(fine, method):
    y = recon.measure(fine, PHANTOM, snr=30, seed=2, frames=2)
    assert y["measurement"].dims == ("frame", "angle", "receive", "frequency")
    image = recon.reconstruct(fine, y, method=method)
    order = [2, 0, 1]
    shuffled = recon.reconstruct(fine.isel(receive=order), y.isel(receive=order), method=method)
    assert image["image"].shape == (2, 8, 8)
    if method != "kaczmarz":  # which takes one row after the other
        assert np.abs(image["image"] - shuffled["image"]).max() < 1e-2 * np.abs(image["image"]).max()


def test_more_coils_see_more(fine):
    """Data of three coils determine the image at least as well as those of one of them."""
    y = recon.measure(fine, PHANTOM, snr=30, seed=1, same_grid=True)
    truth = y["phantom"].values
    errors = [
        np.linalg.norm(recon.reconstruct(fine.isel(receive=c), y.isel(receive=c), "tikhonov")["image"].values - truth)
        for c in ([0], [0, 1, 2])
    ]
    assert errors[1] < errors[0]


def test_one_coil_in_a_dimension_of_its_own(fine):
    described = fine.attrs["scanner"]
    one = fine.isel(receive=[0]).assign_attrs(scanner={**described, "coils": described["coils"][:1]})
    y, bare = recon.measure(one, PHANTOM, seed=4), recon.measure(one.isel(receive=0), PHANTOM, seed=4)
    assert y["measurement"].dims == ("angle", "receive", "frequency")
    assert np.array_equal(y["measurement"].values[:, 0], bare["measurement"].values)
    images = [recon.reconstruct(m, d)["image"].values for m, d in ((one, y), (one.isel(receive=0), bare))]
    assert np.array_equal(*images)


def test_a_matrix_of_some_of_its_scanners_coils_is_measured_on_its_own_grid(fine):
    with pytest.raises(mpisim.InputError, match="of the 54 rows that its scanner gives, or measured with same_grid"):
        recon.measure(fine.isel(receive=[1]), PHANTOM)
    assert recon.measure(fine.isel(receive=[1]), PHANTOM, same_grid=True)["measurement"].shape == (6, 1, 3)


@pytest.mark.filterwarnings("ignore::mpisim.errors.DataWarning")
def test_the_whole_way_at_the_command_line(tmp_path, capsys, monkeypatch, fine):
    monkeypatch.chdir(tmp_path)
    mpisim.write(fine, "sm.nc")

    def done(*words):
        code, out, err = run(capsys, *words, "--json")
        assert code == 0, err
        return json.loads(out)

    assert done("info", "sm.nc")["size"] == {"angle": 6, "receive": 3, "frequency": 3, "y": 8, "x": 8}
    assert done("downsample", "sm.nc", "--factor", "2", "--out", "coarse.nc")["rows"] == 54
    for method in ("auto", "bicubic-dc"):
        words = () if method == "auto" else ("--method", method)
        assert done("recover", "coarse.nc", *words, "--out", f"{method}.nc")["rows"] == 54
        errors = done("evaluate", f"{method}.nc", "--reference", "sm.nc")
        assert len(errors["nrmse_by_channel"]) == 3 and all(0 < e < 0.5 for e in errors["nrmse_by_channel"])
    assert done("measure", "sm.nc", "--snr", "30", "--out", "y.nc")["rows"] == 54
    assert done("reconstruct", "auto.nc", "y.nc", "--out", "i.nc")["rows"] == 54
    for file, words in (("coarse", ("--channel", "2", "--harmonic", "3")), ("y", ("--channel", "2"))):
        assert done("plot", f"{file}.nc", *words)["out"] == f"{file}.png"
    assert done("convert", "sm.nc", "again.nc")["size"]["receive"] == 3
    assert np.array_equal(mpisim.read("again.nc")["system_matrix"].values, fine["system_matrix"].values)
