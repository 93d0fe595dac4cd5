r"""Muon: momentum with orthogonalised matrices (Jordan et al., 2024, https://kellerjordan.github.io/posts/muon).

For a weight that is a matrix (that of a convolution is flattened to outputs x rest), with gradient g,

.. math:: m \leftarrow \mu m + g, \quad W \leftarrow W - \eta \sqrt{\max(1, r/c)}\; O(g + \mu m),

where :math:`O` brings all singular values of its r x c argument close to 1 by five steps of the polynomial
:math:`X \leftarrow aX + (bA + cA^2)X, A = XX^T`. All other parameters (biases, norms, weights with fewer than three
outputs or inputs) take steps of Adam (Kingma & Ba, 2015) at `SMALL` times the rate.

A matrix of many outputs is orthogonalised in slabs of `SLAB` outputs each (heads of attention, groups of a pixel
shuffle), which costs a fifth. `torch.optim.Muon` accepts two-dimensional parameters only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import overload

import torch
from torch import Tensor, nn

__all__ = ["Muon", "orthogonalise"]

SMALL = 0.3
"""Learning rate of the parameters that are no matrices, relative to that of the matrices."""
SLAB = 64
"""Number of outputs that are orthogonalised together, where it divides the number of all."""
_MOMENTUM = 0.95
_BETAS = (0.9, 0.99)
_POLYNOMIAL = (3.4445, -4.7750, 2.0315)


def orthogonalise(matrix: Tensor) -> Tensor:
    """Bring all singular values of matrices (..., r, c) to about [0.7, 1.2]; the singular vectors do not change."""
    a, b, c = _POLYNOMIAL
    tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.mT if tall else matrix
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-12)
    for _ in range(5):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Muon for matrices, Adam for the rest.

    Parameters
    ----------
    parameters
        Parameters to optimise.
    lr
        Learning rate of the matrices; 0.003 to 0.01 for the networks here.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step; a closure first computes the gradients, and its loss is returned."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                if p.ndim >= 2 and min(len(p), p[0].numel()) > 2:
                    _matrix_step(p, p.grad, self.state[p], group["lr"])
                else:
                    _adam_step(p, p.grad, self.state[p], SMALL * group["lr"])
        return loss


def _matrix_step(p: Tensor, gradient: Tensor, state: dict[str, Tensor], lr: float) -> None:
    if not state:
        state["momentum"] = torch.zeros_like(p)
    state["momentum"].mul_(_MOMENTUM).add_(gradient)
    direction = (gradient + _MOMENTUM * state["momentum"]).reshape(len(p), -1)
    slabs = direction.unflatten(0, (-1, SLAB)) if len(p) % SLAB == 0 else direction
    stretch = max(1.0, slabs.shape[-2] / slabs.shape[-1]) ** 0.5
    p.add_(orthogonalise(slabs).reshape(p.shape), alpha=-lr * stretch)


def _adam_step(p: Tensor, gradient: Tensor, state: dict[str, Tensor], lr: float) -> None:
    if not state:
        state.update(step=torch.zeros(()), mean=torch.zeros_like(p), square=torch.zeros_like(p))
    state["step"] += 1
    state["mean"].lerp_(gradient, 1 - _BETAS[0])
    state["square"].lerp_(gradient.square(), 1 - _BETAS[1])
    count = int(state["step"])
    root = (state["square"] / (1 - _BETAS[1] ** count)).sqrt() + 1e-10
    p.addcdiv_(state["mean"] / (1 - _BETAS[0] ** count), root, value=-lr)
