"""Tests that every block must pass, built-in or custom.

Its manual is complete; its example checks clean and builds a module that agrees with the analysis in shape, parameters,
buffers, MACs and receptive field; each rejected example gives its code and no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent

import torch
from torch.utils.flop_counter import FlopCounterMode

from archbuilder.analysis.facts import Facts
from archbuilder.blocks import Block
from archbuilder.diagnostics import Diagnostic
from archbuilder.docstrings import docstring
from archbuilder.modules import gradient_field
from archbuilder.modules.network import build
from archbuilder.pipeline import Report, check

HEAD = "archbuilder: 1\ninput: [16, 16, 16]\n"
CLASSES = "classes: 10\n"


def failures(block: type[Block]) -> Iterator[str]:
    """Every test that a block fails, in words."""
    yield from _manual(block)
    needs_classes = not network(block.EXAMPLE).ok and network(block.EXAMPLE, needs_classes=True).ok
    report = network(block.EXAMPLE, needs_classes)
    for diagnostic in report.diagnostics:
        yield f"EXAMPLE: {_short(diagnostic)}"
    if report.facts is not None:
        yield from (f"EXAMPLE: {found}" for found in _disagreements(report.facts))
    for bad, code in block.REJECTS.items():
        codes = sorted({d.code.id for d in network(bad, needs_classes).errors})
        if codes != [code]:
            yield f"REJECTS: {bad!r} must give {code} alone, gives {', '.join(codes) or 'no error'}"


def network(items: str, needs_classes: bool = False) -> Report:
    """The report of a network of one block, or of several list items; with classes if the block needs them."""
    listed = items if items.startswith("- ") else f"- {items}"
    return check(f"{HEAD}{CLASSES if needs_classes else ''}network:\n{indent(listed, '  ')}\n")


def _manual(block: type[Block]) -> Iterator[str]:
    if not docstring(block):
        yield "the class has no docstring"
    if not block.EXAMPLE:
        yield "EXAMPLE is empty"
    if not block.REJECTS:
        yield "REJECTS is empty: show at least one mistake and its code"
    for name, info in block.model_fields.items():
        if not info.description:
            yield f"the field {name} has no description"


def _disagreements(facts: Facts) -> list[str]:
    try:
        return [*_counts(facts), *gradient_field.disagreements(facts)]
    except Exception as error:  # a custom op may raise anything in torch
        return [f"the module does not run: {type(error).__name__}: {error}"]


def _counts(facts: Facts) -> Iterator[str]:
    """Differences in counts and shapes between the analysis and a run of the module."""
    graph = facts.graph
    module = build(graph).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        out = module(torch.zeros(1, *graph.input.dims))
    found = {
        "parameters": (facts.params, sum(p.numel() for p in module.parameters())),
        "buffer values": (facts.buffers, sum(b.numel() for b in module.buffers())),
        "MACs": (facts.macs, counter.get_total_flops() // 2),  # torch counts 2 per MAC
    }
    yield from (f"the analysis counts {a:,} {what}, torch {b:,}" for what, (a, b) in found.items() if a != b)
    said, seen = graph.shape(graph.output).dims, tuple(out.shape[1:])
    if said != seen:
        yield f"the output is {said} by the analysis, but {seen} by torch"


def _short(diagnostic: Diagnostic) -> str:
    return f"{diagnostic.code.id} {diagnostic.message}"
