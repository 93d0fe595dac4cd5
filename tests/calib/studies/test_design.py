"""The study of positions: what the ways of choosing are, and the short form on small data."""

import numpy as np
import pytest

import mpisim
from calib.recovery import recover
from calib.studies.catalogue import STUDIES
from calib.studies.design import SIZE, positions_of
from mpisim.data.downsampling import downsample
from mpisim.data.grid import Grid
from mpisim.data.sampling import PositionSampling
from tests.small import csv_rows

GRID = Grid((32, 24))


@pytest.mark.parametrize("way", ["uniform", "random blocks", "far apart"])
@pytest.mark.parametrize("count", [9, 16])
def test_positions_are_samples_inside_of_the_grid(way, count):
    found = PositionSampling.stated(SIZE, GRID, positions_of(way, count, GRID, 3))  # refuses what is not inside
    assert len(np.unique(found.centers, axis=0)) == count
    np.testing.assert_array_equal(found.low, np.rint(found.low))
    if way == "uniform":
        assert (found.low.min(0).tolist(), found.high.max(0).tolist()) == ([0, 0], [32, 24])
    if way == "random blocks":
        assert not np.any(found.low % SIZE)


def test_positions_far_apart_are_farther_than_random_ones():
    def least(way):
        at = positions_of(way, 9, GRID, 5)
        return min(np.hypot(*(a - b)) for i, a in enumerate(at) for b in at[:i])

    assert least("far apart") > 1.2 * least("random blocks")


@pytest.mark.slow
def test_short_form(tmp_path):
    """Errors are those of recover; finished rows are not computed again."""
    for split, level in (("test", "medium"), ("outside", "outside")):
        (tmp_path / split).mkdir()
        scanner = mpisim.open_sided_ffl(0.7, angles=(0.0, np.pi / 2), harmonics=(2, 3))
        fine = mpisim.simulate(scanner, mpisim.Particle(25e-9), Grid((32, 32)))
        mpisim.write(fine.assign_attrs(scanner_level=level), tmp_path / split / f"0000_{level}.nc")
    study = STUDIES["design"]
    study(tmp_path / "out", quick=True, data=tmp_path, methods=("linear-bayes",))
    rows = csv_rows(tmp_path / "out" / "design_quick.csv")
    ways = ["uniform", "random blocks", "far apart", "design A", "design D"]
    assert [(r["level"], r["way"]) for r in rows] == [(level, way) for level in ("medium", "outside") for way in ways]
    coarse = downsample(fine, SIZE, snr=33.7, seed=0, positions=positions_of("uniform", 16, Grid.of(fine), 0))
    expected = 100 * mpisim.nrmse(recover(coarse, "linear-bayes"), fine)
    assert float(rows[0]["nrmse_percent"]) == pytest.approx(expected, rel=1e-4)
    assert (tmp_path / "out" / "design_quick.png").read_bytes().startswith(b"\x89PNG")
    assert len(list((tmp_path / "out" / "cache" / "rows").iterdir())) == 5  # both scanners are the same
