"""Train -> torch: the optimizer, the schedule and the loss, each made once for the whole run."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from archbuilder.spec import train as spec


def make_optimizer(optimizer: spec.Optimizer, module: nn.Module) -> Optimizer:
    """The optimizer over every parameter that is not frozen."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    if isinstance(optimizer, spec.AdamW):
        return AdamW(
            parameters,
            lr=optimizer.lr,
            betas=optimizer.betas,
            eps=optimizer.eps,
            weight_decay=optimizer.weight_decay,
        )
    return SGD(
        parameters,
        lr=optimizer.lr,
        momentum=optimizer.momentum,
        nesterov=optimizer.nesterov,
        weight_decay=optimizer.weight_decay,
    )


def make_schedule(schedule: spec.Schedule, optimizer: Optimizer, epochs: int, batches: int) -> LambdaLR:
    """The schedule over a run of `epochs` times `batches`; it is stepped after every batch."""
    return LambdaLR(optimizer, factor(schedule, epochs, batches))


def make_loss(loss: spec.CrossEntropy) -> Callable[[Tensor, Tensor], Tensor]:
    """(logits (b, classes), labels (b,)) -> the mean loss of the batch, a scalar."""
    return nn.CrossEntropyLoss(label_smoothing=loss.label_smoothing)


def factor(schedule: spec.Schedule, epochs: int, batches: int) -> Callable[[int], float]:
    """Learning rate of the batch `step` (from 0, over the whole run) as a multiple of the optimizer's."""
    if isinstance(schedule, spec.OneCycle):
        cycle = schedule
        return lambda step: _one_cycle(cycle, step, epochs * batches)
    if isinstance(schedule, spec.Step):
        steps = schedule
        return lambda step: steps.gamma ** (step // batches // steps.every)
    return lambda step: 1.0


def _one_cycle(cycle: spec.OneCycle, step: int, steps: int) -> float:
    """OneCycleLR's own values.  torch's class itself divides by zero where the rise is one batch long."""
    blend = _cosine if cycle.anneal == "cosine" else _linear
    last = steps - 1
    peak = cycle.warmup * steps - 1  # the batch with the highest rate, as torch places it: need not be whole
    first = 1 / cycle.div
    step = min(step, last)
    if step <= peak:
        return blend(first, 1.0, step / peak) if peak > 0 else 1.0
    return blend(1.0, first / cycle.final_div, (step - peak) / (last - peak))


def _linear(start: float, end: float, share: float) -> float:
    return start + (end - start) * share


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
