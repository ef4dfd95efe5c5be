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
    """One op that ran.  `id` is the number of the value that it made, `inputs` those of its operands.

    `weights` are the tensors it used, under the names that archbuilder's layer has for them; `layer`
    tells whose they are: two steps with an equal layer share their weights.  `path` is the module that
    was running (layer1.0.conv2, empty for the network itself), `place` the line of the user's source.
    `constants` are those numbers of the op that the module has in tensors, as they are there.
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
    """Steps by number, in execution order; `output` is the number of the value that is returned."""

    input: Shape
    steps: dict[int, Step] = field(default_factory=dict)
    output: int = IMAGE

    def shape(self, value: int) -> Shape:
        return self.input if value == IMAGE else self.steps[value].shape

    def live(self) -> dict[int, Step]:
        """The steps that the output depends on, in order."""
        needed = {self.output}
        for step in reversed(self.steps.values()):
            if step.id in needed:
                needed.update(step.inputs)
        return {id: step for id, step in self.steps.items() if id in needed}
