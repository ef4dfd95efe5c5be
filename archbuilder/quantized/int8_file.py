"""int8.safetensors: a network in int8, stored in the folder of its run.

Constants have their names from the program; scales and zero points have the names NAME:scale and NAME:zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from archbuilder.device.kernels import program_of
from archbuilder.device.program import WEIGHTED, Program
from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.ir.graph import Graph
from archbuilder.modules import weights
from archbuilder.quantized.scales import Quantized, Scale

FILE = "int8.safetensors"
SCALE, ZERO = ":scale", ":zero"

NO_KERNEL = declare(
    "AB880",
    "a layer that TensorFlow Lite Micro has no kernel for",
    why=(
        "A file for a microcontroller consists of the kernels of its runtime, and some layers have no kernel there. "
        "The rule `runs_on: tflite_micro` reports this before any training."
    ),
    bad="""\
$ cat > gelu.yaml <<'END'
archbuilder: 1
input: [1, 8, 8]
network: [{conv: {out: 4, activation: gelu}}]
END
$ archbuilder export gelu.yaml --to tflite --out gelu.tflite""",
    good="$ archbuilder export net.yaml --to tflite --out net.tflite",
)
NOT_QUANTIZED = declare(
    "AB881",
    "an export in int8 of a network that was not quantised",
    exit_status=2,
    why=(
        "int8 needs the range of every tensor, which is measured on training images. `archbuilder quantize` does that, "
        "and writes int8.safetensors into the run."
    ),
    bad="$ archbuilder export net.yaml --to tflite --dtype int8 --out net.tflite",
    good="$ archbuilder export net.yaml --to tflite --dtype float32 --out net.tflite",
)


def program_for(graph: Graph, dtype: str) -> Program:
    """The program of a graph. Raises ArchbuilderError AB880 for each layer without a kernel."""
    program = program_of(graph, dtype)
    if program.lacking:
        found = {
            id(node.place): NO_KERNEL.at(node.span, f"{node.name} ({node.op.describe()}): {why}", why.hint)
            for node, why in reversed(program.lacking)
        }
        raise ArchbuilderError(*reversed(found.values()))
    return program


def pack(model: Quantized) -> bytes:
    """The content of the file."""
    state: dict[str, Tensor] = dict(model.constants)
    for name, scale in model.scales.items():
        state[name + SCALE] = scale.scale
        state[name + ZERO] = torch.tensor(scale.zero, dtype=torch.int32)
    return weights.weights(state)


def load(graph: Graph, path: Path) -> Quantized:
    """Read the int8 form of a graph from its file.

    Raises ArchbuilderError AB855 (damaged), AB856 (of another network), AB880 (a layer without a kernel).
    """
    hint = "make it again: archbuilder quantize RUN"
    state = weights.tensors(path, hint)[0]
    program = program_for(graph, "int8")
    constants = {name: tensor for name, tensor in state.items() if not name.endswith((SCALE, ZERO))}
    misfits = list(_misfits(program, state, constants))
    if misfits:
        message = f"it does not fit {graph.name}: {misfits[0]}"
        raise ArchbuilderError(weights.MISFIT.at(Span(str(path)), message, hint))
    depthwise = {o.inputs[1] for o in program.operators if o.kernel == "DEPTHWISE_CONV_2D"}
    scales = {
        name: Scale(state[name + SCALE], int(state[name + ZERO]), 3 if name in depthwise else 0)
        for name in program.tensors
        if name + SCALE in state
    }
    return Quantized(program, constants, scales)


def _misfits(program: Program, state: weights.State, constants: weights.State) -> Iterator[str]:
    scaled = {name for name, tensor in program.tensors.items() if not tensor.counts}
    for name, tensor in program.tensors.items():
        if tensor.content is not None and (name not in constants or tuple(constants[name].shape) != tensor.shape):
            yield f"there is no {name} of {'x'.join(map(str, tensor.shape))}"
        if name in scaled and not (name + SCALE in state and name + ZERO in state):
            yield f"there is no scale of {name}"
    for operator in program.operators:
        if operator.kernel in WEIGHTED and constants.get(operator.inputs[1], torch.empty(0)).dtype != torch.int8:
            yield f"{operator.inputs[1]} is not int8"
    yield from (f"the network has no {name}" for name in constants if name not in program.tensors)
