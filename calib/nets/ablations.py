r"""Ablations of TranSMS (section V.A.1, Table II): without one of its branches, or with plain branches.

=========  ==============================  ==============================================
name       transformer branch              convolution branch
=========  ==============================  ==============================================
RDSR       none                            residual dense blocks
CTSR       convolutional transformer       none
CNN-ViT    vision transformer              residual blocks without dense connections
RD-ViT     vision transformer              residual dense blocks
CNN-CT     convolutional transformer       residual blocks without dense connections
=========  ==============================  ==============================================

The paper names the branches only: it states neither widths nor depths nor parameter counts, nor the layers of its
vanilla modules. Chosen here: everything that is not ablated, depths included, equals TranSMS, and the remaining
branches are so wide that the number of parameters is that of TranSMS within 5 % at every factor. A difference is then
one of design and not of size. The convolutions without dense connections have the residuals around blocks and branch
but no concatenation. The vision transformer has patches that do not overlap (1, 1 and 2 voxels wide for the strides 1,
1 and 2), linear projections and fixed sinusoids for the position; heads, MLP, strides and tail are those of TranSMS.
The ablation without data consistency (Fig. 4) is the network of TranSMS itself and a setting of the model.
"""

from __future__ import annotations

from calib.nets.transms import Branches, TranSMS
from mpisim.errors import one_of

__all__ = ["cnn_ct", "cnn_vit", "ctsr", "rd_vit", "rdsr"]

_RDSR_FEATURES = {2: 76, 4: 60, 8: 56}
_CTSR_TOKENS = {2: 68, 4: 72, 8: 72}


def rdsr(factor: int) -> TranSMS:
    """Return TranSMS without its transformer branch; the dense one is 76 / 60 / 56 channels wide."""
    features = _RDSR_FEATURES[one_of("factor", factor, tuple(_RDSR_FEATURES))]
    return TranSMS(factor, Branches(transformer="none", features=features))


def ctsr(factor: int) -> TranSMS:
    """Return TranSMS without its convolution branch; the transformer is 68 / 72 / 72 channels wide."""
    tokens = _CTSR_TOKENS[one_of("factor", factor, tuple(_CTSR_TOKENS))]
    return TranSMS(factor, Branches(tokens=tokens, convolution="none"))


def cnn_vit(factor: int) -> TranSMS:
    """Return TranSMS with both branches plain, of the same widths."""
    return TranSMS(factor, Branches(transformer="plain", convolution="plain"))


def rd_vit(factor: int) -> TranSMS:
    """Return TranSMS with a vision transformer, 68 channels wide."""
    return TranSMS(factor, Branches(transformer="plain", tokens=68))


def cnn_ct(factor: int) -> TranSMS:
    """Return TranSMS with convolutions without dense connections, 18 channels wide."""
    return TranSMS(factor, Branches(convolution="plain", features=18))
