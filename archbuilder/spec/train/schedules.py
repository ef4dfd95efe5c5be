"""Schedules of the learning rate: what a user may write, typed.  Their values stand in `training/learning/schedule.py`.

Each spans the whole run; a share is a share of the run, whatever its length.
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
    the momentum stays as the optimizer says.
    """

    warmup: Share = Field(0.3, description="share of the run that the rise takes")
    div: Rate = Field(25.0, description="the first rate is lr divided by this")
    final_div: Rate = Field(1e4, description="the last rate is the first one divided by this")
    anneal: Literal["cosine", "linear"] = Field("cosine", description="shape of the rise and of the fall")


class Cosine(Model):
    """A straight rise, then half a cosine down, batch by batch, `torch.optim.lr_scheduler.CosineAnnealingLR`."""

    warmup: BelowOne = Field(0.0, description="share of the run that the rise takes")
    start: Share = Field(0.0, description="the first rate, as a share of lr, where there is a rise")
    floor: Share = Field(0.0, description="the rate that the fall ends in, as a share of lr")


class Linear(Cosine):
    """A straight rise, then a straight fall, batch by batch, `torch.optim.lr_scheduler.LinearLR`."""


class Triangular(Linear):
    """`linear` with a rise: the schedule of short runs."""

    warmup: BelowOne = Field(0.2, description="share of the run that the rise takes")
    start: Share = Field(0.2, description="the first rate, as a share of lr")


class Step(Model):
    """The rate times gamma after every so many epochs, or after given ones, `torch.optim.lr_scheduler.StepLR`."""

    every: Positive | None = Field(None, description="epochs from one change to the next; 10 without milestones")
    milestones: Milestones | None = Field(None, description="epochs after which the rate changes, instead of every")
    gamma: Rate = Field(0.1, description="factor of each change")

    @model_validator(mode="after")
    def _one_of_two(self) -> "Step":
        if self.every and self.milestones:
            raise failure("every and milestones say the same thing", "keep one of the two")
        return self


class Piecewise(Model):
    """Straight lines between points of one's own."""

    points: Points = Field(
        description="[epoch, factor of lr], from epoch 0 to the last one", examples=["[[0, 0.2], [5, 1], [30, 0]]"]
    )


class Plateau(Model):
    """The rate times gamma after epochs that did not help, `torch.optim.lr_scheduler.ReduceLROnPlateau`.

    It watches the loss of the validation split, or the training loss where there is none; never the
    test images, which no choice may depend on.
    """

    gamma: BelowOne = Field(0.1, description="factor of each change")
    patience: NonNegative = Field(5, description="epochs without help that are waited for")
    threshold: Decay = Field(1e-3, description="a loss helps where it is lower than the best by this share")
    cooldown: NonNegative = Field(0, description="epochs after a change that are not counted")
    floor: Share = Field(0.0, description="the lowest rate, as a share of lr")


class Constant(Model):
    """No schedule: the rate stays as the optimizer says."""


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
