import numpy as np
import pytest

import mpisim
import recon
from mpisim import InputError
from mpisim.data.views import as_matrix
from mpisim.errors import DataWarning
from tests.mpisim.simulation.scanners import Lissajous
from tests.recon.problems import small_matrix, small_measurement


def test_schema_provenance_and_truth():
    y, fine = small_measurement(), small_matrix()
    assert y.attrs["kind"] == "measurement" and y["measurement"].dims == ("angle", "frequency")
    assert np.array_equal(y["harmonic"], fine["harmonic"])
    assert y.attrs["scanner"] == fine.attrs["scanner"] and y.attrs["seed"] == 0 and y.attrs["refine"] == 2
    truth = recon.phantoms.tubes().sample(mpisim.Grid((16, 16), (0.032, 0.032)))
    assert np.allclose(y["phantom"], truth) and y["phantom"].dims == ("y", "x")


def test_a_file_holds_the_same_dataset(tmp_path):
    mpisim.write(small_measurement(), tmp_path / "y.nc")
    back = mpisim.read(tmp_path / "y.nc")
    assert back.identical(small_measurement())


def test_noise_is_at_the_level_asked_for_and_seeded():
    clean = recon.measure(small_matrix(), recon.phantoms.tubes(), noiseless=True)["measurement"].values
    assert float(recon.measure(small_matrix(), recon.phantoms.tubes(), noiseless=True)["noise_std"]) == 0
    for snr in (10.0, 30.0):
        y = small_measurement(snr=snr)
        sigma = float(y["noise_std"])
        assert 20 * np.log10(np.sqrt(np.mean(np.abs(clean) ** 2)) / sigma) == pytest.approx(snr, abs=1e-9)
        assert np.std(y["measurement"].values - clean) == pytest.approx(sigma, rel=0.3)
    again = recon.measure(small_matrix(), recon.phantoms.tubes(), snr=30, seed=0)
    assert again.identical(small_measurement())
    assert not np.allclose(again["measurement"], small_measurement(seed=1)["measurement"], rtol=1e-6, atol=0)


def test_the_finer_model_is_near_the_matrix_and_converges():
    fine, phantom = small_matrix(), recon.phantoms.shape()
    same = recon.measure(fine, phantom, same_grid=True, noiseless=True)
    assert np.allclose(same["measurement"].values.ravel(), as_matrix(fine) @ same["phantom"].values.ravel())
    levels = [recon.measure(fine, phantom, refine=r, noiseless=True)["measurement"] for r in (1, 2, 4, 8)]
    steps = [mpisim.nrmse(a.values, levels[-1].values) for a in levels[:-1]]
    assert mpisim.nrmse(levels[0].values, same["measurement"].values) < 1e-5
    assert 1e-4 < steps[0] < 0.1 and steps[0] > 2 * steps[1] > 4 * steps[2]


def test_a_larger_sample_scales_the_truth():
    scanner, particle = mpisim.open_sided_ffl(1.0, angles=3), mpisim.Particle(20e-9)
    grid = mpisim.Grid((16, 16), (0.032, 0.032))
    wide = mpisim.simulate(scanner, particle, grid, mpisim.Sample(size=(4e-3, 4e-3)))
    y = recon.measure(wide, recon.phantoms.tubes(), noiseless=True)
    plain = recon.measure(mpisim.simulate(scanner, particle, grid), recon.phantoms.tubes(), noiseless=True)
    assert np.allclose(y["measurement"], plain["measurement"])
    assert np.allclose(y["phantom"], plain["phantom"] / 4)


def test_a_measured_matrix_needs_its_own_grid():
    bare = small_matrix().copy()
    bare.attrs = {k: v for k, v in bare.attrs.items() if k not in ("scanner", "particle", "grid", "sample")}
    with pytest.raises(InputError, match=r"Input matrix must be .*same_grid"):
        recon.measure(bare, recon.phantoms.tubes())
    assert recon.measure(bare, recon.phantoms.tubes(), same_grid=True).attrs["same_grid"] is True


def test_a_phantom_larger_than_the_field_is_cut_off_with_a_word():
    with pytest.warns(
        DataWarning, match=r"^68 % of the tracer of phantom tubes lies outside the field of view of 32 x 32"
    ):
        cut = recon.measure(small_matrix(), recon.phantoms.tubes(length=0.1), snr=30, seed=0)
    assert cut.drop_attrs().identical(
        recon.measure(small_matrix(), recon.phantoms.tubes(length=0.032), snr=30, seed=0).drop_attrs()
    )


def test_frames_have_their_own_noise():
    clean = recon.measure(small_matrix(), recon.phantoms.tubes(), noiseless=True)["measurement"]
    y = recon.measure(small_matrix(), recon.phantoms.tubes(), snr=20, seed=0, frames=50)
    assert y["measurement"].dims == ("frame", "angle", "frequency") and y.sizes["frame"] == 50
    noise = y["measurement"].values - clean.values
    sigma = float(y["noise_std"])
    assert np.std(noise) == pytest.approx(sigma, rel=0.05)
    assert abs(np.vdot(noise[0], noise[1])) < 0.5 * np.linalg.norm(noise[0]) * np.linalg.norm(noise[1])
    one, single = (recon.measure(small_matrix(), recon.phantoms.tubes(), snr=20, frames=n) for n in (1, None))
    assert np.array_equal(one["measurement"][0], single["measurement"])


def test_the_unit_is_that_of_the_values():
    """A finer model is simulated in V whatever the unit of the file; the matrix itself has its own."""
    variable = small_matrix()["system_matrix"]
    micro = small_matrix().assign(system_matrix=(variable.dims, variable.values * 1e6, {"units": "uV"}))
    y = recon.measure(micro, recon.phantoms.tubes(), snr=30, seed=0)
    assert y["measurement"].attrs["units"] == "V"
    assert np.allclose(y["measurement"], small_measurement()["measurement"], rtol=1e-6, atol=0)
    same = recon.measure(micro, recon.phantoms.tubes(), same_grid=True, noiseless=True)
    own = recon.measure(small_matrix(), recon.phantoms.tubes(), same_grid=True, noiseless=True)
    assert same["measurement"].attrs["units"] == "uV"
    assert mpisim.nrmse(same["measurement"].values, 1e6 * own["measurement"].values) < 1e-6


@pytest.mark.parametrize(
    "change",
    [
        {"snr": np.nan},
        {"snr": "loud"},
        {"seed": -1},
        {"seed": 0.5},
        {"refine": 0},
        {"frames": 0},
        {"frames": 1.5},
        {"phantom": "tubes"},
        {"fine": small_measurement()},
        {"phantom": recon.Phantom("away", (recon.phantoms.Disc((1.0, 1.0), 1e-3),))},
        {"fine": small_matrix().assign_attrs(stage="coarse", sampling={"scheme": "box", "factor": 2})},
    ],
)
def test_bad_input_gets_one_sentence(change):
    with pytest.raises(InputError, match=r"Input .* must be .*; instead received"):
        recon.measure(**{"fine": small_matrix(), "phantom": recon.phantoms.tubes(), **change})


def test_a_subclassed_scanner_is_not_measured_as_an_ideal_one():
    class Inhomogeneous(mpisim.OpenSidedFFL):
        def receive_sensitivity(self, points):
            return super().receive_sensitivity(points) * (1 + 0.3 * points[..., :1] / 0.016)

    ideal = mpisim.open_sided_ffl(1.0, angles=3, harmonics=(2, 3))
    scanner = Inhomogeneous(1.0, 0.016, angles=ideal.angles, harmonics=(2, 3))
    fine = mpisim.simulate(scanner, mpisim.Particle(25e-9), mpisim.Grid((8, 8)))
    assert fine.attrs["scanner"]["class"].endswith("Inhomogeneous") and fine.attrs["scanner"]["sf_gradient"] == 1.0
    with pytest.raises(mpisim.InputError, match="same_grid"):
        recon.measure(fine, recon.phantoms.tubes())
    assert recon.measure(fine, recon.phantoms.tubes(), same_grid=True)["measurement"].shape == (3, 2)


@pytest.mark.parametrize("coils", [1, 2])
def test_a_registered_scanner_is_measured_on_a_finer_grid(coils):
    """Rows of several coils too; the data are those of a matrix that is simulated on the finer grid."""
    scanner = Lissajous(coils=Lissajous().coils[:coils])
    particle, grid = mpisim.Particle(25e-9), mpisim.Grid((6, 6), (0.012, 0.012))
    phantom = recon.phantoms.shape(radius=0.001)
    mpisim.SCANNERS.register("lissajous", Lissajous)
    try:
        y = recon.measure(mpisim.simulate(scanner, particle, grid), phantom, noiseless=True)
    finally:
        mpisim.SCANNERS.unregister("lissajous")
    finer = mpisim.simulate(scanner, particle, grid.refined(2))
    expected = as_matrix(finer) @ phantom.sample(grid.refined(2)).ravel()
    assert np.allclose(y["measurement"].values.ravel(), expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


def test_a_volume_with_a_sample_of_its_own():
    """A flat sample on a grid with deep voxels: the truth counts the volume, so that A x is what was measured."""
    grid, sample = mpisim.Grid((8, 8, 4), (8e-3, 8e-3, 8e-3)), mpisim.Sample(size=(1e-3, 1e-3))
    scanner = mpisim.open_sided_ffl(1.0, fov=8e-3, angles=3, harmonics=(2, 3))
    fine = mpisim.simulate(scanner, mpisim.Particle(25e-9), grid, sample)
    phantom = recon.phantoms.tubes(width_left=1e-3, width_right=2e-3, length=6e-3, gap=2e-3)
    y = recon.measure(fine, phantom, noiseless=True, refine=1)
    result = as_matrix(fine) @ y["phantom"].values.ravel()
    assert np.allclose(result, y["measurement"].values.ravel(), rtol=1e-5, atol=1e-6 * abs(result).max())


# -- imperfect scanners and calibrations ------------------------------------------------------------------------------

GRID = mpisim.Grid((8, 8), (0.016, 0.016))
PHANTOM = recon.phantoms.shape(radius=0.002)
IDEAL = mpisim.open_sided_ffl(1.0, angles=3, harmonics=(2, 3))


def field_map():
    """A map that holds a sensitivity which falls off along x."""
    axis = tuple(np.linspace(-0.01, 0.01, 5))
    values = np.zeros((2, 5, 5, 3))
    values[..., 2] = 800 * (1 - 0.2 * np.array(axis) / 0.01)
    return mpisim.FieldMap(axis, axis, (-0.001, 0.001), values, unit="1/m")


@pytest.mark.parametrize(
    "switches",
    [
        {"coils": (mpisim.Coil(parts=(mpisim.Polynomial(((1, 0, 0, 0.2),)),)), mpisim.Coil((300.0, 0.0, 0.0)))},
        {"coils": (mpisim.MapCoil(field_map()),)},
        {"selection": (mpisim.SolidHarmonics(((3, 0, 0.05),), turning=True),), "plane": mpisim.LinePlane(5e-4)},
        {"line": mpisim.AngleErrors(offset_spread=3e-4, angle_spread=0.01, gain_spread=0.05, phase_drift=0.1, seed=2)},
        {"gain": mpisim.ReceiveGain(((2, 0.8, 0.3), (3, 1.1, -0.2)))},
    ],
)
@pytest.mark.parametrize("particle", [mpisim.Particle(25e-9), mpisim.Debye(mpisim.LogNormal(25e-9, 0.1), 2e-6)])
def test_a_phantom_is_measured_with_the_imperfections_of_the_scanner_in_the_file(switches, particle, tmp_path):
    """Data are those of a matrix that is simulated on the finer grid with the same imperfections; not the ideal's."""
    scanner = mpisim.ImperfectFFL.of(IDEAL, **switches)
    mpisim.write(mpisim.simulate(scanner, particle, GRID), tmp_path / "sm.nc")
    y = recon.measure(mpisim.read(tmp_path / "sm.nc"), PHANTOM, noiseless=True)
    finer, ideal = (as_matrix(mpisim.simulate(s, particle, GRID.refined(2))) for s in (scanner, IDEAL))
    expected, without = (matrix @ PHANTOM.sample(GRID.refined(2)).ravel() for matrix in (finer, ideal))
    assert np.allclose(y["measurement"].values.ravel(), expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())
    if expected.size == without.size:
        assert mpisim.nrmse(expected, without) > 0.005


@pytest.mark.parametrize(
    "sample",
    [
        mpisim.Sample((0.002, 0.002), shape="cylinder", offset=(5e-4, 0, 2e-4), rotation=0.05, jitter=1e-4, seed=4),
        mpisim.Sample((0.003, 0.003), shape="sphere", offset=(5e-4, 0, 2e-4), jitter=1e-4),
        mpisim.Sample((0.004, 0.004), offset=(5e-4, 0, 0)),
    ],
)
def test_a_phantom_has_neither_the_shape_nor_the_misalignment_of_the_calibration(sample):
    """The data are those of boxes that fill voxels, exactly there; the truth counts the volume of a voxel."""
    particle = mpisim.Particle(25e-9)
    y = recon.measure(mpisim.simulate(IDEAL, particle, GRID, sample), PHANTOM, noiseless=True)
    box = sample.filling_voxels(GRID)
    plain = recon.measure(mpisim.simulate(IDEAL, particle, GRID, box), PHANTOM, noiseless=True)
    assert np.array_equal(y["measurement"], plain["measurement"])
    share = 0.002**2 * box.height / sample.volume(GRID)
    assert np.allclose(y["phantom"], share * plain["phantom"], rtol=1e-12)
    assert y.attrs["sample"]["size"] == list(sample.size) and y.attrs["sample"]["offset"] == list(sample.offset)


def test_a_calibration_that_was_off_shows_the_phantom_displaced_the_other_way():
    """With an offset of one voxel along x, the data fit the phantom one voxel towards -x, to 1e-5."""
    step = GRID.voxel[0]
    fine = mpisim.simulate(IDEAL, mpisim.Particle(25e-9), GRID, mpisim.Sample(offset=(step, 0, 0)))
    y = recon.measure(fine, PHANTOM, noiseless=True, refine=1)
    displaced = np.roll(y["phantom"].values, -1, axis=1)
    assert not displaced[:, -1].any() and displaced.any()
    assert mpisim.nrmse(as_matrix(fine) @ displaced.ravel(), y["measurement"].values.ravel()) < 1e-5
    assert mpisim.nrmse(as_matrix(fine) @ y["phantom"].values.ravel(), y["measurement"].values.ravel()) > 0.1
