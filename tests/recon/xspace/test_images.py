"""Images of xspace and fbp: where a point lies, laws, and what is refused or warned of."""

import math
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import mpisim
import recon
from mpisim import InputError
from mpisim.errors import DataWarning
from mpisim.scanner.angle_errors import AngleErrors
from recon.xspace.images import fbp, xspace
from recon.xspace.options import FbpOptions, XspaceOptions
from tests.recon.xspace.scans import matrix, measurement, point

FINE = matrix()
FIXED = FbpOptions(1e-3)
METHODS = [(xspace, XspaceOptions()), (fbp, FIXED)]
both = pytest.mark.parametrize(("method", "options"), METHODS, ids=["xspace", "fbp"])


def image_of(method, y, options, **more):
    values = method(None, y, options, **more).images
    return values.reshape(16, 16) if values.shape[1] == 1 else values


@both
@pytest.mark.parametrize(("x", "y"), [(8, 8), (11, 4), (3, 7)])
def test_a_point_lies_where_it_is(method, options, x, y):
    found = image_of(method, point(matrix(diameter=30e-9), x, y), options)
    assert np.unravel_index(found.argmax(), found.shape) == (y, x)


@both
def test_images_are_linear_in_the_data(method, options):
    first, second = (measurement(FINE, p()) for p in (recon.phantoms.tubes, recon.phantoms.shape))
    both_ = first.copy()
    both_["measurement"] = first["measurement"] - 2 * second["measurement"]
    parts = [image_of(method, y, options, non_negative=False) for y in (first, second, both_)]
    assert parts[2] == pytest.approx(parts[0] - 2 * parts[1], abs=1e-10 * np.abs(parts[0]).max())


@both
def test_an_object_that_is_turned_gives_an_image_that_is_turned(method, options):
    """By a quarter turn, with the angles: the whole experiment is turned."""
    turned = matrix(angles=tuple(math.pi / 2 + math.pi * i / 24 for i in range(24)))
    found = image_of(method, point(turned, 12, 5), options, non_negative=False)
    wanted = image_of(method, point(FINE, 5, 3), options, non_negative=False)  # (x, y) -> (-y, x): voxel (12, 5)
    assert found == pytest.approx(np.rot90(wanted, -1), abs=1e-9 * wanted.max())


@both
def test_a_scan_over_a_whole_turn_gives_the_same_image(method, options):
    whole = matrix(angles=tuple(2 * math.pi * i / 48 for i in range(48)))
    wanted = image_of(method, measurement(FINE), options, non_negative=False)
    found = image_of(method, measurement(whole), options, non_negative=False)
    assert found == pytest.approx(wanted, abs=1e-6 * wanted.max())


@pytest.mark.parametrize("phantom", [recon.phantoms.tubes(), recon.phantoms.shape(3e-3)])
def test_all_of_the_tracer_is_in_the_image(phantom):
    y = measurement(FINE, phantom)
    total = image_of(fbp, y, FbpOptions(), non_negative=False).sum()
    assert total == pytest.approx(float(y["phantom"].sum()), rel=0.06)


def test_fbp_resolves_more_than_xspace_and_needs_no_matrix():
    y = measurement(FINE, snr=30)
    truth, sigma = y["phantom"].values, y["noise_std"]
    errors = [recon.nrmse(image_of(m, y, o, sigma=sigma), truth) for m, o in (METHODS[0], (fbp, FbpOptions()))]
    assert errors[1] < 0.75 * errors[0]
    with_matrix = fbp(FINE, y, FbpOptions(), sigma).images
    assert with_matrix == pytest.approx(fbp(None, y, FbpOptions(), sigma).images, abs=1e-12)


def test_images_of_frames_are_those_of_each():
    y = measurement(FINE, snr=30, frames=2)
    together = fbp(None, y, FbpOptions(), y["noise_std"]).images
    for i in range(2):
        alone = fbp(None, y.isel(frame=i, drop=True), FbpOptions(), y["noise_std"]).images[:, 0]
        assert together[:, i] == pytest.approx(alone, abs=1e-10)


def test_the_unit_of_the_data_does_not_matter():
    y = measurement(FINE, snr=30)
    scaled = y.assign(measurement=y["measurement"].copy(data=1e3 * y["measurement"].values).assign_attrs(units="mV"))
    found = fbp(None, scaled, FbpOptions(), 1e3 * y["noise_std"]).images
    assert found == pytest.approx(fbp(None, y, FbpOptions(), y["noise_std"]).images, rel=1e-9, abs=1e-12)
    with pytest.warns(DataWarning, match="unit of the measurement is not known"):
        fbp(None, y.assign(measurement=y["measurement"].assign_attrs(units="1")), FIXED)
    with pytest.raises(InputError, match="unit of y must be a multiple of V"):
        fbp(None, y.assign(measurement=y["measurement"].assign_attrs(units="T")), FIXED)


def imperfect(**switches):
    scanner = mpisim.ImperfectFFL.of(mpisim.open_sided_ffl(1.0, angles=24), **switches)
    return mpisim.simulate(scanner, mpisim.Particle(25e-9), mpisim.Grid((16, 16)))


def test_a_line_that_is_displaced_and_turned_and_gains_are_undone():
    """As far as the file states them; the object stays where it is."""
    errors = AngleErrors(offset=1e-3, angle=0.1, gain=0.3, phase=0.5, offset_spread=5e-4, angle_spread=0.02)
    wanted = image_of(fbp, measurement(FINE), FIXED)
    found = image_of(fbp, measurement(imperfect(line=errors)), FIXED)
    assert recon.nrmse(found, wanted) < 0.1
    y = measurement(imperfect(line=errors))
    with pytest.warns(DataWarning, match="out of phase"):
        ideal = image_of(fbp, y.assign_attrs(scanner=FINE.attrs["scanner"]), FIXED)
    assert recon.nrmse(ideal, wanted) > 0.3  # where nothing is stated
    backwards = replace(mpisim.open_sided_ffl(1.0, angles=24), sensitivity=(0.0, 0.0, -500.0))
    y = measurement(mpisim.simulate(backwards, mpisim.Particle(25e-9), mpisim.Grid((16, 16))))
    assert image_of(fbp, y, FIXED) == pytest.approx(wanted, abs=1e-6 * wanted.max())


def test_several_coils_count_by_their_sensitivity():
    coils = mpisim.Coil((0.0, 0.0, 800.0)), mpisim.Coil((0.0, 0.0, -300.0)), mpisim.Coil((500.0, 0.0, 0.0))
    y = measurement(imperfect(coils=coils))
    wanted = image_of(fbp, measurement(FINE), FIXED)
    assert image_of(fbp, y, FIXED) == pytest.approx(wanted, abs=1e-3 * wanted.max())


def test_what_is_not_ideal_is_said():
    y = measurement(FINE)
    with pytest.warns(DataWarning, match="its field differs by up to .* %"):
        fbp(None, measurement(imperfect(recipe=mpisim.QuadraticRecipe(gradient=0.3, radius=0.016))), FIXED)
    delayed = y.assign(measurement=y["measurement"] * np.exp(0.4j))
    delayed["measurement"].attrs["units"] = "V"
    with pytest.warns(DataWarning, match="of the signal is out of phase"):
        fbp(None, delayed, FIXED)
    with pytest.warns(DataWarning, match="The line moves 8 mm to either side"):
        fbp(None, measurement(matrix(drive_amplitude=8e-3)), FIXED)
    with pytest.warns(DataWarning, match="leave out 90 of 180 degrees"):
        fbp(None, measurement(matrix(angles=tuple(math.radians(10 * i) for i in range(10)))), FIXED)
    with pytest.warns(DataWarning, match=r"missing \(5\)"):
        fbp(None, measurement(matrix(harmonics=(2, 3, 4, 6, 7))), FIXED)


def test_what_is_not_stated_or_no_line_is_refused():
    y = measurement(FINE)
    with pytest.raises(InputError, match="Input scanner must be stated"):
        fbp(None, y.assign_attrs(scanner=None), FIXED)
    with pytest.raises(InputError, match="even and odd"):
        fbp(None, measurement(matrix(harmonics=(3, 5, 7))), FIXED)
    with pytest.raises(InputError, match="two or more"):
        fbp(None, measurement(matrix(angles=1)), FIXED)
    with pytest.raises(InputError, match="window must be"):
        xspace(None, y, XspaceOptions(window="triangle"))
    with pytest.raises(InputError, match="regularisation must be"):
        fbp(None, y, FbpOptions(-1.0))
    with pytest.raises(InputError, match="angles of y must be those of its scanner"):
        fbp(None, y.assign_coords(angle=y["angle"] + 0.01), FIXED)
    with pytest.raises(InputError, match="y must be one that states its angles"):
        fbp(None, y.isel(angle=slice(2, 9)).drop_vars("angle"), FIXED)
    volume = mpisim.simulate(
        mpisim.open_sided_ffl(1.0, angles=3), mpisim.Particle(25e-9), mpisim.Grid((4, 4, 2), (0.032, 0.032, 0.004))
    )
    with pytest.raises(InputError, match="one plane"):
        fbp(volume, y, FIXED)


def test_rows_that_are_left_out_are_not_used():
    y = measurement(FINE, snr=30)
    kept = np.ones((24, 8), bool)
    kept[3] = False
    kept[:, 7] = False
    spoilt = y.copy(deep=True)
    spoilt["measurement"].values[~kept] = 1.0
    found = [fbp(None, data, FIXED, y["noise_std"], kept.ravel()).images for data in (y, spoilt)]
    assert np.array_equal(*found)
    wanted = fbp(None, y, FIXED, y["noise_std"]).images
    assert np.abs(found[0] - wanted).max() < 0.3 * wanted.max()
    kept = np.arange(24) != 3
    without = matrix(angles=tuple(FINE["angle"].values[kept]))
    shorter = y.isel(angle=kept).assign_attrs(scanner=without.attrs["scanner"])
    found, wanted = (
        fbp(None, y, FIXED, y["noise_std"], np.repeat(kept, 8)).images,
        fbp(None, shorter, FIXED, y["noise_std"]).images,
    )
    assert found == pytest.approx(wanted, abs=1e-9)
    with pytest.raises(InputError, match="even and odd"):
        fbp(None, y, FIXED, kept=np.tile(np.arange(8) % 2 == 0, 24))


@pytest.mark.filterwarnings("ignore:.* of the signal is out of phase")
def test_noise_of_each_row_weights_it():
    """A harmonic with much noise hardly counts."""
    y = measurement(FINE)
    rng = np.random.default_rng(0)
    sigma = xr.DataArray([1.0, 1, 1, 1, 1, 1, 1, 1000.0], dims="frequency") * 1e-6
    noise = rng.standard_normal((24, 8)) + 1j * rng.standard_normal((24, 8))
    noisy = y.assign(measurement=y["measurement"] + noise * sigma.values / 2**0.5)
    noisy["measurement"].attrs["units"] = "V"
    truth = y["phantom"].values
    known, unknown = (recon.nrmse(image_of(fbp, noisy, FbpOptions(), sigma=s), truth) for s in (sigma, None))
    assert known < 0.8 * unknown
