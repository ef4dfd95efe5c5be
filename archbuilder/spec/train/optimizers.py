"""Optimizers as typed models. Their update rules are in `training/learning/optimizers.py`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from archbuilder.schema.family import Family
from archbuilder.schema.fields import failure
from archbuilder.schema.model import Child, Model
from archbuilder.spec.train.numbers import BelowOne, Betas, Decay, Rate, Steps


class Optimizer(Model):
    """The fields of every optimizer."""

    lr: Rate = Field(0.1, description="learning rate; the highest one where a schedule changes it")
    weight_decay: Decay = Field(0.0, description="how strongly every weight is pulled towards 0")
    decay_norms_and_biases: bool = Field(True, description="whether weight decay also applies to norms and biases")
    bias_lr_factor: Rate = Field(1.0, description="learning rate of biases, as a multiple of lr")


class Sgd(Optimizer):
    """Stochastic gradient descent with momentum, `torch.optim.SGD`."""

    momentum: BelowOne = Field(0.9, description="share of the last step that is kept; 0 switches it off")
    nesterov: bool = Field(False, description="Nesterov's momentum: look ahead before stepping")
    weight_decay: Decay = Field(5e-4, description="L2 penalty, added to the gradient")
    decoupled: bool = Field(
        False, description="decoupled weight decay as in AdamW: each step subtracts the share lr * weight_decay"
    )

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "Sgd":
        if self.nesterov and not self.momentum:
            raise failure("nesterov needs a momentum over 0, found 0", "set momentum: 0.9 or nesterov: false")
        return self


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015), `torch.optim.Adam`."""

    lr: Rate = Field(1e-3, description="learning rate; the highest one where a schedule changes it")
    betas: Betas = Field((0.9, 0.999), description="decay of the running means of the gradient and of its square")
    weight_decay: Decay = Field(0.0, description="L2 penalty, added to the gradient; the decay of adamw works better")
    eps: Rate = Field(1e-8, description="added to the divisor")


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019), `torch.optim.AdamW`."""

    weight_decay: Decay = Field(0.01, description="share of each weight that a step of rate 1 takes away")


RESTS = Family.of("optimizer", {"sgd": Sgd, "adam": Adam, "adamw": AdamW})


class Muon(Model):
    """Momentum with orthogonalised steps, for the weights of convs and linear layers (Jordan et al., 2024).

    A weight (out, in, height, width) is treated as a matrix with `out` rows. Newton-Schulz iterations bring all
    singular values of its momentum close to 1; the norm of the step is then at most sqrt(out). All other parameters
    (norms, biases, excluded layers) are trained by `rest`.
    """

    lr: Rate = Field(0.02, description="learning rate; the highest one where a schedule changes it")
    momentum: BelowOne = Field(0.95, description="share of the last step that is kept; 0 switches it off")
    nesterov: bool = Field(True, description="Nesterov's momentum: look ahead before stepping")
    weight_decay: Decay = Field(0.0, description="share of each weight that a step of rate 1 takes away")
    steps: Steps = Field(5, description="number of Newton-Schulz iterations; 3 are enough for short runs")
    renormalize: bool = Field(False, description="scale each weight to the norm sqrt(out) before every step")
    grouped: Literal["whole", "each", "rest"] = Field(
        "whole", description="grouped convs: as one matrix, as one matrix per group, or trained by rest"
    )
    first: bool = Field(True, description="whether muon trains the first layer, else rest does")
    last: bool = Field(False, description="whether muon trains the last layer, the classifier, else rest does")
    rest: Annotated[Sgd | Adam | AdamW, Child(RESTS.read, RESTS)] = Field(
        default_factory=Sgd, description="the optimizer of all other parameters, with its own learning rate"
    )

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "Muon":
        if self.nesterov and not self.momentum:
            raise failure("nesterov needs a momentum over 0, found 0", "set momentum: 0.95 or nesterov: false")
        return self


OPTIMIZERS = Family.of("optimizer", {"sgd": Sgd, "adam": Adam, "adamw": AdamW, "muon": Muon})

AnyOptimizer = Sgd | Adam | AdamW | Muon
