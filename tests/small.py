"""Studies small enough for tests: 16 x 16 voxels, four angles, four harmonics, and the smallest net."""

from calib.studies.harness.protocol import Protocol
from calib.studies.harness.study import studies
from mpisim.data.grid import Grid
from mpisim.dataset.cases import grid_cases
from mpisim.dataset.spec import DatasetSpec

FAMILY = DatasetSpec(grid=Grid((16, 16)), scanner={"angles": 4, "harmonics": (2, 3, 5, 8)})
CASES = (
    *grid_cases((0.5, 0.9), (20e-9, 26e-9), "train"),
    *grid_cases((0.7,), (24e-9,), "validation"),
    *grid_cases((0.6, 0.8, 1.0), (24e-9,), "test"),
)
SMALL = Protocol(CASES, FAMILY)
NET = "srcnn"


def short(name, out, cache=None, **options):
    """Run the short form of a study, with trainings."""
    return studies()[name](out, quick=True, train=True, cache=cache, protocol=SMALL, **options)


def entries(cache):
    """Return the trainings of a cache."""
    return sorted(p for p in cache.iterdir() if p.name != "rows")
