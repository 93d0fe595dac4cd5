"""Studies of images from recovered matrices, by name; `mpisim study NAME` runs them."""

from __future__ import annotations

from calib.studies.harness.study import Study

__all__ = ["STUDIES"]

_LIST = (
    Study("table4", "pSNR of images from recovered matrices", "recon.studies.table4:table4"),
    Study("table7", "recovery and images on the in-house scanner", "recon.studies.table7:table7"),
    Study(
        "fig11",
        "rows of the in-house scanner's matrix at an unseen gradient",
        "recon.studies.fig11:fig11",
        default_factors=(4,),
    ),
    Study(
        "fig13",
        "a really larger sample against means of small ones",
        "recon.studies.fig13:fig13",
        default_factors=(2,),
        quick_factors=(2,),
    ),
    Study("fig7", "images from recovered matrices", "recon.studies.fig7:fig7", default_factors=(4,)),
    Study(
        "realistic-images",
        "pSNR of images from recovered matrices of realistic scanners",
        "recon.studies.realistic_images:realistic_images",
        factors=(2, 4, 8, 16),
        default_factors=(4, 8),
    ),
    Study(
        "images",
        "images of phantoms by every method of reconstruction",
        "recon.studies.method_images:method_images",
        catalogue="recon.methods:METHODS",
    ),
    Study("open-mpi", "Tables V and VI: recovery and images on Open MPI data", "recon.studies.open_mpi:open_mpi"),
    Study("effects", "what each imperfection does to a row and to an image", "recon.studies.effects:effects"),
)
STUDIES: dict[str, Study] = {study.name: study for study in _LIST}
"""The studies of this package."""
