"""Networks by name: what a factor makes of each is a module (B, 2, h, w) -> (B, 2, S h, S w) that ends in `last`.

What a design has around its network is named here and built in `calib.learned.model`: how its input is measured, what is added
to its output and whether data consistency follows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from calib.nets.ablations import cnn_ct, cnn_vit, ctsr, rd_vit, rdsr
from calib.nets.smrnet import SMRnet
from calib.nets.transms import TranSMS
from calib.nets.upsampled import SRCNN, VDSR

__all__ = ["FACTORS", "NETS", "SRCNN", "VDSR", "Net", "SMRnet", "TranSMS"]

FACTORS = (2, 4, 8)


@dataclass(frozen=True)
class Net:
    """A network and the defaults of its design.

    Parameters
    ----------
    build
        Makes the module of a factor, a `torch.nn.Module` with the convolution `last`.
    scheme
        How its input is measured: `box` (block means, a large sample) or `strided` (every S-th voxel, a small one).
    skip
        The interpolant that is added to its output: `none` or `bicubic`.
    denoise
        What is done to coarse rows before: `none` or `ridge` (`calib.methods.ridge`).
    consistency
        Whether data consistency closes it.
    even
        Whether it takes even sides only.
    """

    build: Callable[[int], nn.Module]
    scheme: str = "box"
    skip: str = "none"
    denoise: str = "none"
    consistency: bool = False
    even: bool = False


_OURS: dict[str, Any] = {"skip": "bicubic", "denoise": "ridge", "consistency": True}

NETS: dict[str, Net] = {
    "transms": Net(TranSMS, **_OURS, even=True),
    "transms-plain": Net(TranSMS, skip="bicubic", consistency=True, even=True),
    "transms-nodc": Net(TranSMS, skip="bicubic", denoise="ridge", even=True),
    "rdsr": Net(rdsr, **_OURS),
    "ctsr": Net(ctsr, **_OURS, even=True),
    "cnn-vit": Net(cnn_vit, **_OURS, even=True),
    "rd-vit": Net(rd_vit, **_OURS, even=True),
    "cnn-ct": Net(cnn_ct, **_OURS, even=True),
    "srcnn": Net(SRCNN),
    "vdsr": Net(VDSR, skip="bicubic"),
    "smrnet": Net(SMRnet, scheme="strided"),
}
