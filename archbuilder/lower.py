"""Spec -> Graph: every block adds its nodes; then the end of the network is checked against the classes."""

from __future__ import annotations

from archbuilder.blocks import lower_blocks
from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.builder import GraphBuilder, Parts, Stopped
from archbuilder.ir.graph import Graph
from archbuilder.ir.ops import Flatten
from archbuilder.ir.shape import Shape
from archbuilder.remedy import Insert
from archbuilder.spec.architecture import Architecture

ENDING = declare(
    "AB205",
    "a network whose output does not match its classes",
    why=(
        "With `classes`, the network must end in one score per class, a vector. No loss can be computed on a map or on "
        "another number of values."
    ),
    bad="""\
classes: 10
network: [{conv: 16}, gap]""",
    good="""\
classes: 10
network: [{conv: 16}, gap, classifier]""",
)


def lower(spec: Architecture, diagnostics: list[Diagnostic], parts: Parts | None = None) -> Graph:
    """The graph of a network. It is complete only if no error was added to `diagnostics`.

    parts: cached results of its blocks from other networks."""
    g = GraphBuilder(Shape(*spec.input), diagnostics, spec, parts)
    g.graph.name, g.graph.classes = spec.name, spec.classes
    if not spec.is_known("input"):
        g.forget()
    if not spec.is_known("classes"):
        g.graph.classes = 1  # a placeholder: the number of classes is not checked in this case
    try:
        lower_blocks(spec.network, g)
        if spec.classes is not None:
            _end(spec, spec.classes, g)
    except Stopped:
        pass  # reported where it happened
    return g.finish()


def _end(spec: Architecture, classes: int, g: GraphBuilder) -> None:
    """A network with classes returns a vector of so many values; a 1x1 map is flattened to one."""
    shape = g.shape
    if shape is None:
        return
    last = spec.network[-1]
    if not shape.flat and (shape.h, shape.w) == (1, 1):
        with g.writing(last, last.word):
            g.add(Flatten(), "flatten")
    elif not shape.flat:
        message = f"the network ends in a map of {shape}, classes: {classes} needs a vector"
        g.report(ENDING, message, Insert(("gap", "classifier"), say="end with {}"), at=last)
        return
    if shape.c != classes:
        message = f"the network ends in {shape.c} values, classes is {classes}"
        g.report(ENDING, message, "end with classifier, or make the two equal", at=last)
