"""Studies of recovery, by name; `mpisim study NAME` runs them."""

from __future__ import annotations

from calib.studies.harness.study import Study

__all__ = ["STUDIES"]

_LIST = (
    Study("table2", "nRMSE of the network's ablations", "calib.studies.table2:table2"),
    Study("table3", "nRMSE of every method, noiseless and noisy", "calib.studies.table3:table3"),
    Study("fig4", "training with and without data consistency", "calib.studies.fig4:fig4", default_factors=(4,)),
    Study("fig5", "nRMSE against number and diversity of training matrices", "calib.studies.fig5:fig5"),
    Study("fig6", "recovered rows and their errors", "calib.studies.fig6:fig6", default_factors=(4,)),
    Study("fig8", "larger grids from a smaller net", "calib.studies.fig8:fig8", factors=(2,), quick_factors=(2,)),
    Study(
        "imperfections",
        "error of every method against the size of each imperfection",
        "calib.studies.imperfections:imperfections",
        default_factors=(4,),
    ),
    Study("realistic", "Table III on scanners as imperfect as real ones", "calib.studies.realistic:realistic"),
    Study(
        "limits",
        "error and coverage of every method to 16x, against scanner time and the Cramer-Rao bound",
        "calib.studies.limits:limits",
        factors=(2, 4, 8, 16),
        quick_factors=(4, 8),
    ),
    Study(
        "design",
        "error against the number of large samples, by how their positions are chosen",
        "calib.studies.design:design",
        factors=(4,),
        quick_factors=(4,),
    ),
    Study(
        "prior-size",
        "error of linear-bayes against the number of scanners in its prior",
        "calib.studies.prior_size:prior_size",
    ),
    Study(
        "particle-models",
        "error of cheaper models of the tracer against the Fokker-Planck equation",
        "calib.studies.particle_models:particle_models",
    ),
    Study("weights", "find or train the weights of the other studies", "calib.studies.weights:weights"),
)
STUDIES: dict[str, Study] = {study.name: study for study in _LIST}
"""The studies of this package."""
