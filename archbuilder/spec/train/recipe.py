"""The section itself."""

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
    """How a network is trained: the whole recipe, and the seed that makes it repeatable.

    Parts such as `ema`, which are off by default, are switched on by `true` or by their fields: `ema: true`,
    `ema: {decay: 0.99}`; `ema: none` switches off what an extended file has on.  Whatever is drawn at random depends on
    the seed, the epoch and the batch, so that a run that was interrupted ends as if it had not been.
    """

    epochs: Positive = Field(10, description="times that every training image is seen")
    optimizer: Annotated[AnyOptimizer, Child(OPTIMIZERS.read, OPTIMIZERS)] = Field(
        default_factory=Sgd, description="how weights move"
    )
    schedule: Annotated[Schedule, Child(SCHEDULES.read, SCHEDULES)] = Field(
        default_factory=OneCycle, description="how the learning rate changes over the run"
    )
    loss: Annotated[CrossEntropy, Child(LOSSES.read, LOSSES)] = Field(
        default_factory=CrossEntropy, description="what training makes small"
    )
    seed: Seed = Field(0, description="start of all random draws: weights, order, augmentation, dropout, split")
    accumulate: Positive = Field(
        1, description="batches whose gradients make one step, as one batch so many times larger"
    )
    clip_gradient: Rate | Off = Field(
        None, description="the whole gradient's largest norm; longer ones are scaled down"
    )
    mixup: Annotated[Mixup | None, switch(Mixup)] = Field(None, description="blend images and labels")
    cutmix: Annotated[Cutmix | None, switch(Cutmix)] = Field(None, description="paste windows of other images")
    distill: Annotated[Distill | None, Child(one(Distill), Distill)] = Field(
        None, description="learn from a trained network"
    )
    ema: Annotated[Ema | None, switch(Ema)] = Field(None, description="evaluate a moving average of the weights")
    lookahead: Annotated[Lookahead | None, switch(Lookahead)] = Field(None, description="slow weights behind fast ones")
    init: Init = Field("default", description="first weights of convs: torch's, He's normal ones, or the identity")
    zero_gamma: bool = Field(False, description="residual branches that end in a norm begin as nothing")
    whiten: Annotated[Whiten | None, switch(Whiten)] = Field(None, description="set the first conv by the images")
    batch_norm_momentum: SomeShare | Off = Field(
        None, description="how fast all running statistics follow the batches; as the norms say unless said"
    )
    resolution: Resolution = Field((), description="[epoch, side]: train on images of this height from then on")
    precision: Precision = Field("fp32", description="number format of convs and matrix products in training")
    quantize: Quantize = Field("none", description="train on as int8 would compute it, from trained weights (--init)")
    compile: bool = Field(False, description="let torch.compile make faster code; a minute or so goes by first")
    channels_last: bool = Field(True, description="keep the channels of a pixel together in memory: mostly faster")
    deterministic: bool = Field(False, description="only algorithms that give the same bits each time on a GPU")
    tta: Tta = Field("none", description="test-time averaging, reported apart and never as the result")

    @model_validator(mode="after")
    def _one_mixing_at_a_time(self) -> "Train":
        if self.mixup and self.cutmix and self.mixup.p + self.cutmix.p > 1:
            found = f"mixup's p {self.mixup.p:g} and cutmix's p {self.cutmix.p:g} are more than 1 together"
            raise failure(found, "a batch is mixed in one way: give each p: 0.5")
        return self
