"""Muon: momentum, orthogonalised by Newton-Schulz steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archbuilder.spec.train import optimizers as spec
from archbuilder.training.learning.optim.base import Group, Grouped, saturated

# a polynomial whose repeated use brings singular values from (0, 1] to about 1, the small ones fastest
_A, _B, _C = 3.4445, -4.7750, 2.0315


@dataclass(frozen=True)
class Matrices:
    """A weight as `count` matrices of as many columns as a filter has values: one, or one per group of a conv."""

    weight: nn.Parameter
    count: int = 1

    @property
    def rows(self) -> int:
        return len(self.weight) // self.count

    def of(self, values: Tensor) -> Tensor:
        """(count, rows, columns) of a tensor that is shaped like the weight."""
        return values.reshape(self.count, self.rows, -1)


class Muon(Grouped):
    """Steps whose matrices have singular values near 1, times sqrt(rows / columns) where there are more rows.

    So a step of rate 1 has at most the norm sqrt(rows), to which `renormalize` scales the weight itself.
    Weights of one form are orthogonalised in one batch.

    Source: Keller Jordan et al., Muon: an optimizer for hidden layers, 2024; renormalisation: airbench, 2024.
    """

    def __init__(self, recipe: spec.Muon, weights: Mapping[str, Matrices]) -> None:
        parameters = {name: matrices.weight for name, matrices in weights.items()}
        super().__init__(recipe.lr, [Group(parameters, recipe.lr, recipe.weight_decay)], ("momentum",))
        self.recipe = recipe
        self._matrices = {id(matrices.weight): matrices for matrices in weights.values()}

    def _move(
        self, parameters: list[Tensor], gradients: list[Tensor], slots: list[list[Tensor]], lr: float, decay: float
    ) -> None:
        (momentum,) = slots
        torch._foreach_mul_(momentum, self.recipe.momentum)
        torch._foreach_add_(momentum, gradients)
        ahead = torch._foreach_add(gradients, momentum, alpha=self.recipe.momentum) if self.recipe.nesterov else None
        if self.recipe.renormalize:
            norms = torch._foreach_norm(parameters)
            torch._foreach_clamp_min_(norms, 1e-7)
            torch._foreach_div_(norms, [len(weight) ** 0.5 for weight in parameters])
            torch._foreach_div_(parameters, norms)
        if decay:
            torch._foreach_mul_(parameters, saturated(1 - lr * decay))
        matrices = [self._matrices[id(weight)] for weight in parameters]
        torch._foreach_add_(parameters, orthogonal(matrices, ahead or momentum, self.recipe.steps), alpha=-lr)


def orthogonal(matrices: Sequence[Matrices], values: Sequence[Tensor], steps: int) -> list[Tensor]:
    """The steps' directions, shaped like the weights; `values` are their momenta."""
    batches: dict[tuple[int, int], list[int]] = defaultdict(list)
    flat = [weight.of(value) for weight, value in zip(matrices, values, strict=True)]
    wide = [x if x.shape[1] <= x.shape[2] else x.mT for x in flat]
    for index, x in enumerate(wide):
        batches[(x.shape[1], x.shape[2])].append(index)
    found: dict[int, Tensor] = {}
    for members in batches.values():
        joined = newton_schulz(torch.cat([wide[index] for index in members]), steps)
        for index, x in zip(members, joined.split([len(wide[i]) for i in members]), strict=True):
            rows, columns = flat[index].shape[1:]
            straight = x if rows <= columns else x.mT * (rows / columns) ** 0.5
            found[index] = straight.reshape(values[index].shape)
    return [found[index] for index in range(len(values))]


def newton_schulz(x: Tensor, steps: int) -> Tensor:
    """Matrices with the singular vectors of x (n, rows, columns), rows <= columns, and singular values near 1.

    Quintic iteration x <- a x + (b A + c A²) x with A = x xᵀ, from x over its Frobenius norm.
    After 5 steps the singular values lie between about 0.7 and 1.2; those of nearly 0 stay small.
    """
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp_min(1e-7)
    for _ in range(steps):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=_B, alpha=_C), x, beta=_A)
    return x
