"""Optimizers: a recipe's, over the parameters of a network.

Each has groups of parameters, their state by name, and a step at a factor of the rate.

torch's optimizer classes import `torch._dynamo` with their first use, which a short run feels; these
call torch's own update functions and foreach operations, which do not.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.sgd import sgd

from archbuilder.schema.fields import LARGEST
from archbuilder.spec.train import optimizers as spec

State = dict[str, Any]


def saturated(value: float) -> float:
    """The number itself, or infinity where float32 ends.

    torch raises where a factor is beyond float32.  With infinity the weights go where such a step takes them, and
    training says that it has diverged (AB712).
    """
    return value if abs(value) <= LARGEST else math.copysign(math.inf, value)


@dataclass(frozen=True)
class Group:
    """Parameters that are moved alike: by name, with their learning rate and weight decay."""

    parameters: dict[str, nn.Parameter]
    lr: float
    weight_decay: float


class Optimizer(ABC):
    """Moves its parameters by their gradients.

    lr:    the learning rate at factor 1, before any group's own multiple of it.
    steps: how many it has taken.
    """

    def __init__(self, lr: float) -> None:
        self.lr = lr
        self.steps = 0

    @abstractmethod
    def named(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Every parameter with its name."""

    @abstractmethod
    def step(self, factor: float = 1.0) -> None:
        """Move every parameter that has a gradient, at `factor` times the learning rate."""

    @abstractmethod
    def slots(self) -> dict[str, dict[str, Tensor]]:
        """What is kept beside each parameter, by its name and its own."""

    @property
    def parameters(self) -> list[nn.Parameter]:
        return [parameter for _, parameter in self.named()]

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The parameters in the form in which torch's gradient scaler asks for them."""
        return [{"params": self.parameters}]

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    def state_dict(self) -> State:
        """Steps taken, and what is kept by parameter name: tensors and plain data."""
        return {"steps": self.steps, "state": self.slots()}

    @torch.no_grad()
    def load_state_dict(self, state: State) -> None:
        """Restore a saved state.  Raises KeyError or RuntimeError for a state of other parameters."""
        mine = self.slots()
        if state["state"].keys() != mine.keys():
            raise KeyError("the optimizer's state is of other parameters")
        for name, slots in mine.items():
            for slot, tensor in slots.items():
                tensor.copy_(state["state"][name][slot])
        self.steps = state["steps"]


class Grouped(Optimizer):
    """One way of moving for all groups.

    kept: names of what is kept for each parameter, a tensor of its shape that starts at 0.
    """

    def __init__(self, lr: float, groups: Sequence[Group], kept: Sequence[str]) -> None:
        super().__init__(lr)
        self.groups, self._kept = list(groups), kept
        self._slots = {name: {slot: torch.zeros_like(p) for slot in kept} for name, p in self.named()}

    def named(self) -> Iterator[tuple[str, nn.Parameter]]:
        for group in self.groups:
            yield from group.parameters.items()

    def slots(self) -> dict[str, dict[str, Tensor]]:
        return {name: dict(slots) for name, slots in self._slots.items()}

    @torch.no_grad()
    def step(self, factor: float = 1.0) -> None:
        self.steps += 1
        for group in self.groups:
            moving = [(n, p, p.grad) for n, p in group.parameters.items() if p.grad is not None]
            if moving:
                names, parameters, gradients = map(list, zip(*moving, strict=True))
                slots = [[self._slots[name][slot] for name in names] for slot in self._kept]
                self._move(parameters, gradients, slots, saturated(group.lr * factor), group.weight_decay)

    @abstractmethod
    def _move(
        self, parameters: list[Tensor], gradients: list[Tensor], slots: list[list[Tensor]], lr: float, decay: float
    ) -> None:
        """Move parameters in place; `slots` has a list for each of `kept`."""


class Together(Optimizer):
    """Several optimizers that step as one; the first one's learning rate is the one that is shown."""

    def __init__(self, parts: Sequence[Optimizer]) -> None:
        self.parts = [part for part in parts if part.parameters]
        super().__init__(self.parts[0].lr)

    def named(self) -> Iterator[tuple[str, nn.Parameter]]:
        for part in self.parts:
            yield from part.named()

    def slots(self) -> dict[str, dict[str, Tensor]]:
        return {name: slots for part in self.parts for name, slots in part.slots().items()}

    def step(self, factor: float = 1.0) -> None:
        self.steps += 1
        for part in self.parts:
            part.step(factor)

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        for part in self.parts:
            part.steps = self.steps


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


Parameters = dict[str, nn.Parameter]


def make_optimizer(recipe: spec.AnyOptimizer, module: nn.Module) -> Optimizer:
    """The optimizer over every parameter that is not frozen, each once."""
    parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
    if not isinstance(recipe, spec.Muon):
        return _plain(recipe, parameters)
    weights = {name: matrices for name, matrices in _matrices(recipe, module) if name in parameters}
    rest = {name: p for name, p in parameters.items() if name not in weights}
    return Together([Muon(recipe, weights), _plain(recipe.rest, rest)])


def _plain(recipe: spec.Sgd | spec.Adam, parameters: Parameters) -> Optimizer:
    groups = list(_groups(recipe, parameters))
    return Sgd(recipe, groups) if isinstance(recipe, spec.Sgd) else Adam(recipe, groups)


def _groups(recipe: spec.Optimizer, parameters: Parameters) -> Iterator[Group]:
    """Parameters with one learning rate and one weight decay: in one group, so that they move in one call."""
    found: dict[tuple[float, float], Parameters] = {}
    for name, parameter in parameters.items():
        bias = name.rpartition(".")[2] == "bias"
        vector = bias or parameter.ndim < 2  # the gain of a norm or of a scale, the slope of a prelu
        lr = recipe.lr * recipe.bias_lr_factor if bias else recipe.lr
        decay = 0.0 if vector and not recipe.decay_norms_and_biases else recipe.weight_decay
        found.setdefault((lr, decay), {})[name] = parameter
    return (Group(members, lr, decay) for (lr, decay), members in found.items())


def _matrices(recipe: spec.Muon, module: nn.Module) -> Iterator[tuple[str, Matrices]]:
    """The weights that count as matrices, by name."""
    layers = [(name, layer) for name, layer in module.named_modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    for position, (name, layer) in enumerate(layers):
        groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
        if position == 0 and not recipe.first and len(layers) > 1:
            continue
        if position == len(layers) - 1 and not recipe.last:
            continue
        if groups == 1 or recipe.grouped != "rest":
            weight = layer.get_parameter("weight")
            yield f"{name}.weight", Matrices(weight, groups if recipe.grouped == "each" else 1)
