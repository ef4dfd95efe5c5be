"""The network as an ONNX model with its weights, for any batch size, verified in onnxruntime."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archbuilder.exporters.proof import Exported, compare, failed
from archbuilder.exporters.torch import trace
from archbuilder.ir.graph import Graph
from archbuilder.modules.weights import ready
from archbuilder.version import __version__

TOLERANCE = 1e-4
INPUT, OUTPUT, BATCH = "image", "output", "batch"


def export(graph: Graph, weights: Path | None = None) -> Exported:
    """The content of an .onnx file: `image` (batch, channels, height, width) -> `output`.

    Raises ArchbuilderError for weights that do not fit, and if ONNX has no operator for a layer."""
    module = ready(graph, weights)
    data = _convert(graph, trace(graph, _sayable(module)))
    return Exported(data, compare(graph, module, _runner(data), TOLERANCE))


class MaxBins(nn.Module):
    """nn.AdaptiveMaxPool2d in operators that ONNX has: (b, c, h, w) -> (b, c, *size), the largest value of each bin."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        for axis, bins in zip((2, 3), self.size, strict=True):
            n = x.shape[axis]
            ends = [(i * n // bins, -(-(i + 1) * n // bins)) for i in range(bins)]
            x = torch.cat([x.narrow(axis, a, b - a).amax(axis, keepdim=True) for a, b in ends], axis)
        return x


def _sayable(module: nn.Module) -> nn.Module:
    """The module with layers that torch cannot export to ONNX replaced by equivalent ones."""
    module = deepcopy(module)
    for name, layer in list(module.named_modules()):
        if isinstance(layer, nn.AdaptiveMaxPool2d):
            size: Any = layer.output_size
            module.set_submodule(name, MaxBins((size, size) if isinstance(size, int) else size))
    return module


def _convert(graph: Graph, program: torch.export.ExportedProgram) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about torch's own use of onnxscript
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        try:
            made = torch.onnx.export(program, input_names=[INPUT], output_names=[OUTPUT], dynamo=True, verbose=False)
        except Exception as error:  # torch raises many kinds of exceptions if ONNX has no operator
            raise failed(graph, error) from error
    assert made is not None  # the old exporter returns None
    model = made.model_proto
    model.graph.name = graph.name
    sizes = ", ".join(map(str, graph.input.dims))
    model.doc_string = f"{INPUT}: (batch, {sizes}), normalised as for training"
    model.producer_name, model.producer_version = "archbuilder", __version__
    _name_batch(model.graph)
    for node in model.graph.node:
        del node.metadata_props[:]  # removes stack traces, which contain paths of this machine
    data: bytes = model.SerializeToString()
    return data


def _name_batch(graph: Any) -> None:
    """Rename the batch axis to `batch` in all sizes, alone or in a product; torch calls it s77."""
    values = [*graph.input, *graph.output, *graph.value_info]
    batch = re.compile(rf"\b{re.escape(graph.input[0].type.tensor_type.shape.dim[0].dim_param)}\b")
    for value in values:
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param:
                size.dim_param = batch.sub(BATCH, size.dim_param)


def _runner(data: bytes) -> Callable[[Tensor], Tensor]:
    """The model in onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])

    def run(x: Tensor) -> Tensor:
        return torch.from_numpy(session.run([OUTPUT], {INPUT: x.numpy()})[0])

    return run
