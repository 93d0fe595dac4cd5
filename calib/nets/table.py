"""Networks by name, and what each design has around its network.

A network of a factor S is a module (B, 2, h, w) -> (B, 2, S h, S w) whose last convolution is called `last`. How its
input is measured, what is added to its output and whether data consistency follows is stated here and carried out by
`calib.learned.model`. The module of a network is imported when it is built: this table needs no PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.nn import Module

__all__ = ["FACTORS", "NETS", "Net"]

FACTORS = (2, 4, 8)
"""Super-resolution factors S that networks are built for."""


@dataclass(frozen=True)
class Net:
    """A network and the defaults of its design.

    Parameters
    ----------
    summary
        One line for `mpisim methods`.
    build
        Returns the network of a factor S, a `torch.nn.Module` with the convolution `last`.
    sampling
        How its input is measured: `box` (block means, a large sample) or `strided` (every S-th voxel, a small one).
    skip
        The interpolant that is added to its output: `none` or `bicubic`.
    denoise
        What is done to coarse rows before: `none` or `ridge` (`calib.methods.ridge`).
    consistency
        Whether data consistency closes it.
    even
        Whether the sides h and w of its input must be even.
    """

    summary: str
    build: Callable[[int], Module]
    sampling: str = "box"
    skip: str = "none"
    denoise: str = "none"
    consistency: bool = False
    even: bool = False


def _deferred(module: str, name: str) -> Callable[[int], Module]:
    """Return a function of the factor that imports `calib.nets.MODULE` and calls what it names."""

    def build(factor: int) -> Module:
        return getattr(import_module(f"calib.nets.{module}"), name)(factor)

    return build


def _variant(summary: str, name: str, module: str = "ablations", even: bool = True) -> Net:
    """Return the record of a variant of TranSMS that differs in the network alone."""
    build = _deferred(module, name)
    return Net(summary, build, skip="bicubic", denoise="ridge", consistency=True, even=even)


_transms = _deferred("transms", "TranSMS")

NETS: dict[str, Net] = {
    "srcnn": Net("SRCNN: three convolutions on the bicubic upsample", _deferred("upsampled", "SRCNN")),
    "vdsr": Net(
        "VDSR: 20 convolutions that correct the bicubic upsample", _deferred("upsampled", "VDSR"), skip="bicubic"
    ),
    "smrnet": Net(
        "2d-SMRnet: residual dense blocks on strided samples", _deferred("smrnet", "SMRnet"), sampling="strided"
    ),
    "transms": _variant(
        "TranSMS: transformer and dense branch, data consistency; after a ridge fit", "TranSMS", "transms"
    ),
    "transms-plain": Net("TranSMS without the ridge fit", _transms, skip="bicubic", consistency=True, even=True),
    "transms-nodc": Net("TranSMS without data consistency", _transms, skip="bicubic", denoise="ridge", even=True),
    "rdsr": _variant("TranSMS without the transformer branch", "rdsr", even=False),
    "ctsr": _variant("TranSMS without the convolution branch", "ctsr"),
    "cnn-vit": _variant("TranSMS of plain convolutions and a vision transformer", "cnn_vit"),
    "rd-vit": _variant("TranSMS with a vision transformer", "rd_vit"),
    "cnn-ct": _variant("TranSMS with plain convolutions", "cnn_ct"),
}
"""The record of every network by the name that users type."""
