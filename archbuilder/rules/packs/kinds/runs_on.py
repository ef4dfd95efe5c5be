"""runs_on: the runtime must have a kernel for every layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from archbuilder.device.kernels import NO_ACTIVATION, program_of
from archbuilder.rules.packs.kinds import register
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.rule import FORBIDDEN, Miss, Outcome, Rule

NO_NORM = ("channel_norm", "group_norm", "instance_norm", "layer_norm")  # words of the norms without a kernel


@register
class RunsOn(Rule):
    """The runtime (TensorFlow Lite for Microcontrollers) must have an int8 kernel for every layer.

    The report lists the kernels that are needed; the op resolver of your program must register them.
    """

    POSITIONAL: ClassVar[str] = "runtime"
    EXAMPLE: ClassVar[str] = "runs_on: tflite_micro"
    REJECTS: ClassVar[dict[str, str]] = {"runs_on": "AB102", "runs_on: tensorrt": "AB103"}

    runtime: Annotated[Literal["tflite_micro"], Field(description="tflite_micro")]

    def forbids(self) -> Iterable[str]:
        return {*NO_ACTIVATION, *NO_NORM}

    def judge(self, net: Network) -> Outcome:
        program = program_of(net.graph)
        misses: dict[int, Miss] = {}
        for node, lacking in program.lacking:
            message = f"{node.name} ({node.op.describe()}) does not run on {self.runtime}: {lacking}"
            misses.setdefault(id(node.place), Miss(FORBIDDEN, message, lacking.hint, node.span))
        return Outcome(says=", ".join(program.kernels), misses=tuple(misses.values()))
