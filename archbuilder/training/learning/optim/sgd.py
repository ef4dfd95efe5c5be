"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.sgd import sgd

from archbuilder.spec.train import optimizers as spec
from archbuilder.training.learning.optim.base import Group, Grouped, saturated


class Sgd(Grouped):
    """`torch.optim.SGD`; weight decay is an L2 penalty, or decoupled from the gradient.

    Decoupled, a step takes the share lr * weight_decay of each weight, which the momentum does not see.
    Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization (SGDW), ICLR 2019.
    """

    def __init__(self, recipe: spec.Sgd, groups: Sequence[Group]) -> None:
        super().__init__(recipe.lr, groups, ("momentum",) if recipe.momentum else ())
        self.recipe = recipe

    def _move(
        self, parameters: list[Tensor], gradients: list[Tensor], slots: list[list[Tensor]], lr: float, decay: float
    ) -> None:
        if self.recipe.decoupled and decay:
            torch._foreach_mul_(parameters, saturated(1 - lr * decay))
        sgd(
            parameters,
            gradients,
            list(slots[0]) if slots else [None] * len(parameters),
            foreach=True,
            lr=lr,
            momentum=self.recipe.momentum,
            nesterov=self.recipe.nesterov,
            weight_decay=0.0 if self.recipe.decoupled else decay,
            dampening=0.0,
            maximize=False,
        )
