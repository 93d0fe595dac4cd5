"""One profile for all angles: exact on ideal scanners, below the published level, and what happens on others."""

import numpy as np
import pytest

import calib
import mpisim
from calib.methods.profile_fit import fit_profiles
from mpisim.data.blocks import block_mean
from mpisim.data.views import as_images
from mpisim.errors import DataWarning, InputError


@pytest.fixture(scope="module")
def fine():
    """A matrix of the paper's scanner, 15 angles."""
    return mpisim.simulate(mpisim.open_sided_ffl(0.8, angles=15), mpisim.Particle(24e-9))


def test_a_known_profile_comes_back():
    """Rows made of one even and one odd profile of points: their own Gaussian-blurred shadows, at 4 angles."""
    c, angles = np.arange(32) - 15.5, np.deg2rad([3.0, 40.0, 85.0, 130.0])
    sub = (np.arange(8) - 3.5) / 8  # the voxel's square, by 8 x 8 points
    x = (c[:, None] + sub).ravel()
    u = np.stack([np.cos(a) * x + np.sin(a) * x[:, None] for a in angles])
    made = np.stack([np.exp(-((u / 4) ** 2)), 1j * u * np.exp(-((u / 5) ** 2))], axis=1)
    wanted = block_mean(made, 8)
    found = fit_profiles(block_mean(wanted, 4), np.zeros((4, 2)), angles, 4)
    assert np.linalg.norm(found.rows - wanted) < 2e-3 * np.linalg.norm(wanted)
    assert found.parities == [1, -1]


@pytest.mark.parametrize(
    ("factor", "snr", "published"), [(2, None, 0.09), (4, None, 0.13), (8, None, 0.40), (2, 33.7, 0.41)]
)
def test_it_beats_the_published_network(fine, factor, snr, published):
    """With a quarter of the paper's angles, below its mean over test matrices in %."""
    found = calib.recover(calib.downsample(fine, factor, snr=snr, seed=0), "profile")
    assert 100 * calib.nrmse(found, fine) < published
    assert found.attrs["recovery"]["parities"] == [-1, 1] * 4


def test_scale_phase_and_consistency(fine):
    coarse = calib.downsample(fine, 4, snr=None)
    found = as_images(calib.recover(coarse, "profile"))
    assert np.abs(block_mean(found, 4) - as_images(coarse)).max() < 1e-6 * np.abs(as_images(coarse)).max()
    turned = coarse.copy(deep=True)
    turned["system_matrix"] = turned["system_matrix"] * np.complex64(1e3 * np.exp(0.7j))
    again = as_images(calib.recover(turned, "profile"))
    assert np.linalg.norm(again - 1e3 * np.exp(0.7j) * found) < 2e-3 * np.linalg.norm(again)  # of complex64


@pytest.mark.filterwarnings("ignore:.*rows fit one profile for all angles only in part")
def test_a_scanner_that_is_not_ideal_gets_no_worse_than_bicubic(fine):
    """A coil whose sensitivity falls by a third to one side makes rows that are no ridges."""
    bent = fine.copy(deep=True)
    fall = 1 - np.linspace(0, 1, 32) / 3
    bent["system_matrix"] = bent["system_matrix"] * fall.astype(np.float32)
    coarse = calib.downsample(bent, 4, snr=33.7, seed=0)
    errors = {m: calib.nrmse(calib.recover(coarse, m), bent) for m in ("profile", "bicubic-dc")}
    assert errors["profile"] < 0.6 * errors["bicubic-dc"]
    assert errors["profile"] > 0.01  # and it is not what it is on an ideal one


@pytest.mark.parametrize("snr", [None, 33.7])
def test_what_no_profile_explains_is_noise_not_detail(fine, snr):
    """A mild fall of the coil: a profile forced through exact block means would invent detail stronger than the row."""
    bent = fine.copy(deep=True)
    fall = 1 - 0.2 * np.linspace(0, 1, 32) ** 2
    bent["system_matrix"] = bent["system_matrix"] * fall.astype(np.float32)
    coarse = calib.downsample(bent, 8, snr=snr, seed=0)
    with pytest.warns(DataWarning, match="rows fit one profile for all angles only in part"):
        found = calib.recover(coarse, "profile")
    assert found.attrs["recovery"]["rows_partly_interpolated"] > 60
    assert calib.nrmse(found, bent) < 0.25 * calib.nrmse(calib.recover(coarse, "bicubic-dc"), bent)


@pytest.fixture(scope="module")
def small():
    """Few rows, since those that no profile describes go through the ridge fit."""
    scanner = mpisim.open_sided_ffl(0.6, angles=6, harmonics=(2, 3))
    return mpisim.simulate(scanner, mpisim.Particle(25e-9), mpisim.Grid((16, 16)))


@pytest.mark.parametrize("snr", [None, 33.7])
def test_a_dead_row_is_zero_and_does_not_spoil_the_others(small, snr):
    coarse = calib.downsample(small, 2, snr=snr, seed=0)
    dead = coarse.copy(deep=True)
    dead["system_matrix"][2, 1] = 0
    with pytest.warns(DataWarning, match="1 of 12 rows .*angle 60 degrees, harmonic 3"):
        found = calib.recover(dead, "profile")
    whole = as_images(calib.recover(coarse, "profile"))
    rows, others = as_images(found), np.arange(12) != 5
    assert not rows[5].any()
    assert sum(found.attrs["recovery"]["rows_refitted"].values()) == 1
    assert np.linalg.norm(rows[others] - whole[others]) < 5e-3 * np.linalg.norm(whole)


def test_one_wild_row_does_not_spoil_the_others(small):
    coarse = calib.downsample(small, 2, snr=33.7, seed=0)
    wild = coarse.copy(deep=True)
    wild["system_matrix"][2, 1] *= 100 * np.sign(np.arange(8) - 3.5)
    with pytest.warns(DataWarning, match="1 of 12 rows"):
        rows = as_images(calib.recover(wild, "profile"))
    others = np.arange(12) != 5
    whole = as_images(calib.recover(coarse, "profile"))
    assert np.linalg.norm(rows[others] - whole[others]) < 5e-3 * np.linalg.norm(whole)


def changed(coarse, change):
    return coarse.assign(system_matrix=coarse["system_matrix"].copy(data=change(coarse["system_matrix"].values)))


UNDONE = {"y is reversed": lambda v: v[..., ::-1, :], "x and y are exchanged": lambda v: np.swapaxes(v, -1, -2)}
SLIPS = {
    **{name: lambda c, change=change: changed(c, change) for name, change in UNDONE.items()},
    "the angles are read as degrees": lambda c: c.assign_coords(angle=np.degrees(c["angle"])),
    "the scanner's axis lies at the centre of the grid": lambda c: c.assign_coords(x=c["x"] + 0.01),
}


@pytest.mark.filterwarnings("ignore:The angles of coarse go up to")
@pytest.mark.parametrize("slip", SLIPS)
def test_slips_are_named_and_cost_no_more_than_the_interpolant(small, slip):
    coarse = SLIPS[slip](calib.downsample(small, 2, snr=33.7, seed=0))
    with pytest.warns(DataWarning, match=f"They do fit if {slip}"):
        found = calib.recover(coarse, "profile")
    interpolated = calib.recover(coarse, "bicubic-dc")
    wanted = UNDONE.get(slip, lambda v: v)(small["system_matrix"].values)
    errors = [calib.nrmse(f["system_matrix"].values, wanted) for f in (found, interpolated)]
    assert errors[0] < 1.02 * errors[1]


def test_three_columns_are_left_to_ridges():
    """Block means of six columns at 4x show a profile at three distances from the axis."""
    scanner = mpisim.open_sided_ffl(0.8, angles=(0.0, np.pi / 2), harmonics=(2, 3))
    fine = mpisim.simulate(scanner, mpisim.Particle(22e-9), mpisim.Grid((24, 24)))
    coarse = calib.downsample(fine, 4, snr=30, seed=0)
    with pytest.warns(DataWarning, match="All rows were recovered by ridge instead of profile, .* at 3 distances"):
        found = calib.recover(coarse, "profile")
    assert found.attrs["recovery"]["rows_refitted"] == {"ridge": 4}
    assert calib.nrmse(found, fine) < 0.9 * calib.nrmse(calib.recover(coarse, "bicubic-dc"), fine)
    coarse["system_matrix"][1, 0] = np.outer(*[np.cos(np.arange(6.0))] * 2) * float(abs(coarse["system_matrix"]).max())
    words = "1 of 4 rows are not constant along a line, .* by bicubic-dc .angle 90 degrees, harmonic 2"
    with pytest.warns(DataWarning, match="All rows were recovered by ridge"), pytest.warns(DataWarning, match=words):
        found = calib.recover(coarse, "profile")
    assert found.attrs["recovery"]["rows_refitted"] == {"ridge": 3, "bicubic-dc": 1}


def test_without_angles(fine):
    coarse = calib.downsample(fine, 4, snr=None)
    with pytest.raises(InputError, match="Input coarse must be of rows with the coordinate angle"):
        calib.recover(coarse.drop_vars("angle"), "profile")
    numbered = coarse.isel(angle=0)
    with pytest.raises(InputError, match="Input coarse must be of rows"):
        calib.recover(numbered, "profile")
