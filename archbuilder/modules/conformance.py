"""What every block promises, built-in or a user's own, as checks that can be run.

Its manual is complete, its example checks clean and builds a module that agrees with the analysis,
and each rejected example gives the code it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent

import torch

from archbuilder.blocks import Block
from archbuilder.diagnostics import Diagnostic
from archbuilder.modules.network import build
from archbuilder.pipeline import Report, check

HEAD = "archbuilder: 1\ninput: [16, 16, 16]\nclasses: 10\nnetwork:\n"
TAIL = "  - gap\n  - flatten\n  - linear: 10\n"


def failures(block: type[Block]) -> Iterator[str]:
    """Everything that a block does not keep, in words; nothing where it keeps all."""
    yield from _manual(block)
    yield from _example(block)
    for bad, code in block.REJECTS.items():
        found = [d.code.id for d in network(bad).diagnostics if d.severity == "error"]
        if code not in found:
            yield f"REJECTS: {bad!r} must give {code}, gives {', '.join(found) or 'no error'}"


def network(items: str) -> Report:
    """The report of a small network around one block, or around several list items."""
    listed = items if items.startswith("- ") else f"- {items}"
    head = HEAD + indent(listed, "  ") + "\n"
    # a block that ends the network itself needs no tail
    return min((check(head + tail) for tail in (TAIL, TAIL.partition("\n")[2], "  - gap\n", "")), key=_problems)


def _problems(report: Report) -> int:
    return len(report.diagnostics)


def _manual(block: type[Block]) -> Iterator[str]:
    if not block.__doc__:
        yield "the class has no docstring"
    if not block.EXAMPLE:
        yield "EXAMPLE is empty"
    if not block.REJECTS:
        yield "REJECTS is empty: show at least one mistake and its code"
    for name, info in block.model_fields.items():
        if not info.description:
            yield f"the field {name} has no description"


def _example(block: type[Block]) -> Iterator[str]:
    report = network(block.EXAMPLE)
    for diagnostic in report.diagnostics:
        yield f"EXAMPLE: {_short(diagnostic)}"
    if report.graph is None or report.facts is None:
        return
    module = build(report.graph)
    params = sum(p.numel() for p in module.parameters())
    if params != report.facts.params:
        yield f"EXAMPLE: the analysis counts {report.facts.params} parameters, torch {params}"
    shape = tuple(module.eval()(torch.zeros(1, *report.graph.input.dims)).shape[1:])
    if shape != report.graph.shape(report.graph.output).dims:
        yield f"EXAMPLE: the analysis says {report.graph.shape(report.graph.output)}, torch {shape}"


def _short(diagnostic: Diagnostic) -> str:
    return f"{diagnostic.code.id} {diagnostic.message}"
