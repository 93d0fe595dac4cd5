"""A method of recovery: every fine voxel takes the value of its block."""

import xarray as xr

from calib import Method, Recovered
from mpisim.data.blocks import replicate
from mpisim.data.sampling import Sampling
from mpisim.data.views import as_images

__all__ = ["NEAREST"]


def nearest(coarse: xr.Dataset) -> Recovered:
    """Give all voxels of a block its mean."""
    return Recovered(replicate(as_images(coarse), Sampling.of(coarse).factor))


NEAREST = Method("every voxel takes the mean of its block", nearest, samplings=("box",))
