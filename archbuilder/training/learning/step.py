"""What one batch does to the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archbuilder.rules.recipe_fit import scaled
from archbuilder.spec.train.recipe import Train
from archbuilder.training.learning.averages import Ema, Lookahead
from archbuilder.training.learning.loop import Outcome
from archbuilder.training.learning.objectives import Mixer, Objective
from archbuilder.training.learning.optimizers import Optimizer
from archbuilder.training.learning.precision import autocast
from archbuilder.training.learning.schedule import Schedule

State = dict[str, Any]


def side_in(train: Train, epoch: int) -> int | None:
    """The height of the images that an epoch trains on; None where they are as the network takes them."""
    return next((side for first, side in reversed(train.resolution) if first <= epoch), None)


@dataclass(frozen=True)
class Turn:
    """Which batch of the run it is.

    weight: of its mean loss in the step that it is a part of.
    closes: whether it is the last batch of its step, which the optimizer then takes.
    """

    epoch: int
    batch: int
    weight: float = 1.0
    closes: bool = True


class TrainStep:
    """Forward, backward, and the optimizer's step with all that goes with it.

    module: the network; `run` calls it, through whatever wraps it (several processes, a compiler).
    """

    def __init__(
        self,
        train: Train,
        module: nn.Module,
        run: nn.Module,
        mixer: Mixer,
        objective: Objective,
        optimizer: Optimizer,
        schedule: Schedule,
        device: torch.device,
    ) -> None:
        self.train, self.device = train, device
        self.optimizer, self.schedule = optimizer, schedule
        self.ema = Ema(train.ema, module) if train.ema else None
        self._run, self._mixer, self._objective = run, mixer, objective
        self._lookahead = Lookahead(train.lookahead, module) if train.lookahead else None
        # Any: an optimizer of our own is all that it needs, not what its types ask for
        self._scaler: Any = torch.amp.GradScaler(device.type) if train.precision == "fp16" else None
        self._parameters = optimizer.parameters

    def __call__(self, images: Tensor, labels: Tensor, turn: Turn) -> Outcome:
        """Images (b, c, h, w) and labels (b,) on the device -> the mean loss, a scalar; the logits (b, classes);
        and what they were held against: the labels, or probabilities (b, classes) where images were mixed."""
        images = self._resized(images, turn.epoch)
        images, targets = self._mixer(images, labels, turn.epoch, turn.batch, self.schedule.progress)
        with autocast(self.train, self.device):
            logits = self._run(images)
            loss = self._objective(images, logits, targets)
        weighted = loss * turn.weight
        (self._scaler.scale(weighted) if self._scaler else weighted).backward()
        if turn.closes:
            self._step()
        return loss.detach(), logits.detach(), targets

    def _step(self) -> None:
        if self._lookahead and not self.schedule.taken:
            self._lookahead.start()
        self._clip()
        taken = self._try_step()
        self.optimizer.zero_grad()
        # a schedule tells by the place in the run, as a resumed run counts it too, so a step that was left out moves it
        # as well (as in Lightning, unlike Accelerate): else neither its last factor nor a progress of 1 would come
        self.schedule.step()
        if self._lookahead and (taken or self.schedule.progress == 1):
            self._lookahead.update(self.schedule.progress)
        if self.ema and taken:  # weights that have not moved would count twice in the average
            self.ema.update()

    def _try_step(self) -> bool:
        """The optimizer's step, and whether it was taken: fp16's scaler leaves it out where a gradient overflowed."""
        if not self._scaler:
            self.optimizer.step(self.schedule.factor)
            return True
        before = self.optimizer.steps
        self._scaler.step(self.optimizer, self.schedule.factor)
        self._scaler.update()
        return self.optimizer.steps > before

    def _clip(self) -> None:
        if self.train.clip_gradient is not None:
            if self._scaler:
                self._scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self._parameters, self.train.clip_gradient)

    def _resized(self, images: Tensor, epoch: int) -> Tensor:
        """The images at the side that this epoch trains on."""
        side = side_in(self.train, epoch)
        height, width = images.shape[2:]
        if side is None or side == height:
            return images
        size = (side, scaled(width, side, height))
        return F.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)

    def state_dict(self) -> State:
        """All that the steps so far have left, besides the network itself."""
        state: State = {"optimizer": self.optimizer.state_dict(), "schedule": self.schedule.state_dict()}
        if self._lookahead:
            state["lookahead"] = self._lookahead.state_dict()
        if self._scaler:
            state["scaler"] = self._scaler.state_dict()
        if self.ema:
            state["ema_updates"] = self.ema.updates
        return state

    def load_state_dict(self, state: State) -> None:
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        if self._lookahead:
            self._lookahead.load_state_dict(state["lookahead"])
        if self._scaler:
            self._scaler.load_state_dict(state["scaler"])
        if self.ema:
            self.ema.updates = state["ema_updates"]
