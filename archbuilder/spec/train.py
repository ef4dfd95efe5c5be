"""The `train:` section: how a network is trained.  Plain values; torch's objects are made in `training/recipe.py`.

    train:
      epochs: 30
      optimizer: {sgd: {lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 5e-4}}
      schedule: {one_cycle: {warmup: 0.3}}
      loss: {cross_entropy: {label_smoothing: 0.1}}

Every field has a default, so `train: {epochs: 3}` is a whole recipe.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from archbuilder.schema.fields import Check, Positive, Variables, expected, failure, reads
from archbuilder.schema.model import Child, Family, Model

Rate = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Decay = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
BelowOne = Annotated[float, Field(ge=0.0, lt=1.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


@reads(type="array", items={"type": "number", "minimum": 0, "exclusiveMaximum": 1}, minItems=2, maxItems=2)
def _betas(value: Any, variables: Variables) -> tuple[float, float]:
    if (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and all(type(v) in (int, float) and 0 <= v < 1 for v in value)
    ):
        return float(value[0]), float(value[1])
    raise expected("two numbers from 0 to below 1", value, "write betas: [0.9, 0.999]")


Betas = Annotated[tuple[float, float], Check(_betas)]


class Sgd(Model):
    """Stochastic gradient descent with momentum, `torch.optim.SGD`."""

    lr: Rate = Field(0.1, description="learning rate; the highest one where a schedule changes it")
    momentum: BelowOne = Field(0.9, description="share of the last step that is kept; 0 switches it off")
    nesterov: bool = Field(False, description="Nesterov's momentum: look ahead before stepping")
    weight_decay: Decay = Field(5e-4, description="L2 penalty, added to the gradient")

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "Sgd":
        if self.nesterov and not self.momentum:
            raise failure("nesterov needs a momentum over 0, found 0", "set momentum: 0.9 or nesterov: false")
        return self


class AdamW(Model):
    """Adam with decoupled weight decay, `torch.optim.AdamW`."""

    lr: Rate = Field(1e-3, description="learning rate; the highest one where a schedule changes it")
    betas: Betas = Field((0.9, 0.999), description="decay of the running means of the gradient and of its square")
    weight_decay: Decay = Field(0.01, description="share of each weight that a step of rate 1 takes away")
    eps: Rate = Field(1e-8, description="added to the divisor")


class OneCycle(Model):
    """Up from lr/div to lr, then down to lr/(div * final_div), in one cycle over all batches of the run.

    The values are those of `torch.optim.lr_scheduler.OneCycleLR` with `cycle_momentum=False`:
    the momentum stays as the optimizer says.
    """

    warmup: Share = Field(0.3, description="share of the run that the rise takes")
    div: Rate = Field(25.0, description="the first rate is lr divided by this")
    final_div: Rate = Field(1e4, description="the last rate is the first one divided by this")
    anneal: Literal["cosine", "linear"] = Field("cosine", description="shape of the rise and of the fall")


class Step(Model):
    """The rate times gamma after every so many epochs, `torch.optim.lr_scheduler.StepLR`."""

    every: Positive = Field(10, description="epochs from one change to the next")
    gamma: Rate = Field(0.1, description="factor of each change")


class Constant(Model):
    """No schedule: the rate stays as the optimizer says."""


class CrossEntropy(Model):
    """Cross-entropy of the logits, `torch.nn.CrossEntropyLoss`; the test loss is taken the same way."""

    label_smoothing: BelowOne = Field(0.0, description="share of the target spread evenly over all classes")


OPTIMIZERS = Family.of("optimizer", {"sgd": Sgd, "adamw": AdamW})
SCHEDULES = Family.of("schedule", {"one_cycle": OneCycle, "step": Step, "none": Constant})
LOSSES = Family.of("loss", {"cross_entropy": CrossEntropy})

Optimizer = Sgd | AdamW
Schedule = OneCycle | Step | Constant


class Train(Model):
    """How a network is trained: the whole recipe, and the seed that makes it repeatable."""

    epochs: Positive = Field(10, description="times that every training image is seen")
    optimizer: Annotated[Optimizer, Child(OPTIMIZERS.read, OPTIMIZERS)] = Field(
        default_factory=Sgd, description="how weights move"
    )
    schedule: Annotated[Schedule, Child(SCHEDULES.read, SCHEDULES)] = Field(
        default_factory=OneCycle, description="how the learning rate changes over the run"
    )
    loss: Annotated[CrossEntropy, Child(LOSSES.read, LOSSES)] = Field(
        default_factory=CrossEntropy, description="what training makes small"
    )
    seed: Seed = Field(0, description="start of all random draws: weights, order, augmentation, dropout, split")
