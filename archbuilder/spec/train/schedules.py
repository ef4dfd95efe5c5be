"""Schedules of the learning rate as typed models. Their values are computed in `training/learning/schedule.py`.

Each covers the whole run; shares are shares of the run, so they need not change with its length.
"""

from typing import Literal

from pydantic import Field, model_validator

from archbuilder.schema.family import Family
from archbuilder.schema.fields import NonNegative, Positive, failure
from archbuilder.schema.model import Model
from archbuilder.spec.train.numbers import BelowOne, Decay, Milestones, Points, Rate, Share


class OneCycle(Model):
    """Up from lr/div to lr, then down to lr/(div * final_div), in one cycle over all batches of the run.

    The values are those of `torch.optim.lr_scheduler.OneCycleLR` with `cycle_momentum=False`:
    the momentum stays that of the optimizer.
    """

    warmup: Share = Field(0.3, description="share of the run that the rise takes")
    div: Rate = Field(25.0, description="the first rate is lr divided by this")
    final_div: Rate = Field(1e4, description="the last rate is the first one divided by this")
    anneal: Literal["cosine", "linear"] = Field("cosine", description="shape of the rise and of the fall")


class Cosine(Model):
    """A linear rise, then half a cosine down, batch by batch, `torch.optim.lr_scheduler.CosineAnnealingLR`."""

    warmup: BelowOne = Field(0.0, description="share of the run that the rise takes")
    start: Share = Field(0.0, description="the first rate, as a share of lr, if there is a rise")
    floor: Share = Field(0.0, description="the last rate, as a share of lr")


class Linear(Cosine):
    """A linear rise, then a linear fall, batch by batch, `torch.optim.lr_scheduler.LinearLR`."""


class Triangular(Linear):
    """`linear` with a rise: the schedule of short runs."""

    warmup: BelowOne = Field(0.2, description="share of the run that the rise takes")
    start: Share = Field(0.2, description="the first rate, as a share of lr")


class Step(Model):
    """Multiplies the rate by gamma at regular intervals, or after given epochs, `torch.optim.lr_scheduler.StepLR`."""

    every: Positive | None = Field(
        None, description="number of epochs between changes; by default 10 without milestones"
    )
    milestones: Milestones | None = Field(None, description="epochs after which the rate changes, instead of every")
    gamma: Rate = Field(0.1, description="factor of each change")

    @model_validator(mode="after")
    def _one_of_two(self) -> "Step":
        if self.every and self.milestones:
            raise failure("every and milestones say the same thing", "keep one of the two")
        return self


class Piecewise(Model):
    """Straight lines between given points."""

    points: Points = Field(
        description="[epoch, factor of lr], from epoch 0 to the last one", examples=["[[0, 0.2], [5, 1], [30, 0]]"]
    )


class Plateau(Model):
    """Multiplies the rate by gamma after epochs without progress, `torch.optim.lr_scheduler.ReduceLROnPlateau`.

    It watches the loss of the validation split, or the training loss if there is none; never the test images, because
    no choice may depend on them.
    """

    gamma: BelowOne = Field(0.1, description="factor of each change")
    patience: NonNegative = Field(5, description="number of epochs without progress before a change")
    threshold: Decay = Field(1e-3, description="progress means a loss lower than the best by this share")
    cooldown: NonNegative = Field(0, description="number of epochs after a change that do not count")
    floor: Share = Field(0.0, description="the lowest rate, as a share of lr")


class Constant(Model):
    """No schedule: the rate stays that of the optimizer."""


SCHEDULES = Family.of(
    "schedule",
    {
        "one_cycle": OneCycle,
        "cosine": Cosine,
        "linear": Linear,
        "triangular": Triangular,
        "step": Step,
        "piecewise": Piecewise,
        "plateau": Plateau,
        "constant": Constant,
        "none": Constant,
    },
)

Schedule = OneCycle | Cosine | Linear | Triangular | Step | Piecewise | Plateau | Constant
