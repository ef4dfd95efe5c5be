"""How weights begin, and which averages of them are kept."""

from typing import Literal

from pydantic import Field

from archbuilder.schema.fields import Positive
from archbuilder.schema.model import Model
from archbuilder.spec.train.numbers import BelowOne, Decay, Rate, SomeShare

Init = Literal["default", "kaiming", "dirac"]
Precision = Literal["fp32", "tf32", "bf16", "fp16"]
Tta = Literal["none", "flip"]
Quantize = Literal["none", "int8"]


class Ema(Model):
    """Keeps an exponential moving average of the weights, which is what is evaluated and is the result.

    After step t, from 1 on, the average moves by 1 - min(decay, (t - 1) / (t + 9)) towards the weights, so
    that the first, random ones are forgotten at once.  BatchNorm's running statistics are averaged alike.
    """

    POSITIONAL = "decay"

    decay: BelowOne = Field(0.999, description="share of the average that is kept at each step")


class Lookahead(Model):
    """Every few steps slow weights move towards the fast ones, which go on from there (Zhang et al., 2019).

    The last step of the run ends in the slow weights.
    """

    every: Positive = Field(5, description="steps from one move to the next")
    share: SomeShare = Field(0.5, description="part of the way that the slow weights move")
    grow: Decay = Field(
        0.0, description="moves shrink from the whole way to `share` with this power of the run's progress; 0: at once"
    )


class Whiten(Model):
    """Sets the first conv so that its outputs over training images are uncorrelated, in pairs of both signs.

    Its filters are the largest eigenvectors of the images' patches, each divided by the root of its
    eigenvalue, and their negatives.  `frozen: true` on the conv keeps them.  Source: Keller Jordan, airbench, 2024.
    """

    POSITIONAL = "images"

    images: Positive = Field(5000, description="training images that are looked at")
    eps: Rate = Field(5e-4, description="added to the eigenvalues")
