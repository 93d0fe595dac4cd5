"""A protocol small enough for tests of the studies: 16 x 16 voxels, four angles, four harmonics."""

from mpisim.cells import grid_cells
from mpisim.dataset import Family
from mpisim.grid import Grid
from mpisim.studies import Protocol

FAMILY = Family(grid=Grid((16, 16)), scanner={"angles": 4, "harmonics": (2, 3, 5, 8)})
CELLS = (
    *grid_cells((0.5, 0.9), (20e-9, 26e-9), "train"),
    *grid_cells((0.7,), (24e-9,), "validation"),
    *grid_cells((0.6, 0.8, 1.0), (24e-9,), "test"),
)
SMALL = Protocol(CELLS, FAMILY)
