r"""Transformer stages of TranSMS (section III.B.2, Eq. 5-10), and their plain counterpart.

After CvT (Wu et al., 2021, DOI 10.1109/ICCV48922.2021.00009). A stage embeds tokens by a convolution and a layer norm,
then applies

.. math:: x \leftarrow \mathrm{MHSA}(\mathrm{LN}\,x) + x, \qquad x \leftarrow \mathrm{MLP}(\mathrm{LN}\,x) + x.

In TranSMS the embedding is an overlapping 3 x 3 convolution, and queries, keys and values are projected by
depthwise-separable convolutions. There is no positional embedding: position enters through the padding of the
convolutions, so that any size of grid is possible. The plain stage is that of a vision transformer (Dosovitskiy et al.,
2021, arXiv:2010.11929): patches that do not overlap, linear projections, and, since nothing else marks the position of
a token, the sinusoids

.. math:: \sin(\omega_i y),\ \cos(\omega_i y),\ \sin(\omega_i x),\ \cos(\omega_i x), \qquad
          \omega_i = 10000^{-4i/C},

of its row y and column x (Vaswani et al., 2017, arXiv:1706.03762). These are not learned and so exist for any size of
grid, too.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

__all__ = ["Attention", "TransformerStage", "sinusoids"]


class Attention(nn.Module):
    """Multi-head self-attention (Eq. 6-9), its projections convolutional or linear: (B, C, h, w) -> (B, h w, C)."""

    def __init__(self, channels: int = 64, heads: int = 4, head_channels: int = 64, linear: bool = False) -> None:
        super().__init__()
        self.heads = heads
        width = heads * head_channels
        project = _linear if linear else _separable
        self.query, self.key, self.value = (project(channels, width) for _ in range(3))
        self.out = nn.Linear(width, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Attend over all tokens of an image."""
        q, k, v = (self._split(project(x)) for project in (self.query, self.key, self.value))
        attended = scaled_dot_product_attention(q, k, v)
        return self.out(attended.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        batch, width, height, breadth = x.shape
        return x.reshape(batch, self.heads, width // self.heads, height * breadth).transpose(2, 3)


class TransformerStage(nn.Module):
    """Token embedding and one transformer block: (B, C_in, h, w) -> (B, C, h / stride, w / stride).

    `stride` is the edge of the patch that becomes one token, and each of the four heads has C channels. A `plain` stage
    has patches that do not overlap and linear projections, as in a vision transformer. `positions` adds sinusoids of
    the position to the tokens.
    """

    def __init__(
        self, in_channels: int, channels: int = 64, stride: int = 1, plain: bool = False, positions: bool = False
    ) -> None:
        super().__init__()
        size, padding = (stride, 0) if plain else (3, 1)
        self.positions = positions
        self.embed = nn.Conv2d(in_channels, channels, size, stride=stride, padding=padding)
        self.embed_norm = nn.LayerNorm(channels)
        self.attention_norm = nn.LayerNorm(channels)
        self.attention = Attention(channels, head_channels=channels, linear=plain)
        self.mlp_norm = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Embed, attend and mix."""
        x = self.embed(x)
        height, width = x.shape[-2:]
        tokens = self.embed_norm(x.flatten(2).transpose(1, 2))
        if self.positions:
            tokens = tokens + sinusoids(height, width, tokens)
        image = self.attention_norm(tokens).transpose(1, 2).unflatten(2, (height, width))
        tokens = tokens + self.attention(image)
        tokens = tokens + self.mlp(self.mlp_norm(tokens))
        return tokens.transpose(1, 2).unflatten(2, (height, width))


def sinusoids(height: int, width: int, like: Tensor) -> Tensor:
    """Return sinusoids of the positions of tokens, (h w, C), for tokens `like` (B, h w, C), C a multiple of 4."""
    quarter = like.shape[-1] // 4
    waves = 10000.0 ** (-torch.arange(quarter, device=like.device, dtype=torch.float64) / quarter)
    y, x = (torch.arange(n, device=like.device)[:, None] * waves for n in (height, width))
    y, x = y[:, None].expand(height, width, -1), x.expand(height, width, -1)
    return torch.cat([y.sin(), y.cos(), x.sin(), x.cos()], dim=-1).flatten(0, 1).to(like.dtype)


def _separable(channels: int, width: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
        nn.BatchNorm2d(channels),
        nn.Conv2d(channels, width, 1),
    )


def _linear(channels: int, width: int) -> nn.Module:
    return nn.Conv2d(channels, width, 1)
