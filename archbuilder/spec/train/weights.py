"""Initial weights, and averages of the weights."""

from typing import Literal

from pydantic import Field

from archbuilder.schema.fields import Positive
from archbuilder.schema.model import Model
from archbuilder.spec.train.numbers import BelowOne, Decay, Rate, SomeShare

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
    Source: Jacob et al., Quantization and Training of Neural Networks, 2018.
    """

    POSITIONAL = "dtype"

    dtype: Literal["int8"] = Field("int8", description="number format that the network is rounded to")
    lr_factor: Rate = Field(0.1, description="multiplies all learning rates of the recipe: trained weights need less")
