"""The graph as one JSON object, version 1: the facts of `check`, and everything needed to rebuild the network."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import Any

from archbuilder.analysis.facts import Facts, Layer
from archbuilder.ir.graph import Graph
from archbuilder.ir.op import Op
from archbuilder.ir.reach import Pixels, Reach
from archbuilder.version import __version__

VERSION = 1


def export(graph: Graph, facts: Facts) -> str:
    """The graph as JSON text, one line per node; keys and nodes are always in the same order."""
    head = to_dict(graph, facts)
    nodes = head.pop("nodes")
    lines = [f"  {json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in head.items()]
    rows = ",\n".join(f"    {json.dumps(node, allow_nan=False)}" for node in nodes)
    return "{\n" + ",\n".join([*lines, f'  "nodes": [\n{rows}\n  ]']) + "\n}\n"


def to_dict(graph: Graph, facts: Facts) -> dict[str, Any]:
    """The graph as plain data.  Shapes are without the batch; pairs are (height, width), in pixels."""
    return {
        "version": VERSION,
        "archbuilder": __version__,
        "name": graph.name,
        "input": list(graph.input.dims),
        "classes": graph.classes,
        "output": graph.output,
        "totals": {
            "params": facts.params,
            "frozen_params": facts.frozen_params,
            "buffers": facts.buffers,
            "macs": facts.macs,
            "receptive_field": _reach(facts.field),
            "receptive_field_with_gap": _reach(facts.field_with_gap),
        },
        "nodes": [_node(layer) for layer in facts.layers],
    }


def _node(layer: Layer) -> dict[str, Any]:
    """A node; `module` is the layer that it runs, the name of another node if the layer is shared."""
    node = layer.node
    return {
        "name": node.name,
        "op": type(node.op).__name__,
        "arguments": _arguments(node.op),
        "inputs": list(node.inputs),
        "shape": list(node.shape.dims),
        "module": node.module,
        "block": node.block,
        "line": node.span.line,
        "note": node.note,
        "params": layer.params,
        "buffers": layer.buffers,
        "macs": layer.macs,
        "receptive_field": _reach(layer.reach),
    }


def _arguments(op: Op) -> dict[str, Any]:
    """The hyper-parameters of an op; together with its class they are enough to create it again."""
    return {field.name: _plain(getattr(op, field.name)) for field in fields(op)}  # type: ignore[arg-type]


def _reach(reach: Reach) -> dict[str, Any]:
    """A receptive field: unit u sees the input pixels stride*u + start to stride*u + start + size - 1.

    `least` is the size along the shortest path."""
    axes = (reach.h, reach.w)
    return {
        "size": [axis.size for axis in axes],
        "stride": [_number(axis.stride) for axis in axes],
        "start": [_number(axis.lo) for axis in axes],
        "least": [_number(axis.least) for axis in axes],
        "status": reach.status,
    }


def _number(pixels: Pixels) -> int | float:
    return int(pixels) if pixels == int(pixels) else float(pixels)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no infinity
    return value
