r"""Convolutional transformer stages of TranSMS (section III.B.2, Eq. 5-10), after CvT (Wu et al., 2021).

A stage embeds tokens by an overlapping convolution and a layer norm, then applies

.. math:: x \leftarrow \mathrm{MHSA}(\mathrm{LN}\,x) + x, \qquad x \leftarrow \mathrm{MLP}(\mathrm{LN}\,x) + x,

with queries, keys and values projected by depthwise-separable convolutions. There is no positional embedding: position
enters through the padding of the convolutions, so any size of grid is taken.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

__all__ = ["ConvolutionalAttention", "TransformerStage"]


class ConvolutionalAttention(nn.Module):
    """Multi-head self-attention with convolutional projections (Eq. 6-9): (B, C, h, w) -> (B, h w, C)."""

    def __init__(self, channels: int = 64, heads: int = 4, head_channels: int = 64) -> None:
        super().__init__()
        self.heads = heads
        width = heads * head_channels
        self.query, self.key, self.value = (
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
                nn.BatchNorm2d(channels),
                nn.Conv2d(channels, width, 1),
            )
            for _ in range(3)
        )
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
    """Token embedding and one transformer block: (B, C_in, h, w) -> (B, C, h / stride, w / stride)."""

    def __init__(self, in_channels: int, channels: int = 64, stride: int = 1) -> None:
        super().__init__()
        self.embed = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1)
        self.embed_norm = nn.LayerNorm(channels)
        self.attention_norm = nn.LayerNorm(channels)
        self.attention = ConvolutionalAttention(channels)
        self.mlp_norm = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Embed, attend and mix."""
        x = self.embed(x)
        height, width = x.shape[-2:]
        tokens = self.embed_norm(x.flatten(2).transpose(1, 2))
        image = self.attention_norm(tokens).transpose(1, 2).unflatten(2, (height, width))
        tokens = tokens + self.attention(image)
        tokens = tokens + self.mlp(self.mlp_norm(tokens))
        return tokens.transpose(1, 2).unflatten(2, (height, width))
