"""The `train:` section."""

from typing import Annotated

from pydantic import Field, model_validator

from archbuilder.schema.fields import Positive, failure
from archbuilder.schema.model import Child, Model, one
from archbuilder.spec.train.numbers import Off, Rate, Resolution, Seed, SomeShare, switch
from archbuilder.spec.train.objectives import LOSSES, CrossEntropy, Cutmix, Distill, Mixup
from archbuilder.spec.train.optimizers import OPTIMIZERS, AnyOptimizer, Sgd
from archbuilder.spec.train.schedules import SCHEDULES, OneCycle, Schedule
from archbuilder.spec.train.weights import Ema, Init, Lookahead, Precision, Quantize, Tta, Whiten


class Train(Model):
    """How a network is trained: the complete recipe, with the seed that makes it reproducible.

    Parts such as `ema` are off by default and are switched on by `true` or by their fields: `ema: true`, `ema: {decay:
    0.99}`; `ema: none` switches off what an extended file has switched on. All random numbers depend only on the seed,
    the epoch and the batch, so an interrupted and resumed run has the same result as an uninterrupted one.
    """

    epochs: Positive = Field(10, description="how often every training image is seen")
    optimizer: Annotated[AnyOptimizer, Child(OPTIMIZERS.read, OPTIMIZERS)] = Field(
        default_factory=Sgd, description="the optimizer that updates the weights"
    )
    schedule: Annotated[Schedule, Child(SCHEDULES.read, SCHEDULES)] = Field(
        default_factory=OneCycle, description="how the learning rate changes over the run"
    )
    loss: Annotated[CrossEntropy, Child(LOSSES.read, LOSSES)] = Field(
        default_factory=CrossEntropy, description="what training minimises"
    )
    seed: Seed = Field(0, description="seed of all random numbers: weights, order, augmentation, dropout, split")
    accumulate: Positive = Field(
        1, description="number of batches whose gradients are summed for one step, like one larger batch"
    )
    clip_gradient: Rate | Off = Field(
        None, description="largest norm of the whole gradient; a larger gradient is scaled down"
    )
    mixup: Annotated[Mixup | None, switch(Mixup)] = Field(None, description="blend images and labels")
    cutmix: Annotated[Cutmix | None, switch(Cutmix)] = Field(None, description="paste parts of other images")
    distill: Annotated[Distill | None, Child(one(Distill), Distill)] = Field(
        None, description="learn from a trained network"
    )
    ema: Annotated[Ema | None, switch(Ema)] = Field(None, description="evaluate a moving average of the weights")
    lookahead: Annotated[Lookahead | None, switch(Lookahead)] = Field(
        None, description="slow weights that follow the fast ones"
    )
    init: Init = Field(
        "default", description="initial weights of convs: torch's default, He's normal distribution, or the identity"
    )
    zero_gamma: bool = Field(False, description="initialise the gain of norms at the end of residual branches with 0")
    whiten: Annotated[Whiten | None, switch(Whiten)] = Field(None, description="compute the first conv from the images")
    batch_norm_momentum: SomeShare | Off = Field(
        None, description="momentum of the running statistics of all batch norms; by default that of each norm"
    )
    resolution: Resolution = Field((), description="[epoch, side]: train on images of this height from then on")
    precision: Precision = Field("fp32", description="number format of convs and matrix products in training")
    quantize: Annotated[Quantize | None, switch(Quantize)] = Field(
        None, description="continue training from trained weights (--init) with int8 rounding"
    )
    compile: bool = Field(
        False, description="compile the network with torch.compile: faster steps, but about a minute for compiling"
    )
    channels_last: bool = Field(True, description="store the channels of a pixel together in memory: usually faster")
    deterministic: bool = Field(False, description="use only algorithms with bit-identical results on a GPU")
    tta: Tta = Field("none", description="test-time augmentation, reported separately and never as the result")

    @model_validator(mode="after")
    def _one_mixing_at_a_time(self) -> "Train":
        if self.mixup and self.cutmix and self.mixup.p + self.cutmix.p > 1:
            found = f"mixup's p {self.mixup.p:g} and cutmix's p {self.cutmix.p:g} are more than 1 together"
            raise failure(found, "a batch is mixed in only one way: give each p: 0.5")
        return self
