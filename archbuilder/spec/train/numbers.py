"""Types of fields that recipes share: rates, decays, shares, and switches that may have fields."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from archbuilder.document.nodes import Node
from archbuilder.remedy import Write, written
from archbuilder.schema.env import Env
from archbuilder.schema.fields import Check, Variables, bounded, expected, in_float32, integer, reads
from archbuilder.schema.model import INVALID, VALUE, Child, Model, validate

_Held = AfterValidator(in_float32)
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False), _Held]
Decay = Annotated[float, Field(ge=0, allow_inf_nan=False), _Held]
BelowOne = Annotated[float, Field(ge=0, lt=1), _Held]
Share = Annotated[float, Field(ge=0, le=1), _Held]
SomeShare = Annotated[float, Field(gt=0, le=1), _Held]
Off = Annotated[  # a variant writes it to remove a number of its base
    None, BeforeValidator(lambda value: None if value == "none" else value), WithJsonSchema({"enum": ["none", None]})
]
Steps = Annotated[int, Check(bounded(1, 100))]
Seed = Annotated[int, Field(ge=0, lt=2**32)]

M = TypeVar("M", bound=Model)


def switch(model: type[M]) -> Child:
    """Reads a part of a recipe that can be switched on or off: true, its fields, or none (false)."""

    def read(node: Node, env: Env) -> Any:
        if isinstance(node.value, bool):
            return validate(model, Node(None, node.span), env) if node.value else None
        if node.value == "none":
            return None
        if node.value in ("on", "yes", "off", "no"):
            word = "true" if node.value in ("on", "yes") else "none"
            hint = Write(word, say=f"YAML knows true and false; {node.value} is text: write {{}}")
            env.report(VALUE, node.span, "expected true, none, or its fields", hint)
            return INVALID
        if node.value is None:  # ambiguous: off, or on with the default of every field
            env.report(VALUE, node.span, "expected true, none, or its fields", "write true or none")
            return INVALID
        return validate(model, node, env)

    return Child(read, {"anyOf": [{"type": "boolean"}, {"const": "none"}, model]})


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@reads(type="array", items={"type": "number", "minimum": 0, "exclusiveMaximum": 1}, minItems=2, maxItems=2)
def _betas(value: Any, variables: Variables) -> tuple[float, float]:
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(_is_number(v) and 0 <= v < 1 for v in value):
        return in_float32(float(value[0])), in_float32(float(value[1]))
    raise expected("two numbers from 0 to below 1", value, Write("[0.9, 0.999]", say="write betas: {}", guess=True))


_epoch = integer(1)


@reads(type="array", items=_epoch.form, minItems=1)
def _milestones(value: Any, variables: Variables) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)) or not value:
        raise expected("a list of epochs", value, Write("[100, 150]", say="write milestones: {}", guess=True))
    found = tuple(_epoch(item, variables) for item in value)
    if any(late <= early for early, late in itertools.pairwise(found)):
        raise expected("epochs in rising order", list(found), Write(written(sorted(set(found)))))
    return found


def _pairs(value: Any, what: str, example: str) -> Sequence[Sequence[Any]]:
    """A list of pairs. Raises the error of `expected` otherwise."""
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, (list, tuple)) and len(v) == 2 for v in value):
        return value
    raise expected(f"a list of {what}", value, f"write {example}")


_POINT = {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 2, "maxItems": 2}


@reads(type="array", items=_POINT, minItems=2)
def _points(value: Any, variables: Variables) -> tuple[tuple[float, float], ...]:
    """[[epoch, factor], ...] from epoch 0 on; epochs may be fractions."""
    example = "points: [[0, 0.2], [5, 1], [30, 0]]"
    pairs = _pairs(value, "[epoch, factor]", example)
    if len(pairs) < 2 or not all(_is_number(n) and 0 <= n < float("inf") for pair in pairs for n in pair):
        raise expected("two or more points of numbers from 0", value, f"write {example}")
    found = tuple((in_float32(float(epoch)), in_float32(float(factor))) for epoch, factor in pairs)
    if found[0][0] != 0 or any(late[0] <= early[0] for early, late in itertools.pairwise(found)):
        raise expected("points from epoch 0 on, in rising order", value, f"write {example}")
    if not any(factor for _, factor in found):
        raise expected("a factor over 0 among the points", value, f"write {example}")
    return found


_side = integer(1, 10_000)
_SIDES = {"type": "array", "items": _side.form, "minItems": 2, "maxItems": 2}


@reads(type="array", items=_SIDES)
def _resolution(value: Any, variables: Variables) -> tuple[tuple[int, int], ...]:
    """[[epoch, side], ...]: train on images of that height from that epoch on."""
    example = "resolution: [[1, 16], [5, 24], [8, 32]]"
    found = tuple(
        (_epoch(epoch, variables), _side(side, variables))
        for epoch, side in _pairs(value, "[epoch, side in pixels]", example)
    )
    if any(late[0] <= early[0] for early, late in itertools.pairwise(found)):
        raise expected("epochs in rising order", value, f"write {example}")
    return found


Betas = Annotated[tuple[float, float], Check(_betas)]
Milestones = Annotated[tuple[int, ...], Check(_milestones)]
Points = Annotated[tuple[tuple[float, float], ...], Check(_points)]
Resolution = Annotated[tuple[tuple[int, int], ...], Check(_resolution)]
