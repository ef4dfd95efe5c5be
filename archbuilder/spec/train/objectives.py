"""What training minimises: the loss, with mixed images or a teacher."""

from typing import Annotated, Any

from pydantic import Field

from archbuilder.schema.family import Family
from archbuilder.schema.fields import Check, Probability, Variables, expected, reads
from archbuilder.schema.model import Model
from archbuilder.spec.train.numbers import BelowOne, Rate, Share, SomeShare


class CrossEntropy(Model):
    """Cross-entropy of the logits, `torch.nn.CrossEntropyLoss`; the test loss is computed in the same way."""

    label_smoothing: BelowOne = Field(0.0, description="share of the target that is spread evenly over all classes")


LOSSES = Family.of("loss", {"cross_entropy": CrossEntropy})


class Mixing(Model):
    """The common fields of mixup and cutmix: how much of another image of the batch is mixed in."""

    POSITIONAL = "alpha"

    alpha: Rate = Field(1.0, description="the share of each batch is drawn from Beta(alpha, alpha); 1: uniform")
    most: SomeShare = Field(1.0, description="factor on the drawn share, and so the largest share")
    grow: Share = Field(0.0, description="share of the run over which `most` grows from 0 to its value")
    p: Probability = Field(1.0, description="probability for each batch")


class Mixup(Mixing):
    """Blends each image and its label with another one of the batch (Zhang et al., 2018)."""


class Cutmix(Mixing):
    """Pastes a window of another image of the batch; the labels are weighted by area (Yun et al., 2019)."""


@reads(type="string", minLength=1)
def _run(value: Any, variables: Variables) -> str:
    if isinstance(value, str) and value.strip():
        return value
    raise expected("the folder of a run", value, "write distill: {run: runs/teacher/2026-01-31T12-00-00}")


class Distill(Model):
    """Learns from the logits of a trained network in addition to the labels (Hinton, Vinyals and Dean, 2015).

    loss = (1 - weight) * loss + weight * temperature² * KL(teacher || network), both softened by the temperature.
    The teacher sees the same augmented images, in eval mode.
    """

    POSITIONAL = "run"

    run: Annotated[str, Check(_run)] = Field(
        description="folder of the teacher's run, relative to the folder of this file"
    )
    temperature: Rate = Field(4.0, description="divides the logits of both, so that small probabilities count")
    weight: SomeShare = Field(0.5, description="share of the teacher in the loss")
