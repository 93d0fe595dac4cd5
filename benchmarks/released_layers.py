"""TranSMS in plain PyTorch, layer for layer and under the names of its published code.

Nothing to run: `calib.load_original_checkpoint` is tested against it, and benchmarks compare the network of this
package with it. It is what one would write first: attention as two products and a softmax, tokens moved to the last
axis and back, concatenation of ever more features. Written from the names and shapes of a checkpoint.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

INITIAL = {2: 24, 4: 24, 8: 64}
LAYERS = {2: 5, 4: 8, 8: 9}
TOKENS, HEADS, FEATURES, GROWTH, FUSED = 64, 4, 24, 6, 48


def conv(inputs: int, outputs: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Return a convolution of 3 x 3 that keeps the size, but for its stride."""
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, groups=groups)


def chain(modules: nn.ModuleDict, x: Tensor) -> Tensor:
    """Apply the modules of a ModuleDict one after another."""
    for module in modules.values():
        x = module(x)
    return x


def up(channels: int) -> nn.ModuleDict:
    """Return an upsampling by 2 in both directions."""
    return nn.ModuleDict(
        {"conv": conv(channels, 4 * channels), "shuffler": nn.PixelShuffle(2), "lrelu": nn.LeakyReLU()}
    )


class Attention(nn.Module):
    """Multi-head self-attention of tokens (B, n, C) that lie on a grid."""

    def __init__(self) -> None:
        super().__init__()
        width = HEADS * TOKENS
        for name in ("to_q", "to_k", "to_v"):
            layers = {"depthwise": conv(TOKENS, TOKENS, groups=TOKENS), "bn": nn.BatchNorm2d(TOKENS)}
            self.add_module(name, nn.ModuleDict(layers | {"pointwise": nn.Conv2d(TOKENS, width, 1)}))
        self.to_out = nn.Sequential(nn.Linear(width, TOKENS), nn.Dropout(0.0))

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """Attend, each head by itself."""
        image = tokens.permute(0, 2, 1).reshape(-1, TOKENS, height, width)
        q, k, v = (
            chain(layers, image).reshape(-1, HEADS, TOKENS, height * width).permute(0, 1, 3, 2)
            for layers in (self.to_q, self.to_k, self.to_v)
        )
        weights = (torch.einsum("bhid,bhjd->bhij", q, k) / TOKENS**0.5).softmax(dim=-1)
        heads = torch.einsum("bhij,bhjd->bhid", weights, v)
        return self.to_out(heads.permute(0, 2, 1, 3).reshape(-1, height * width, HEADS * TOKENS))


class Transformer(nn.Module):
    """The transformer branch: (B, C1, h, w) -> (B, 64, h, w)."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        for number, stride in enumerate((1, 1, 2), 1):
            embed = conv(inputs if number == 1 else TOKENS, TOKENS, stride=stride)
            self.add_module(f"stage{number}_conv_embed", nn.ModuleDict({"0": embed, "2": nn.LayerNorm(TOKENS)}))
            block = nn.ModuleDict({"layers": nn.ModuleList([nn.ModuleList([self.attention(), self.mlp()])])})
            self.add_module(f"stage{number}_transformer", nn.ModuleList([block]))
        self.cls_token = nn.Parameter(torch.randn(1, 1, TOKENS))
        self.lastConv = conv(TOKENS, TOKENS)
        self.upsampler = up(TOKENS)

    @staticmethod
    def attention() -> nn.ModuleDict:
        """Return a layer norm and an attention."""
        return nn.ModuleDict({"norm": nn.LayerNorm(TOKENS), "fn": Attention()})

    @staticmethod
    def mlp() -> nn.ModuleDict:
        """Return a layer norm and a perceptron."""
        layers = nn.Linear(TOKENS, 2 * TOKENS), nn.GELU(), nn.Dropout(0.0), nn.Linear(2 * TOKENS, TOKENS)
        net = nn.ModuleDict({"net": nn.Sequential(*layers, nn.Dropout(0.0))})
        return nn.ModuleDict({"norm": nn.LayerNorm(TOKENS), "fn": net})

    def forward(self, x: Tensor) -> Tensor:
        """Three stages, then back to the size of the input."""
        for number in (1, 2, 3):
            embed = getattr(self, f"stage{number}_conv_embed")
            attention, mlp = getattr(self, f"stage{number}_transformer")[0]["layers"][0]
            x = embed["0"](x)
            height, width = x.shape[2:]
            tokens = embed["2"](x.reshape(len(x), TOKENS, -1).permute(0, 2, 1))
            tokens = tokens + attention["fn"](attention["norm"](tokens), height, width)
            tokens = tokens + mlp["fn"]["net"](mlp["norm"](tokens))
            x = tokens.permute(0, 2, 1).reshape(-1, TOKENS, height, width)
        return chain(self.upsampler, self.lastConv(x))


class Dense(nn.Module):
    """The dense branch: (B, C1, h, w) -> (B, 24, h, w)."""

    def __init__(self, inputs: int, layers: int) -> None:
        super().__init__()
        self.conv0, self.conv1 = conv(inputs, FEATURES), conv(FEATURES, FEATURES)
        self.rdbs = nn.ModuleList(self.block(layers) for _ in range(4))
        self.conv2 = nn.Conv2d(4 * FEATURES, FEATURES, 1)
        self.conv3 = conv(FEATURES, FEATURES)

    @staticmethod
    def block(layers: int) -> nn.ModuleDict:
        """Return a residual dense block."""
        grown = [FEATURES + i * GROWTH for i in range(layers + 1)]
        steps = nn.ModuleList(nn.ModuleDict({"conv": conv(n, GROWTH)}) for n in grown[:-1])
        return nn.ModuleDict({"local_res_block": steps, "last_conv": nn.Conv2d(grown[-1], FEATURES, 1)})

    def forward(self, x: Tensor) -> Tensor:
        """Four blocks, their outputs side by side."""
        first = self.conv0(x)
        x, outputs = self.conv1(first), []
        for block in self.rdbs:
            features = x
            for step in block["local_res_block"]:
                features = torch.cat([features, torch.relu(step["conv"](features))], dim=1)
            x = x + block["last_conv"](features)
            outputs.append(x)
        return self.conv3(self.conv2(torch.cat(outputs, dim=1))) + first


class ReleasedTranSMS(nn.Module):
    """The network of a checkpoint: (B, 2, h, w) -> (B, 2, S h, S w), h and w even."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.initialConv = conv(2, INITIAL[factor])
        self.rdn = Dense(INITIAL[factor], LAYERS[factor])
        self.transformer = Transformer(INITIAL[factor])
        self.convAfterConcat = conv(TOKENS + FEATURES, FUSED)
        self.upSampler = nn.ModuleList(up(FUSED) for _ in range({2: 1, 4: 2, 8: 3}[factor]))
        self.lastConv = conv(FUSED, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Super-resolve rows."""
        x = self.initialConv(x)
        x = self.convAfterConcat(torch.cat([self.transformer(x), self.rdn(x)], dim=1))
        for upsampler in self.upSampler:
            x = chain(upsampler, x)
        return self.lastConv(x)
