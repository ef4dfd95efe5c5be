"""Optimizers: what a user may write, typed.  How they move weights stands in `training/learning/optimizers.py`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from archbuilder.schema.family import Family
from archbuilder.schema.fields import failure
from archbuilder.schema.model import Child, Model
from archbuilder.spec.train.numbers import BelowOne, Betas, Decay, Rate, Steps


class Optimizer(Model):
    """What every optimizer knows."""

    lr: Rate = Field(0.1, description="learning rate; the highest one where a schedule changes it")
    weight_decay: Decay = Field(0.0, description="pull of every weight to 0")
    decay_norms_and_biases: bool = Field(True, description="whether norms' gains and all biases decay too")
    bias_lr_factor: Rate = Field(1.0, description="learning rate of biases, as a multiple of lr")


class Sgd(Optimizer):
    """Stochastic gradient descent with momentum, `torch.optim.SGD`."""

    momentum: BelowOne = Field(0.9, description="share of the last step that is kept; 0 switches it off")
    nesterov: bool = Field(False, description="Nesterov's momentum: look ahead before stepping")
    weight_decay: Decay = Field(5e-4, description="L2 penalty, added to the gradient")
    decoupled: bool = Field(False, description="a step of rate lr takes the share lr * weight_decay instead, as AdamW")

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "Sgd":
        if self.nesterov and not self.momentum:
            raise failure("nesterov needs a momentum over 0, found 0", "set momentum: 0.9 or nesterov: false")
        return self


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015), `torch.optim.Adam`."""

    lr: Rate = Field(1e-3, description="learning rate; the highest one where a schedule changes it")
    betas: Betas = Field((0.9, 0.999), description="decay of the running means of the gradient and of its square")
    weight_decay: Decay = Field(0.0, description="L2 penalty, added to the gradient; adamw's works better")
    eps: Rate = Field(1e-8, description="added to the divisor")


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019), `torch.optim.AdamW`."""

    weight_decay: Decay = Field(0.01, description="share of each weight that a step of rate 1 takes away")


RESTS = Family.of("optimizer", {"sgd": Sgd, "adam": Adam, "adamw": AdamW})


class Muon(Model):
    """Momentum whose step is made orthogonal, for the weights of convs and linear layers (Jordan et al., 2024).

    A weight (out, in, height, width) counts as a matrix of `out` rows.  Newton-Schulz steps bring all
    singular values of its momentum near 1; the step then has the norm sqrt(out) at most.  Everything
    else (norms, biases, and the layers that are left out) is moved by `rest`.
    """

    lr: Rate = Field(0.02, description="learning rate; the highest one where a schedule changes it")
    momentum: BelowOne = Field(0.95, description="share of the last step that is kept; 0 switches it off")
    nesterov: bool = Field(True, description="Nesterov's momentum: look ahead before stepping")
    weight_decay: Decay = Field(0.0, description="share of each weight that a step of rate 1 takes away")
    steps: Steps = Field(5, description="Newton-Schulz steps; 3 do for short runs")
    renormalize: bool = Field(False, description="scale each weight to the norm sqrt(out) before every step")
    grouped: Literal["whole", "each", "rest"] = Field(
        "whole", description="grouped convs: one matrix, one for each group, or left to rest"
    )
    first: bool = Field(True, description="whether the first layer belongs to it, else to rest")
    last: bool = Field(False, description="whether the last layer, the classifier, belongs to it, else to rest")
    rest: Annotated[Sgd | Adam | AdamW, Child(RESTS.read, RESTS)] = Field(
        default_factory=Sgd, description="the optimizer of everything else, with a learning rate of its own"
    )

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "Muon":
        if self.nesterov and not self.momentum:
            raise failure("nesterov needs a momentum over 0, found 0", "set momentum: 0.95 or nesterov: false")
        return self


OPTIMIZERS = Family.of("optimizer", {"sgd": Sgd, "adam": Adam, "adamw": AdamW, "muon": Muon})

AnyOptimizer = Sgd | Adam | AdamW | Muon
