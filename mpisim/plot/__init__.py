"""Pictures of matrices, measurements and images, as matplotlib figures without pyplot."""

from mpisim.plot.drawing import draw
from mpisim.plot.images import draw_image, draw_images
from mpisim.plot.matrix import draw_matrix
from mpisim.plot.measurement import draw_measurement
from mpisim.plot.panels import Group, Panel, edges, panels, save_figure
from mpisim.plot.rows import chosen_rows, row_panels
from mpisim.plot.scanner import draw_scanner

__all__ = [
    "Group",
    "Panel",
    "chosen_rows",
    "draw",
    "draw_image",
    "draw_images",
    "draw_matrix",
    "draw_measurement",
    "draw_scanner",
    "edges",
    "panels",
    "row_panels",
    "save_figure",
]
