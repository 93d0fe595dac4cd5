"""Studies small enough for tests: 16 x 16 voxels, four angles, four harmonics, and the smallest net."""

import csv

from calib.studies.harness.protocol import Protocol
from calib.studies.harness.study import studies
from mpisim.data.grid import Grid
from mpisim.dataset.cases import grid_cases
from mpisim.dataset.spec import DatasetSpec

SPEC = DatasetSpec(grid=Grid((16, 16)), scanner={"angles": 4, "harmonics": (2, 3, 5, 8)})
CASES = (
    *grid_cases((0.5, 0.9), (20e-9, 26e-9), "train"),
    *grid_cases((0.7,), (24e-9,), "validation"),
    *grid_cases((0.6, 0.8, 1.0), (24e-9,), "test"),
)
SMALL = Protocol(CASES, SPEC)
NET = "srcnn"


def short(name, out, cache=None, **options):
    """Run the short form of a study, with trainings."""
    return studies()[name](out, quick=True, train=True, cache=cache, protocol=SMALL, **options)


def entries(cache):
    """Return the trainings of a cache."""
    return sorted(p for p in cache.iterdir() if p.name != "rows")


def csv_rows(file):
    """Return the rows of a CSV file as dictionaries of text."""
    with file.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


class Report(list):
    """Receives the lines of a study; with `stop` it interrupts the study, as Ctrl-C does, at a line with that text."""

    def __init__(self, stop=None):
        super().__init__()
        self.stop = stop

    def __call__(self, line):
        self.append(line)
        if self.stop is not None and self.stop in line:
            raise KeyboardInterrupt

    def trainings(self):
        """Return the lines that announce a training."""
        return [line for line in self if line.startswith("training ")]
