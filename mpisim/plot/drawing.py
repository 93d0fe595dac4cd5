"""A picture of any dataset of the schema: a matrix, a measurement or an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import xarray as xr

from mpisim.data.schema import validate
from mpisim.errors import require
from mpisim.plot.images import draw_image
from mpisim.plot.matrix import draw_matrix
from mpisim.plot.measurement import draw_measurement

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["OPTIONS", "draw"]

_DRAW: dict[str, Callable[..., Figure]] = {
    "system_matrix": draw_matrix,
    "measurement": draw_measurement,
    "image": draw_image,
}
OPTIONS = {
    "system_matrix": ("angles", "harmonics", "rows", "part", "channel", "reference"),
    "measurement": ("frame", "channel"),
    "image": ("frame", "plane"),
}
"""Options of `draw` by kind of the dataset."""


def draw(data: xr.Dataset, **options: object) -> Figure:
    """Draw a dataset of the schema by its kind.

    Parameters
    ----------
    data
        A system matrix, measurement or image.
    **options
        Those of `draw_matrix`, `draw_measurement` or `draw_image`; None stands for an option that is left out.

    Raises
    ------
    InputError
        If the dataset is none of these, or an option belongs to another kind.
    """
    kind = str(validate(data, "data").attrs["kind"])
    given = {name: value for name, value in options.items() if value is not None}
    foreign = sorted(set(given) - set(OPTIONS[kind]))
    must = f"among {', '.join(OPTIONS[kind])} for data of the kind {kind}"
    require(not foreign, "options", must, ", ".join(foreign))
    return _DRAW[kind](data, **given)
