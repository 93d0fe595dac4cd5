"""The method where none is named, and the warning where weights that are named were trained on other matrices."""

import math

import numpy as np
import pytest

import calib
import mpisim
from calib.files import recover_file
from calib.learned.checkpoint import load_tensors, save_tensors
from calib.recovery import recover_usually
from calib.training.recipe import recipe
from calib.training.train import train
from mpisim.cli.main import main
from mpisim.data.grid import Grid
from mpisim.errors import DataWarning


def matrix(grid=None, angles=(0.0, math.pi / 3, math.pi / 2), **scanner):
    return mpisim.simulate(mpisim.open_sided_ffl(0.7, angles=angles, **scanner), mpisim.Particle(22e-9), grid or Grid())


@pytest.fixture(scope="module")
def ordinary():
    return matrix()


@pytest.mark.parametrize("snr", [33.7, None])
def test_transms_is_taken_where_it_was_trained_on_such_matrices(ordinary, snr):
    """Without a warning, which would be an error here; the numbers are those of the method named."""
    coarse = calib.downsample(ordinary, 4, snr=snr)
    found = recover_usually(coarse)
    assert found.attrs["recovery"]["method"] == "transms"
    assert found.attrs["recovery"]["reason"] == "its weights were trained on such matrices"
    named = calib.recover(coarse, "transms")
    assert (found["system_matrix"] == named["system_matrix"]).all() and "reason" not in named.attrs["recovery"]


OTHERS = {
    "grid": ({"grid": Grid((16, 16))}, r"16 x 16 fine voxels \(not 32 x 32\)"),
    "oblong": ({"grid": Grid((16, 32))}, r"16 x 32 fine voxels .* and voxels of 2 x 1 mm \(not square ones\)"),
    "harmonics": ({"harmonics": (10, 11, 12)}, r"harmonics up to 12 \(not up to 9\)"),
    "angles": ({"angles": (0.026, 0.8, 1.6)}, "angles up to 1.5 degrees from the trained ones"),
}


@pytest.mark.parametrize(("change", "words"), OTHERS.values(), ids=OTHERS)
def test_elsewhere_it_is_what_presumes_less(change, words):
    """It is said why, and better than the network by far, which warns where it is named."""
    fine = matrix(**change)
    coarse = calib.downsample(fine, 8, snr=33.7)
    with pytest.warns(DataWarning, match=f"The method is profile, because transms was trained on .* has {words}"):
        found = recover_usually(coarse)
    recovery = found.attrs["recovery"]
    assert recovery["method"] == "profile" and recovery["reason"].startswith("transms was trained on other matrices")
    with pytest.warns(DataWarning, match=f"The weights transms_8x.safetensors were trained on .* has {words}"):
        network = calib.recover(coarse, "transms")
    assert calib.nrmse(found, fine) < 0.5 * calib.nrmse(network, fine)


@pytest.mark.filterwarnings("ignore:6 of 10 rows are not constant along")  # too little of them is seen in block means
def test_a_matrix_that_does_not_say_what_it_is(tmp_path):
    """Harmonics without a number, which the network never met: what it leaves unexplained tells, in files too."""
    fine = matrix(harmonics=range(13, 23)).drop_vars(["harmonic", "sf_gradient", "particle_diameter"])
    fine.attrs.pop("scanner")
    coarse = calib.downsample(fine, 4, snr=33.7)
    words = "transms leaves .* times the noise of the block means unexplained in a tenth of the rows"
    with pytest.warns(DataWarning, match=f"The method is profile, because {words}"):
        found = recover_usually(coarse)
    with pytest.warns(DataWarning, match=f"The weights transms_4x.safetensors were trained on other matrices: {words}"):
        network = calib.recover(coarse, "transms")
    assert network.attrs["recovery"]["misfit"] > 25
    assert calib.nrmse(found, fine) < 0.1 * calib.nrmse(network, fine)
    mpisim.write(coarse, tmp_path / "coarse.nc")
    with pytest.warns(DataWarning, match=f"The method is ridge, because {words}"):
        told = recover_file(tmp_path / "coarse.nc", tmp_path / "fine.nc", values_at_once=640)
    assert told["method"] == mpisim.read(tmp_path / "fine.nc").attrs["recovery"]["method"] == "ridge"


@pytest.mark.parametrize("gain", [0.03, 0.2])
@pytest.mark.parametrize("factor", [2, 8])
def test_a_scanner_that_is_not_quite_ideal_is_no_other_matrix(ordinary, factor, gain):
    """A coil whose sensitivity varies over the field of view: there the network is among the best methods."""
    uneven = ordinary.copy(deep=True)
    uneven["system_matrix"].values *= 1 + gain * (uneven["x"] + uneven["y"] ** 2 / 0.016).values.T / 0.016
    assert recover_usually(calib.downsample(uneven, factor, snr=33.7)).attrs["recovery"]["method"] == "transms"


@pytest.mark.parametrize(("sampling", "method"), [("strided", "bicubic-strided-aligned"), ("random", "cs")])
def test_other_samplings_have_methods_of_their_own(ordinary, sampling, method):
    """Nothing is wrong with them: no warning, which would be an error here."""
    coarse = calib.downsample(ordinary.isel(frequency=slice(2)), 2, sampling, snr=30)
    recovery = recover_usually(coarse).attrs["recovery"]
    assert recovery["method"] == method
    assert recovery["reason"] == f"transms needs block means; this matrix has {sampling} samples"


def test_a_factor_without_weights(ordinary):
    coarse = calib.downsample(ordinary.isel(frequency=slice(2)), 16, snr=30)
    with pytest.warns(DataWarning, match="The method is profile, because no weights of transms are bundled for 16x"):
        assert recover_usually(coarse).attrs["recovery"]["method"] == "profile"


@pytest.mark.parametrize("method", [None, "profile"])
@pytest.mark.parametrize("angles", [(0.0,), (0.0, math.pi / 2)])
def test_rows_along_the_axes_of_the_grid_show_too_little_of_a_profile(angles, method):
    """At 8x the block means are those of four columns: whatever fits them is not better than the interpolant."""
    fine = matrix(angles=angles, harmonics=(2, 3, 12))
    coarse = calib.downsample(fine, 8, snr=30)
    words = "(The method is|All rows were recovered by) bicubic-dc.* where block means show a profile at 2 distances"
    with pytest.warns(DataWarning, match=words):
        found = recover_usually(coarse) if method is None else calib.recover(coarse, method)
    wanted = calib.recover(coarse, "bicubic-dc")
    assert (found["system_matrix"] == wanted["system_matrix"]).all()


def test_a_matrix_without_a_field_free_line(tmp_path):
    """Rows that are no ridges, and no angles that would speak of a line: the interpolant, in files too."""
    rng = np.random.default_rng(0)
    fine = matrix(Grid((16, 16)), harmonics=range(2, 12)).drop_vars(["angle", "harmonic", "frequency"])
    x, y = np.meshgrid(fine["x"] / 0.016, fine["y"] / 0.016)
    places = rng.uniform(-0.8, 0.8, (30, 4, 2))
    spots = np.exp(-8 * ((x - places[..., 0, None, None]) ** 2 + (y - places[..., 1, None, None]) ** 2)).sum(axis=1)
    spotted = fine.copy(deep=True)
    spotted["system_matrix"].values[:] = spots.reshape(fine["system_matrix"].shape)
    coarse = calib.downsample(spotted, 2, snr=33.7)
    words = "The method is bicubic-dc, because transms was .*, and .* of 30 rows that were tried are not constant along"
    with pytest.warns(DataWarning, match=words) as caught:
        found = recover_usually(coarse)
    assert len(caught) == 1 and found.attrs["recovery"]["method"] == "bicubic-dc"
    mpisim.write(coarse, tmp_path / "coarse.nc")
    words = "bicubic-dc, because no field-free line was found: no scanner can be fitted without angles, and transms was"
    with pytest.warns(DataWarning, match=words) as caught:
        told = recover_file(tmp_path / "coarse.nc", tmp_path / "fine.nc")
    assert len(caught) == 1 and told["method"] == "bicubic-dc"
    assert told["reason"].endswith(found.attrs["recovery"]["reason"])
    with pytest.warns(DataWarning, match="The method is ridge"):
        assert recover_usually(calib.downsample(fine, 2, snr=33.7)).attrs["recovery"]["method"] == "ridge"


@pytest.mark.parametrize("factor", [2, 4])
def test_angles_in_degrees_are_said_once_and_kept(factor, tmp_path):
    """The choice does not count on them, whether the matrix comes from memory or in blocks of few angles."""
    fine = matrix(angles=np.radians(np.arange(0, 180, 45)), harmonics=(2, 3))
    coarse = calib.downsample(fine, factor, snr=33.7).assign_coords(angle=("angle", [0.0, 45.0, 90.0, 135.0]))
    mpisim.write(coarse, tmp_path / "coarse.nc")
    words = "The angles of coarse go up to 135 rad and look like degrees; the result keeps them as they are."
    found = recover_usually(coarse)
    assert found.attrs["recovery"]["method"] == "transms"
    assert found["angle"].values.tolist() == [0, 45, 90, 135]
    for method in (None, "bicubic-dc"):
        with pytest.warns(DataWarning, match=words) as caught:
            recover_file(tmp_path / "coarse.nc", tmp_path / "fine.nc", method, values_at_once=2 * (32 // factor) ** 2)
        assert len(caught) == 1


@pytest.mark.parametrize(
    ("factor", "method", "words"),
    [(4, "ridge", ""), (8, "bicubic-dc", ".*, and block means at 8x or more show too")],
)
def test_without_angles_and_of_odd_sides(factor, method, words):
    """At 8x a ridge explains the block means of nearly any row, that of a field-free point too, and errs by 300 %."""
    fine = matrix(Grid((24, 24)), harmonics=(2, 3))
    coarse = calib.downsample(fine, factor, snr=30).drop_vars("angle")
    words = f"The method is {method}, because transms was trained on other .* 24 x 24 fine{words}"
    with pytest.warns(DataWarning, match=words):
        assert recover_usually(coarse).attrs["recovery"]["method"] == method


def test_files_and_the_command_line(tmp_path, capsys):
    """The command says what `auto` took and why; in blocks it is a method of single rows."""
    coarse = calib.downsample(matrix(Grid((16, 16))), 4, snr=33.7)
    mpisim.write(coarse, tmp_path / "coarse.nc")
    words = ["recover", str(tmp_path / "coarse.nc"), "--out", str(tmp_path / "fine.nc")]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "method          physical\nreason          a fitted scanner explains the measurement (chi2" in told
    assert "expected_nrmse  0.0" in told
    assert mpisim.read(tmp_path / "fine.nc").attrs["recovery"]["method"] == "physical"
    with pytest.warns(DataWarning, match="The method is ridge"):
        told = recover_file(tmp_path / "coarse.nc", tmp_path / "rows.nc", values_at_once=64)
    assert told["method"] == "ridge" and "16 x 16 fine voxels" in told["reason"]
    with pytest.warns(DataWarning, match="The weights transms_4x.safetensors were trained on other") as caught:
        told = recover_file(tmp_path / "coarse.nc", tmp_path / "net.nc", "transms", values_at_once=64)
    assert len(caught) == 1 and told["reason"] is None


def test_weights_that_are_given_name_the_method(data, tmp_path):
    """Weights that state nothing are used, and it is said that nothing is known; exact ones warn of noise."""
    config = recipe("srcnn", 2, steps=1, batch=4, noiseless_fraction=1.0)
    train(config, data["train"], data["validation"], tmp_path)
    file = tmp_path / "weights.safetensors"
    exact = calib.downsample(data["validation"][0], 2, snr=None)
    assert calib.recover(exact, weights=file).attrs["recovery"]["method"] == "srcnn"
    noisy = calib.downsample(data["validation"][0], 2, snr=30)
    with pytest.warns(DataWarning, match="weights.safetensors were trained on .* has noise .not exact values"):
        calib.recover(noisy, "srcnn", file)
    tensors, metadata = load_tensors(file, "weights")
    save_tensors(file, tensors, "weights", {k: v for k, v in metadata.items() if k not in ("scope", "software")})
    with pytest.warns(DataWarning, match="weights.safetensors do not state what they were trained on"):
        calib.recover(exact, "srcnn", file)
