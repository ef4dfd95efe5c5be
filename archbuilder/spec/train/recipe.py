"""The `train:` section: its fields, averages and first weights, and whether its parts fit the length of the run."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.remedy import Change, Hint
from archbuilder.schema.fields import Positive, failure
from archbuilder.schema.model import Child, Model, one
from archbuilder.spec.train.numbers import BelowOne, Decay, Off, Rate, Resolution, Seed, SomeShare, switch
from archbuilder.spec.train.objectives import LOSSES, CrossEntropy, Cutmix, Distill, Mixup
from archbuilder.spec.train.optimizers import OPTIMIZERS, AnyOptimizer, Sgd
from archbuilder.spec.train.schedules import SCHEDULES, OneCycle, Piecewise, Plateau, Schedule, Step

Init = Literal["default", "kaiming", "dirac"]
Precision = Literal["fp32", "tf32", "bf16", "fp16"]
Tta = Literal["none", "flip"]


class Ema(Model):
    """Keeps an exponential moving average of the weights. The average is evaluated, and is the result of the run.

    After step t (from 1) the average moves by 1 - min(decay, (t - 1) / (t + 9)) towards the weights, so the initial
    random weights are forgotten at once. The running statistics of batch norms are averaged in the same way.
    """

    POSITIONAL = "decay"

    decay: BelowOne = Field(0.999, description="share of the average that is kept at each step")


class Lookahead(Model):
    """Every few steps the slow weights move towards the fast ones, which then continue from there (Zhang et al., 2019).

    The run ends with the slow weights.
    """

    every: Positive = Field(5, description="number of steps between moves")
    share: SomeShare = Field(0.5, description="fraction of the distance that the slow weights move")
    grow: Decay = Field(
        0.0,
        description="moves shrink from the whole distance to `share` with this power of the run's progress; 0: at once",
    )


class Whiten(Model):
    """Sets the filters of the first conv so that its outputs on training images are uncorrelated.

    The filters are the eigenvectors of the image patches with the largest eigenvalues, each divided by the square root
    of its eigenvalue, and their negatives. `frozen: true` on the conv keeps them. Source: Keller Jordan, airbench,
    2024.
    """

    POSITIONAL = "images"

    images: Positive = Field(5000, description="number of training images from which the filters are computed")
    eps: Rate = Field(5e-4, description="added to the eigenvalues")


class Quantize(Model):
    """Quantisation-aware training: continues from trained weights (--init) with the rounding of int8.

    Weights and maps are rounded to the grids that `archbuilder quantize` gives them; the ranges of the maps are
    calibrated at the start of each epoch.  Accuracies in the log are those of the int8 network.
    Source: Jacob et al., Quantization and Training of Neural Networks, 2018; the share of the learning rates: Wu et
    al., Integer Quantization for Deep Learning Inference, 2020.
    """

    POSITIONAL = "dtype"

    dtype: Literal["int8"] = Field("int8", description="number format that the network is rounded to")
    lr_factor: Rate = Field(0.01, description="multiplies all learning rates of the recipe: trained weights need less")


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


LENGTH = declare(
    "AB740",
    "a schedule that is longer or shorter than the run",
    why=(
        "A change of the learning rate or of the resolution after the last epoch never happens, so the run would not "
        "follow its recipe. Usually the number of epochs was changed, and the schedule was not."
    ),
    bad="train:\n  epochs: 30\n  schedule: {step: {milestones: [20, 40]}}",
    good="train:\n  epochs: 60\n  schedule: {step: {milestones: [20, 40]}}",
)


def problems(train: Train) -> Iterator[Diagnostic]:
    """Every part of the recipe that lasts longer than the run, or ends before it."""
    place = train.schedule
    for field, message, hint in _misfits(train.schedule, train.epochs):
        yield LENGTH.at(place.span(field), message, hint)
    for epoch, _ in train.resolution[-1:]:
        if epoch > train.epochs:
            message = f"resolution changes at epoch {epoch}, but the run has {_epochs(train.epochs)}"
            yield LENGTH.at(train.span("resolution"), message, "change it earlier, or train longer")


def _misfits(schedule: Schedule, epochs: int) -> Iterator[tuple[str, str, Hint]]:
    """(field, message, hint)"""
    run = _epochs(epochs)
    if isinstance(schedule, Step):
        if schedule.milestones and schedule.milestones[-1] >= epochs:
            message = f"the learning rate changes after epoch {schedule.milestones[-1]}, but the run has {run}"
            yield "milestones", message, "change it earlier, so that epochs are left after every change"
        elif not schedule.milestones and (schedule.every or 10) >= epochs:
            message = f"a change after every {schedule.every or 10} epochs never comes in a run of {run}"
            shorter = Change({"every": str(max(1, epochs // 3))})
            yield "every", message, shorter if epochs > 1 else Change({"schedule": "none"}, at=("train",))
    elif isinstance(schedule, Piecewise) and (end := schedule.points[-1][0]) != epochs:
        than = "longer" if end > epochs else "shorter"
        yield "points", f"the points end at epoch {end:g}, {than} than the run of {run}", f"end at epoch {epochs}"
    elif isinstance(schedule, Plateau) and schedule.patience + 1 >= epochs:
        message = f"patience {schedule.patience} is longer than the run of {run}"
        yield "patience", message, "wait for fewer epochs, or train longer"


def _epochs(count: int) -> str:
    return f"{count} epoch{'s' if count > 1 else ''}"
