"""What all optimizers share: groups of parameters, their state by name, and a step at a factor of the rate.

torch's optimizer classes import `torch._dynamo` with their first use, which a short run feels; these
call torch's own update functions and foreach operations, which do not.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from archbuilder.schema.fields import LARGEST

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
        """Be as `state` was.  Raises KeyError or RuntimeError for a state of other parameters."""
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
