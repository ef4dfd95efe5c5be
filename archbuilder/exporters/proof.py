"""A binary export is run before it is saved: its outputs must equal those of the module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.ir.graph import Graph

EXAMPLE = 2  # images for tracing: torch treats a batch of one as a constant
BATCHES = (1, 3)  # batch sizes with which the export is tested

FAILED = declare(
    "AB857",
    "a network that a format cannot express",
    why="The format, or the installed version of its tools, has no counterpart for some layer of the network.",
    bad="$ archbuilder export net.yaml --to onnx --out net.onnx  # where onnx lacks an operator",
    good="$ archbuilder export net.yaml --to python",
)
DIFFERS = declare(
    "AB858",
    "an export that computes something else",
    why=(
        "Every export is run beside the module before it is saved. The outputs of this one differ, so nothing was "
        "written. It is a fault of archbuilder or of the format's tools."
    ),
    bad="$ archbuilder export net.yaml --to onnx --out net.onnx  # where onnx computes something else",
    good="$ archbuilder export net.yaml --to torch --out net.pt2",
)


@dataclass(frozen=True)
class Exported:
    """The content of a file, and the largest difference between its outputs and the module's."""

    data: bytes
    difference: float


def images(graph: Graph, number: int) -> Tensor:
    """Random images, always the same: (number, channels, height, width)."""
    generator = torch.Generator().manual_seed(number)
    return torch.randn(number, *graph.input.dims, generator=generator)


def compare(graph: Graph, module: nn.Module, run: Callable[[Tensor], Tensor], tolerance: float) -> float:
    """The largest difference of outputs over some batches.

    Raises ArchbuilderError AB858 if it exceeds the tolerance, relative to the largest output if that is over 1."""
    worst = 0.0
    with torch.no_grad():
        for number in BATCHES:
            expected, found = module(images(graph, number)), run(images(graph, number))
            difference = _difference(expected, found)
            if not difference <= tolerance * max(1.0, expected.abs().max().item()):
                message = f"the outputs of the exported network differ by {difference:.1e}"
                raise ArchbuilderError(DIFFERS.at(Span(graph.name), message, "nothing was written; please report this"))
            worst = max(worst, difference)
    return worst


def _difference(expected: Tensor, found: Tensor) -> float:
    """The largest difference of two outputs; infinities and NaN count if only one has them."""
    if found.shape != expected.shape:
        return float("inf")
    alike = (found == expected) | (found.isnan() & expected.isnan())
    return float((found - expected)[~alike].abs().max()) if not alike.all() else 0.0


def failed(graph: Graph, error: Exception) -> ArchbuilderError:
    """The diagnostic for an exception of a tracer."""
    cause: BaseException = error
    while cause.__cause__ is not None:  # torch wraps the reason in advice for its own developers
        cause = cause.__cause__
    reason = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
    hint = "use --to python, or another version of torch"
    return ArchbuilderError(FAILED.at(Span(graph.name), f"cannot be exported: {reason}", hint))
