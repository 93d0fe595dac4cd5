"""Phantoms: tracer in rectangles, discs and pixels, sampled exactly on any grid; lengths in m."""

from recon.phantoms.arrays import from_array, from_image
from recon.phantoms.library import PHANTOMS, resolution, shape, stenosis, tubes
from recon.phantoms.parts import Disc, Phantom, Pixels, Rectangle

__all__ = [
    "PHANTOMS",
    "Disc",
    "Phantom",
    "Pixels",
    "Rectangle",
    "from_array",
    "from_image",
    "resolution",
    "shape",
    "stenosis",
    "tubes",
]
