"""The study of imperfections: what each one is, and its short form."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import mpisim
from calib.recovery import recover
from calib.studies.catalogue import STUDIES
from calib.studies.harness.imperfections import FRACTIONS, IMPERFECTIONS, with_gains
from calib.studies.harness.study import StudyOptions
from calib.studies.imperfections import QUICK, coarse_of, ideal_setup
from mpisim.data.downsampling import downsample
from mpisim.errors import DataWarning, InputError
from mpisim.simulation.setup import Setup
from tests.small import SMALL, csv_rows

IDEAL = Setup(
    mpisim.open_sided_ffl(0.7, angles=3, harmonics=(2, 3)),
    mpisim.Particle(25e-9),
    mpisim.Grid((8, 8), (0.008, 0.008)),
    mpisim.Sample(points=2),
)
BY_NAME = {i.name: i for i in IMPERFECTIONS}
EDGE = np.array([[0.016, 0.0, 0.0]])


@pytest.fixture(scope="module")
def ideal_matrix():
    return IDEAL.simulate()


@pytest.mark.parametrize("name", BY_NAME)
def test_an_imperfection_grows_from_nothing(name, ideal_matrix):
    imperfection = BY_NAME[name]
    assert imperfection.applied(IDEAL, 0.0) is IDEAL
    small, large = (
        mpisim.nrmse(imperfection.applied(IDEAL, f).simulate(), ideal_matrix) for f in (0.25, FRACTIONS[-1])
    )
    if name == "coil in plane":  # the tracer has no moment in the plane where no field lies in it
        assert large == pytest.approx(0, abs=1e-6)
    else:
        assert 0 < small < large


def test_the_strong_sizes_are_what_they_say():
    of = {name: BY_NAME[name].applied(IDEAL, 1.0) for name in BY_NAME}
    ideal, gradient = IDEAL.scanner, 0.7 * 0.016
    field = of["gradient inhomogeneity"].scanner.selection_field(EDGE, 0.0)[0, 2]
    assert field == pytest.approx(1.12 * gradient, rel=1e-4)
    for name, angle in (("rotating field error", np.pi / 2), ("static field error", 0.0)):
        point = EDGE if angle == 0 else EDGE[:, [1, 0, 2]]
        change = of[name].scanner.selection_field(point, angle) - ideal.selection_field(point, angle)
        assert change[0, 2] == pytest.approx(0.01 * gradient, rel=1e-3)
    drive = of["drive inhomogeneity"].scanner.drive_fields(EDGE, 0.0)[0, 0, 2]
    assert drive == pytest.approx(0.94 * ideal.drive_amplitude, rel=1e-4)
    side = 0.016 * np.array([[np.sqrt(0.75), 0.5, 0.0], [-np.sqrt(0.75), -0.5, 0.0], [0, 0, 0]])
    seen = of["coil inhomogeneity"].scanner.receive_sensitivities(side, 0.0)[0, :, 2] / ideal.sensitivity[2]
    assert seen == pytest.approx([1 - 0.16 - 0.08, 1 + 0.16 - 0.08, 1], rel=1e-4)
    tilted = of["drive tilt"].scanner.drive_fields(EDGE, 0.0)[0, 0]
    assert np.arccos(tilted[2] / np.linalg.norm(tilted)) == pytest.approx(0.02)
    sizes = of["size spread"].particle
    assert sizes.median * np.exp(3 * 0.3**2) == pytest.approx(25e-9)


def test_gains_of_harmonics_are_no_change(ideal_matrix):
    relaxed = BY_NAME["Debye time"].applied(IDEAL, 1.0).simulate()
    assert mpisim.nrmse(ideal_matrix, relaxed) > 0.3
    assert mpisim.nrmse(with_gains(ideal_matrix, relaxed), relaxed) < 1e-6


def test_other_setups_than_ideal_ones_are_refused():
    with pytest.raises(InputError, match="Input ideal setup must be an open-sided scanner"):
        IMPERFECTIONS[0].applied(replace(IDEAL, particle=mpisim.LogNormal(20e-9, 0.1)), 1.0)


def test_large_samples_have_a_jitter_of_their_own(ideal_matrix):
    """Four voxels of a block are misplaced together, so that its mean is off by more than the mean of their errors."""
    jittered = BY_NAME["positioning jitter"].applied(IDEAL, 1.0)
    xr.testing.assert_equal(jittered.exact().simulate(), ideal_matrix)
    exact = coarse_of(IDEAL, ideal_matrix, 2)
    xr.testing.assert_identical(exact, downsample(ideal_matrix, 2, seed=0))
    noisy = coarse_of(jittered, ideal_matrix, 2)
    off = np.linalg.norm(noisy["system_matrix"] - exact["system_matrix"])
    with pytest.warns(DataWarning, match="block means average these errors"):
        separate = downsample(jittered.simulate(), 2, snr=None)["system_matrix"]
    means = downsample(ideal_matrix, 2, snr=None)["system_matrix"]
    assert 1.4 < off / np.linalg.norm(separate - means) < 3
    still = coarse_of(replace(jittered, sample=replace(jittered.sample, jitter=1e-9)), ideal_matrix, 2)
    assert mpisim.nrmse(still, exact) < 1e-4
    strided = coarse_of(jittered, ideal_matrix, 2, "strided")
    xr.testing.assert_identical(strided, downsample(jittered.simulate(), 2, "strided", seed=0))


def test_short_form(tmp_path):
    options = {"quick": True, "protocol": SMALL, "methods": ("bicubic-dc", "profile"), "cache": tmp_path / "cache"}
    result = STUDIES["imperfections"](tmp_path, **options)
    rows = csv_rows(tmp_path / "imperfections_quick.csv")
    assert [(r["imperfection"], r["fraction"], r["method"]) for r in rows[:2]] == [
        ("coil inhomogeneity", "0", "bicubic-dc"),
        ("coil inhomogeneity", "0", "profile"),
    ]
    assert {r["imperfection"] for r in rows} == set(QUICK) and len(rows) == 3 * 2 * 2
    ideal = ideal_setup(StudyOptions(tmp_path, quick=True, protocol=SMALL))
    assert float(ideal.scanner.sf_gradient) == 0.7 and ideal.particle.diameter == pytest.approx(24e-9)
    fine = BY_NAME["line offset per angle"].applied(ideal, 1.0).simulate()
    by_hand = mpisim.nrmse(recover(downsample(fine, 4, seed=0), "bicubic-dc"), fine)
    stored = xr.open_dataset(tmp_path / "imperfections_quick.nc").load()
    place = {"imperfection": "line offset per angle", "fraction": 1.0}
    error = stored["nrmse"].sel({**place, "method": "bicubic-dc"})
    assert float(error) == pytest.approx(by_hand, rel=1e-5)
    assert float(stored["size"].sel(place)) == 3.5e-4 and float(stored["change"].sel({**place, "fraction": 0.0})) == 0
    assert (tmp_path / "imperfections_quick.png").read_bytes().startswith(b"\x89PNG")
    assert "positioning jitter" in result["text"] and "a short form" in result["text"]
    before = {f: f.stat().st_mtime_ns for f in (tmp_path / "cache" / "rows").iterdir()}
    again = STUDIES["imperfections"](tmp_path, **options)
    assert again["table"] == result["table"]
    assert {f: f.stat().st_mtime_ns for f in (tmp_path / "cache" / "rows").iterdir()} == before


def test_data_of_others_are_refused(tmp_path):
    with pytest.raises(InputError, match="Input data must be left out, since this study simulates its own scanners"):
        STUDIES["imperfections"](tmp_path / "out", quick=True, data=tmp_path, protocol=SMALL)
