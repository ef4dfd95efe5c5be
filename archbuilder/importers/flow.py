"""The recorded network: archbuilder's ops in the order in which they ran, with their weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from archbuilder.diagnostics import Span
from archbuilder.ir.op import Op
from archbuilder.ir.shape import Shape

IMAGE = 0  # the number of the value that enters the network


@dataclass(frozen=True, eq=False)
class Step:
    """One op that ran. `id` is the number of its output value, `inputs` those of its operands.

    `weights` are its tensors, under the names in archbuilder's layer; two steps with an equal `layer` share their
    weights. `path` is the module that was running (layer1.0.conv2, empty for the network itself), `place` the line in
    the user's source. `constants` are numbers of the op that the module stores in tensors, with their exact values.
    """

    id: int
    op: Op
    inputs: tuple[int, ...]
    shape: Shape
    weights: dict[str, Tensor]
    layer: tuple[int, ...]
    path: str
    place: Span
    constants: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass
class Flow:
    """Steps by number, in execution order; `output` is the number of the returned value."""

    input: Shape
    steps: dict[int, Step] = field(default_factory=dict)
    output: int = IMAGE

    def shape(self, value: int) -> Shape:
        return self.input if value == IMAGE else self.steps[value].shape

    def live(self) -> dict[int, Step]:
        """The steps on which the output depends, in order."""
        needed = {self.output}
        for step in reversed(self.steps.values()):
            if step.id in needed:
                needed.update(step.inputs)
        return {id: step for id, step in self.steps.items() if id in needed}
