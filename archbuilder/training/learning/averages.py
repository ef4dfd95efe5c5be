"""Averages of the weights that training keeps beside them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from archbuilder.spec.train import recipe as spec

State = dict[str, Any]


def _values(module: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Parameters and buffers: those of real numbers, which can be averaged, and the rest (counters)."""
    every = list(module.state_dict().values())
    return [v for v in every if v.is_floating_point()], [v for v in every if not v.is_floating_point()]


class Ema:
    """An exponential moving average of all weights and of BatchNorm's running statistics, as a module of its own.

    Source: Polyak and Juditsky, 1992; the decay grows as in TensorFlow's ExponentialMovingAverage, from 0.
    """

    def __init__(self, recipe: spec.Ema, module: nn.Module) -> None:
        self.module = deepcopy(module).eval().requires_grad_(False)
        self.updates = 0
        self._decay = recipe.decay
        self._slow, self._slow_counts = _values(self.module)
        self._fast, self._fast_counts = _values(module)

    @torch.no_grad()
    def update(self) -> None:
        """The optimizer took a step."""
        decay = min(self._decay, self.updates / (self.updates + 10))
        torch._foreach_lerp_(self._slow, self._fast, 1 - decay)
        for slow, fast in zip(self._slow_counts, self._fast_counts, strict=True):
            slow.copy_(fast)
        self.updates += 1


class Lookahead:
    """Slow weights that move towards the fast ones every few steps, where the fast ones go on from.

    BatchNorm's running statistics move along, as they belong to their weights.  `start` comes before the first step.
    Source: Zhang et al., Lookahead Optimizer: k steps forward, 1 step back, 2019; shrinking moves: airbench, 2024.
    """

    def __init__(self, recipe: spec.Lookahead, module: nn.Module) -> None:
        self._recipe = recipe
        self._fast, _ = _values(module)
        self._slow = [torch.zeros_like(value) for value in self._fast]
        self.updates = 0

    @torch.no_grad()
    def start(self) -> None:
        """The slow weights begin as what the fast ones are now."""
        torch._foreach_copy_(self._slow, self._fast)

    @torch.no_grad()
    def update(self, progress: float) -> None:
        """Follow a step of the optimizer, taken or, as the run's last one, left out (as fp16's scaler may).

        progress: the share of the run that is over; at 1 the fast weights end where the slow ones are.
        """
        self.updates += 1
        if self.updates % self._recipe.every and progress < 1:
            return
        share = 1 - (1 - self._recipe.share) * progress**self._recipe.grow
        torch._foreach_lerp_(self._slow, self._fast, share)
        torch._foreach_copy_(self._fast, self._slow)

    def state_dict(self) -> State:
        return {"updates": self.updates, "slow": list(self._slow)}

    @torch.no_grad()
    def load_state_dict(self, state: State) -> None:
        for mine, saved in zip(self._slow, state["slow"], strict=True):
            mine.copy_(saved)
        self.updates = state["updates"]
