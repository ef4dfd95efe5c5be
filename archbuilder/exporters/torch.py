"""The network as a program of torch.export: weights and graph in one file, for Python, C++ and compilers."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from torch import Tensor, nn

from archbuilder.exporters.proof import EXAMPLE, Exported, compare, failed, images
from archbuilder.ir.graph import Graph
from archbuilder.modules.weights import ready

TOLERANCE = 1e-6


def export(graph: Graph, weights: Path | None = None) -> Exported:
    """The content of a .pt2 file, for any batch size; torch.export.load(file).module() runs it.

    Raises ArchbuilderError if the weights do not fit or torch.export fails."""
    module = ready(graph, weights)
    data = _save(trace(graph, module))
    program = torch.export.load(io.BytesIO(data)).module()

    def run(x: Tensor) -> Tensor:
        output: Tensor = program(x)
        return output

    return Exported(data, compare(graph, module, run, TOLERANCE))


def trace(graph: Graph, module: nn.Module) -> torch.export.ExportedProgram:
    """The program of a module, for any batch size."""
    batch = torch.export.Dim("batch")
    try:
        program = torch.export.export(module, (images(graph, EXAMPLE),), dynamic_shapes=({0: batch},))
    except Exception as error:  # torch raises many types of exceptions if it cannot trace a module
        raise failed(graph, error) from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # it contains file paths of this machine
    return program


def _save(program: torch.export.ExportedProgram) -> bytes:
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()
