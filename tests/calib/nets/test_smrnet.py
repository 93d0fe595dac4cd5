"""2d-SMRnet: its first weights."""

import torch

from calib.nets.smrnet import SMRnet


def test_blocks_start_close_to_the_identity():
    torch.manual_seed(6)
    x = torch.randn(2, 64, 8, 8)
    for block in SMRnet(2).trunk[0].blocks:
        with torch.no_grad():
            changed = block(x) - x
        assert 0 < float(changed.norm() / x.norm()) < 0.05
