"""Figures of rows and images."""

from mpisim.plot.panels import Group, Panel, draw_images, edges, panels, row_panels, save_figure

__all__ = ["Group", "Panel", "draw_images", "edges", "panels", "row_panels", "save_figure"]
