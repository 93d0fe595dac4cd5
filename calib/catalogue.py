"""The methods of recovery that are a part of this project, as records, all but `auto`, which chooses among them."""

from __future__ import annotations

from functools import partial

import xarray as xr

from calib.learned.apply import recover_by_network
from calib.methods.bicubic import bicubic, bicubic_aligned, bicubic_consistent
from calib.methods.compressed import compressed_sensing
from calib.methods.linear_bayes.method import recover_by_covariance
from calib.methods.physical.method import recover_by_scanner
from calib.methods.profile import recover_by_profiles
from calib.methods.profile_prior import recover_by_profile_prior
from calib.methods.record import Method, Recovered
from calib.methods.smooth import recover_smoothly
from calib.nets.table import NETS

__all__ = ["RECORDS"]


def _ridge(coarse: xr.Dataset) -> Recovered:
    from calib.methods.ridge import recover_by_ridges  # which loads torch

    return recover_by_ridges(coarse)


_UNTRAINED = {
    "bicubic": Method("bicubic interpolation of block means (MATLAB imresize)", bicubic, noise=False),
    "bicubic-dc": Method(
        "bicubic, then data consistency with the block means",
        bicubic_consistent,
        version=2,  # 2: rows with standard deviations
    ),
    "bicubic-strided": Method("bicubic of strided samples, unaligned as published", bicubic, ("strided",), noise=False),
    "bicubic-strided-aligned": Method(
        "bicubic of strided samples where they lie", bicubic_aligned, ("strided",), noise=False
    ),
    "cs": Method(
        "compressed sensing: random voxels, sparse in the Fourier domain", compressed_sensing, samplings=("random",)
    ),
    "ridge": Method(
        "every row as the most likely ridge, then data consistency; nothing trained",
        _ridge,
        version=3,  # 3: a sharper check where block means along a side are few
    ),
    "profile": Method(
        "one profile per harmonic for all angles of an ideal scanner; nothing trained",
        recover_by_profiles,
        complete=True,
        version=3,  # 3: that check of the rows that become ridges
    ),
    "profile-prior": Method(
        "profiles with a prior from simulated ideal scanners, where chi2 allows it; else profile",
        recover_by_profile_prior,
        complete=True,
    ),
    "linear-bayes": Method(
        "posterior mean under the covariance of known matrices, simulated or measured ones (--prior)",
        recover_by_covariance,
        samplings=("box", "positions"),
        takes=("prior",),
        complete=True,
        version=2,  # 2: blocks over the edge of the grid
    ),
    "smooth-rows": Method(
        "smooth rows, by a Gaussian process: for large samples at any positions; presumes nothing of the scanner",
        recover_smoothly,
        samplings=("positions",),
        version=2,  # 2: other standard deviations
    ),
    "physical": Method(
        "the scanner itself: its fields, coils and tracer fitted to all rows, with errors; nothing trained",
        recover_by_scanner,
        takes=("angles", "prior_scanner"),
        samplings=("box", "strided", "random", "positions"),
        complete=True,
        version=6,  # 3, 5: other standard deviations; 4: other starts, bounds and gains; 6: rows that become ridges
    ),
}
_NETWORKS = {
    name: Method(
        net.summary,
        partial(recover_by_network, name),
        (net.sampling,),
        takes=("weights", "unit"),
        version=2 if net.sampling == "box" else 1,  # 2: rows are turned to the phases of ideal scanners
    )
    for name, net in NETS.items()
}
RECORDS: dict[str, Method] = {**_UNTRAINED, **_NETWORKS}
"""Records by name: first those that need no weights."""
