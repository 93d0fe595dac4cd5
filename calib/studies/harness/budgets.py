"""How long every network is trained for the studies: budgets of about equal time, half an hour of one core each.

They were set when it was twenty minutes with the machine to themselves; two side by side take 30 to 35, those of
TranSMS' variants and 2d-SMRnet up to 50. Tables II to IV then take a night on two cores. Variants take equal numbers of
steps, so that a difference is one of design; SRCNN, VDSR and 2d-SMRnet take as many as the time holds. A study can be
run with a share of the budgets (`--share 0.25`) or a number of steps (`--steps`); what was taken is stated with every
result.
"""

from __future__ import annotations

from calib.nets import FACTORS, NETS
from calib.training.recipe import TrainConfig, recipe

__all__ = ["STEPS", "study_config"]

_FAMILY = {2: 3000, 4: 8000, 8: 8000}
_OTHERS = {
    "srcnn": {2: 40_000, 4: 40_000, 8: 20_000},
    "vdsr": {2: 2000, 4: 2000, 8: 1000},
    "smrnet": {2: 1400, 4: 4400, 8: 4400},
}
STEPS = {(method, factor): _OTHERS.get(method, _FAMILY)[factor] for method in NETS for factor in FACTORS}
"""Steps by method and factor, of as many rows as `calib.training.recipe.recipe` says."""

_CURVES = {"transms": 10, "transms-nodc": 10}  # the points of Fig. 4
_NOISELESS = 0.25  # one net serves both noise levels of Table III
_VALIDATIONS = 4  # of the others: one takes as long as some 35 steps


def study_config(method: str, factor: int, steps: int | None = None) -> TrainConfig:
    """Return the training of a method for the studies.

    Parameters
    ----------
    method, factor
        A network of `calib.nets.NETS` and a factor; all but the steps is that of `calib.training.recipe.recipe`.
    steps
        In place of the budget of `STEPS`.
    """
    steps = STEPS[method, factor] if steps is None else steps
    often = max(1, steps // _CURVES.get(method, _VALIDATIONS))
    every = {"validate_every": often, "checkpoint_every": min(often, 100)}
    return recipe(method, factor, steps=steps, noiseless_fraction=_NOISELESS, **every)
