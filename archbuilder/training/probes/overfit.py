"""Can a network learn one batch by heart?  If not, no long run will help."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from archbuilder.data.arrays import SHUFFLE, Images, Splits, stream
from archbuilder.data.batches import Normaliser
from archbuilder.run.plan import Plan
from archbuilder.spec.train.schedules import Linear
from archbuilder.trained.open import images_of
from archbuilder.training.learning.schedule import Schedule
from archbuilder.training.learning.step import Turn
from archbuilder.training.learning.trainer import Trainer
from archbuilder.training.parallel import trial
from archbuilder.training.probes import in_float

IMAGES, STEPS = 32, 300
KNOWN = 0.1  # mean cross-entropy of a batch that is known by heart: nine in ten for the true class
WARMUP = 0.05  # share of the steps in which the rate rises: a fresh network may not stand the whole of it
FALLING = 0.99  # of the loss a quarter of the steps ago: then more steps will help
NAMED = 3  # layers that are named

Watch = Callable[[int, float, float], None]  # step, loss, accuracy in per cent


@dataclass(frozen=True)
class Memory:
    """How it went: `loss` and `accuracy` (per cent) of the last step.

    unreached: parameters that no gradient reached.
    reason: what may be wrong, empty where the batch is known by heart.
    """

    images: int
    steps: int
    loss: float
    accuracy: float
    unreached: tuple[str, ...]
    reason: str

    @property
    def ok(self) -> bool:
        return not self.reason


def memorise(plan: Plan, watch: Watch, images: int = IMAGES, steps: int = STEPS) -> Memory:
    """Train a fresh network of a plan on the same few images until it knows them; nothing of it is kept.

    The network, the optimizer, its rate and its groups are the recipe's; augmentation, mixing, dropout, label
    smoothing, averages, int8 rounding and the teacher are left out, for they keep a network from learning by heart,
    as they should.  torch's random state and settings are as they were afterwards.  Raises what training raises.
    """
    plan = _bare(in_float(plan))
    with trial(plan) as place:
        splits = images_of(plan)
        trainer = Trainer(plan, splits, place)
        for layer in trainer.module.modules():
            if isinstance(layer, (nn.Dropout, nn.Dropout2d)):
                layer.p = 0.0
        trainer.step.schedule = Schedule(Linear(warmup=WARMUP, start=0.1, floor=1.0), 1, steps)
        return _learn(trainer, *_batch(plan, splits, images, place), steps, watch)


def _bare(plan: Plan) -> Plan:
    """The plan without what makes learning by heart harder."""
    off = {"mixup": None, "cutmix": None, "distill": None, "ema": None, "lookahead": None, "resolution": ()}
    loss = plan.train.loss.model_copy(update={"label_smoothing": 0.0})
    train = plan.train.model_copy(update={**off, "loss": loss, "accumulate": 1, "compile": False})
    data = plan.data.model_copy(update={"augment": (), "workers": 0, "engine": "tensor"})
    return replace(plan, train=train, data=data)


def _batch(plan: Plan, splits: Splits, count: int, place: torch.device) -> tuple[Tensor, Tensor]:
    """So many random training images (b, c, h, w), as they are, and their labels (b,)."""
    chosen = stream(plan.train.seed, 0, SHUFFLE).permutation(len(splits.train))[:count]
    some = Images(np.asarray(splits.train.images[chosen]), np.asarray(splits.train.labels[chosen]))
    normalise = Normaliser(splits.mean, splits.std, plan.data, plan.train.channels_last, place)
    return normalise(torch.from_numpy(some.images)), torch.from_numpy(some.labels).to(place)


def _learn(trainer: Trainer, images: Tensor, labels: Tensor, steps: int, watch: Watch) -> Memory:
    silent = {name: parameter for name, parameter in trainer.module.named_parameters() if parameter.requires_grad}
    hooks = [_listen(silent, name, parameter) for name, parameter in silent.items()]
    trainer.parallel.train()
    losses: list[float] = []
    accuracy = 0.0
    for step in range(1, steps + 1):
        loss, logits, _ = trainer.step(images, labels, Turn(step, 0))
        losses.append(float(loss))
        accuracy = 100 * float((logits.argmax(1) == labels).double().mean())
        watch(step, losses[-1], accuracy)
        if not math.isfinite(losses[-1]) or (accuracy == 100 and losses[-1] < KNOWN):
            break
    for hook in hooks:
        hook.remove()
    reason = "" if accuracy == 100 and losses[-1] < KNOWN else _reason(losses, list(silent), trainer.optimizer.lr)
    return Memory(len(labels), len(losses), losses[-1], accuracy, tuple(silent), reason)


def _listen(silent: dict[str, nn.Parameter], name: str, parameter: nn.Parameter) -> torch.utils.hooks.RemovableHandle:
    """Take a parameter off the list as soon as a gradient that is not 0 reaches it."""

    def hear(gradient: Tensor) -> None:
        if name in silent and bool(gradient.any()):
            del silent[name]

    handle: torch.utils.hooks.RemovableHandle = parameter.register_hook(hear)
    return handle


def _reason(losses: list[float], silent: list[str], lr: float) -> str:
    """What keeps the network from it, as far as the figures tell."""
    if not math.isfinite(losses[-1]):
        return f"the loss is no longer a finite number: lower the learning rate ({lr:g})"
    if silent:
        more = f" and {len(silent) - NAMED} more" if len(silent) > NAMED else ""
        return f"no gradient reaches {', '.join(silent[:NAMED])}{more}: is a layer between always 0?"
    quarter = max(1, len(losses) // 4)
    before, now = (sum(part) / len(part) for part in (losses[-2 * quarter : -quarter] or losses, losses[-quarter:]))
    if now < FALLING * before:
        return "the loss is still falling: use more steps (--steps), or a higher learning rate"
    if now > losses[0]:
        return f"the loss has grown: lower the learning rate ({lr:g})"
    return f"the loss no longer falls: try another learning rate than {lr:g} (lr-find), or a wider network"
