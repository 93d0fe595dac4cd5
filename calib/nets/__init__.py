"""Networks by name: what a factor makes of each is a module (B, 2, h, w) -> (B, 2, S h, S w)."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from calib.nets.transms import TranSMS

__all__ = ["FACTORS", "NETS", "TranSMS"]

FACTORS = (2, 4, 8)

NETS: dict[str, Callable[[int], nn.Module]] = {"transms": TranSMS}
