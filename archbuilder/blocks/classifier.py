"""classifier: the last layer, with one output per class."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.blocks.conv import BiasField
from archbuilder.diagnostics import declare
from archbuilder.ir import ops
from archbuilder.ir.builder import GraphBuilder
from archbuilder.ir.op import NEEDS_MAP
from archbuilder.remedy import Change

NO_CLASSES = declare(
    "AB204",
    "a classifier without a number of classes",
    why="A classifier outputs one value per class, and the file does not say how many classes there are.",
    bad="network: [{conv: 16}, gap, classifier]",
    good="""\
classes: 10
network: [{conv: 16}, gap, classifier]""",
)


@register
class Classifier(Block):
    """The last layer: one output for each of the network's `classes`, with bias, without norm and activation.

    `kind: conv` is a 1x1 conv; before `gap` it makes class maps. `kind: linear` flattens a map first.
    """

    POSITIONAL: ClassVar[str] = "kind"
    MEANT: ClassVar[str] = "write classifier alone; classes: at the top of the file is the number of outputs"
    LEFT_OUT: ClassVar[dict[str, str]] = dict.fromkeys(
        ("out", "classes", "num_classes", "out_features"), "classes: at the top of the file is the number of outputs"
    ) | {"activation": "the loss needs the raw scores"}
    DEFAULTS: ClassVar[tuple[str, ...]] = ("bias",)
    EXAMPLE: ClassVar[str] = "classifier: linear"
    REJECTS: ClassVar[dict[str, str]] = {"classifier: dense": "AB103", "classifier: {out: 10}": "AB101"}

    kind: Annotated[Literal["conv", "linear"], Field(description="conv or linear")] = "conv"
    bias: BiasField = "auto"

    def lower(self, g: GraphBuilder) -> None:
        if g.graph.classes is None:
            message = "the classifier needs the number of classes"
            g.report(
                NO_CLASSES, message, Change({"classes": "10"}, at=(), say="add {} at the top of the file", guess=True)
            )
            return
        if self.kind == "conv" and g.shape and g.shape.flat:
            say = "write {}, which takes a vector, or remove the block before it that flattens the map"
            hint = Change({"kind": "linear"}, say=say.replace("{}", "classifier: linear"))
            g.report(NEEDS_MAP, f"needs a map of channels, height and width, but gets a vector of {g.shape.c}", hint)
            g.forget()
            return
        with g.scope(self.name or self.KIND):
            if self.kind == "conv":
                g.add(ops.Conv2d(g.graph.classes, (1, 1), bias=self.bias is not False), "conv")
                return
            if g.shape and not g.shape.flat:
                g.add(ops.Flatten(), "flatten")
            g.add(ops.Linear(g.graph.classes, self.bias is not False), "linear")
