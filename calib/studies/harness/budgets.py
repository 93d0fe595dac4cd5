"""How long every network is trained for the studies: budgets of about half an hour of one core each.

The machine's other core was idle when the budgets were chosen; two trainings side by side take 30 to 35 minutes each,
those of TranSMS' variants and 2d-SMRnet up to 50. Tables II to IV then take a night on two cores. Variants of TranSMS
have equal numbers of steps, so that a difference in error comes from their design; SRCNN, VDSR and 2d-SMRnet have as
many steps as fit into the time. A study can run with a fraction of the budgets or with a number of steps, see
`StudyOptions`; every result states the steps of its training.
"""

from __future__ import annotations

from calib.nets.table import FACTORS, NETS
from calib.training.recipe import TrainConfig, recipe

__all__ = ["HOURS", "STEPS", "study_config"]

HOURS = 0.7
"""How long a training of the budget takes on a core whose neighbour trains, too: 0.5 to 0.8 hours."""

_VARIANTS = {2: 3000, 4: 8000, 8: 8000}
_OTHERS = {
    "srcnn": {2: 40_000, 4: 40_000, 8: 20_000},
    "vdsr": {2: 2000, 4: 2000, 8: 1000},
    "smrnet": {2: 1400, 4: 4400, 8: 4400},
}
STEPS = {(method, factor): _OTHERS.get(method, _VARIANTS)[factor] for method in NETS for factor in FACTORS}
"""Steps by method and factor; `calib.training.recipe.recipe` gives the number of rows of a step."""

_VALIDATIONS = {"transms": 10, "transms-nodc": 10}  # the points of Fig. 4
_FEW_VALIDATIONS = 4  # of the others: one validation takes as long as some 35 steps
_NOISELESS_FRACTION = 0.25  # one net serves both noise levels of Table III
_CHECKPOINT_STEPS = 100  # at most this many steps are lost in an interruption


def study_config(method: str, factor: int, steps: int | None = None) -> TrainConfig:
    """Return the training of a method for the studies: that of `calib.training.recipe.recipe` but for its length.

    None takes the number of steps of the budget, `STEPS`.
    """
    steps = STEPS[method, factor] if steps is None else steps
    interval = max(1, steps // _VALIDATIONS.get(method, _FEW_VALIDATIONS))
    return recipe(
        method,
        factor,
        steps=steps,
        noiseless_fraction=_NOISELESS_FRACTION,
        validate_every=interval,
        checkpoint_every=min(interval, _CHECKPOINT_STEPS),
    )
