"""Adam, and Adam with decoupled weight decay."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from archbuilder.spec.train import optimizers as spec
from archbuilder.training.learning.optim.base import Group, Grouped, saturated


class Adam(Grouped):
    """`torch.optim.Adam`, or `torch.optim.AdamW` where the recipe says so.

    Source: Kingma and Ba, Adam, ICLR 2015, algorithm 1; Loshchilov and Hutter, ICLR 2019, algorithm 2.
    """

    def __init__(self, recipe: spec.Adam, groups: Sequence[Group]) -> None:
        super().__init__(recipe.lr, groups, ("mean", "square"))
        self.recipe = recipe

    def _move(
        self, parameters: list[Tensor], gradients: list[Tensor], slots: list[list[Tensor]], lr: float, decay: float
    ) -> None:
        mean, square = slots
        first, second = self.recipe.betas
        if decay and isinstance(self.recipe, spec.AdamW):
            torch._foreach_mul_(parameters, saturated(1 - lr * decay))
        elif decay:
            gradients = list(torch._foreach_add(gradients, parameters, alpha=decay))
        torch._foreach_lerp_(mean, gradients, 1 - first)
        torch._foreach_mul_(square, second)
        torch._foreach_addcmul_(square, gradients, gradients, value=1 - second)
        divisor = torch._foreach_sqrt(square)
        torch._foreach_div_(divisor, (1 - second**self.steps) ** 0.5)
        torch._foreach_add_(divisor, self.recipe.eps)
        torch._foreach_addcdiv_(parameters, mean, divisor, value=saturated(-lr / (1 - first**self.steps)))
