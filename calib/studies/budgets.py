"""How long every network is trained for the studies: equal numbers of steps, stated with every result."""

from __future__ import annotations

from calib.nets import FACTORS, NETS
from calib.recipe import STEPS as OURS
from calib.recipe import TrainConfig, recipe

__all__ = ["STEPS", "study_config"]

STEPS: dict[tuple[str, int], int] = {(method, factor): OURS[factor] for method in NETS for factor in FACTORS}
"""Steps by method and factor."""

_CURVES = {"transms": 10, "transms-nodc": 10}  # the points of Fig. 4
_VALIDATIONS = 4  # of the others: one takes as long as some 35 steps


def study_config(method: str, factor: int, steps: int | None = None) -> TrainConfig:
    """Return the training of a method for the studies.

    Parameters
    ----------
    method, factor
        A network of `calib.nets.NETS` and a factor; all but the steps is that of `calib.recipe.recipe`.
    steps
        In place of the budget of `STEPS`.
    """
    steps = STEPS[method, factor] if steps is None else steps
    often = max(1, steps // _CURVES.get(method, _VALIDATIONS))
    return recipe(method, factor, steps=steps, validate_every=often, checkpoint_every=min(often, 100))
