"""Ablations of TranSMS: which parts each of them has."""

import pytest

from calib.nets.table import NETS

PARTS = {
    "transms-nodc": {"DenseBranch", "TransformerStage", "BatchNorm2d"},
    "rdsr": {"DenseBranch"},
    "ctsr": {"TransformerStage", "BatchNorm2d"},
    "cnn-vit": {"PlainBranch", "TransformerStage"},
    "rd-vit": {"DenseBranch", "TransformerStage"},
    "cnn-ct": {"PlainBranch", "TransformerStage", "BatchNorm2d"},
}
ALL = {"DenseBranch", "PlainBranch", "TransformerStage", "BatchNorm2d"}  # the last is of convolutional projections


@pytest.mark.parametrize("name", PARTS)
def test_parts(name):
    assert {type(m).__name__ for m in NETS[name].build(4).modules()} & ALL == PARTS[name]
