"""How long every network is trained for the studies: equal numbers of steps, stated with every result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from calib.nets import FACTORS, NETS

if TYPE_CHECKING:
    from calib.recipe import TrainConfig

__all__ = ["STEPS", "study_config"]

STEPS: dict[tuple[str, int], int] = {(method, factor): 2000 for method in NETS for factor in FACTORS}
"""Steps by method and factor."""

_VALIDATIONS = 10  # a training is validated and kept this often: a sixth of the time for the curves of Fig. 4


def study_config(method: str, factor: int, steps: int | None = None) -> TrainConfig:
    """Return the training of a method for the studies.

    Parameters
    ----------
    method, factor
        A network of `calib.nets.NETS` and a factor; the recipe is that of `calib.recipe`.
    steps
        In place of the budget of `STEPS`.
    """
    steps = STEPS[method, factor] if steps is None else steps
    often = max(1, steps // _VALIDATIONS)
    return replace(_recipe(method, factor), steps=steps, validate_every=often, checkpoint_every=min(often, 100))


def _recipe(method: str, factor: int) -> TrainConfig:
    from calib import recipe

    if hasattr(recipe, "recipe"):
        return recipe.recipe(method, factor)
    design = NETS[method]
    skip = "none" if design.skip == "none" else "bicubic"
    return recipe.TrainConfig(method=method, factor=factor, skip=skip, consistency=design.consistency)
