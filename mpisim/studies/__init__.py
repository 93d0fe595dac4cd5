"""Studies that set our numbers beside the paper's; `mpisim study NAME` runs them.

Here is what studies share, and those that need images, which several packages make; recovery is in `calib.studies`.
"""

from mpisim.studies.protocol import Protocol
from mpisim.studies.study import Study, StudyOptions, studies

__all__ = ["STUDIES", "Protocol", "Study", "StudyOptions", "studies"]

STUDIES: dict[str, Study] = {
    "table4": Study("table4", "pSNR of images from recovered matrices", "mpisim.studies.table4:table4"),
    "fig7": Study("fig7", "images from recovered matrices", "mpisim.studies.fig7:fig7", usual=(4,)),
}
