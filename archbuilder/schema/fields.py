"""Types of fields that the language shares: expressions, sizes, padding, names.

Each is a pydantic type whose validator says in the language's own words what it expects.
`[height, width]` is the order everywhere.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from archbuilder.schema.expressions import ExpressionError, evaluate

MAX_INTEGER = 1_000_000  # no small network has a wider layer or a larger map


def _custom(message: str, hint: str = "") -> PydanticCustomError:
    # braces are pydantic's template syntax: the text travels as a value, never as the template
    return PydanticCustomError("archbuilder", "{text}", {"text": message, "hint": hint})


def _integer(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str):
        try:
            value = evaluate(value, info.context.variables if info.context else {})
        except ExpressionError as error:
            raise _custom(str(error), error.hint) from None
    if isinstance(value, bool) or not isinstance(value, int):
        raise _custom(f"expected an integer, found {_shown(value)}", "a whole number or arithmetic over vars")
    if abs(value) > MAX_INTEGER:
        raise _custom(f"{_shown(value)} is out of range, at most {MAX_INTEGER:,}")
    return value


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) <= 10**20 else "an enormous integer"
    return text if len(text) <= 60 else text[:57] + "..."


def _size(value: Any, info: ValidationInfo) -> Any:
    """One integer or [height, width] -> (height, width)."""
    if isinstance(value, list):
        if len(value) != 2:
            raise _custom(f"expected one integer or [height, width], found {len(value)} values")
        return tuple(_integer(v, info) for v in value)
    if isinstance(value, tuple):
        return value
    number = _integer(value, info)
    return (number, number)


def _padding(value: Any, info: ValidationInfo) -> Any:
    """`same`, `valid`, one integer, [height, width] or [top, bottom, left, right]."""
    if isinstance(value, tuple) or value in ("same", "valid"):
        return value
    if isinstance(value, list) and len(value) == 4:
        return tuple(_integer(v, info) for v in value)
    try:
        height, width = _size(value, info)
    except PydanticCustomError:
        raise _custom(
            f"expected a padding, found {_shown(value)}",
            "same, valid, one integer, [height, width] or [top, bottom, left, right]",
        ) from None
    return (height, height, width, width)


def _name(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", value):
        raise _custom(f"{_shown(value)} is not a name", "a letter, then letters, digits and underscores")
    return value


Integer = Annotated[int, BeforeValidator(_integer)]
Positive = Annotated[Integer, Field(ge=1)]
NonNegative = Annotated[Integer, Field(ge=0)]
Size = Annotated[tuple[Positive, Positive], BeforeValidator(_size)]
Sides = tuple[NonNegative, NonNegative, NonNegative, NonNegative]  # top, bottom, left, right
Padding = Annotated[Literal["same", "valid"] | Sides, BeforeValidator(_padding)]
SymmetricPadding = Annotated[tuple[NonNegative, NonNegative], BeforeValidator(_size)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, BeforeValidator(_name)]


def expected(what: str, value: Any, hint: str = "") -> PydanticCustomError:
    """The error of a validator: what it wanted, what it got, and a remedy."""
    return _custom(f"expected {what}, found {_shown(value)}", hint)


def above_one(otherwise: str) -> AfterValidator:
    """Constraint of a size: over 1 on at least one axis."""

    def check(value: tuple[int, int]) -> tuple[int, int]:
        if max(value) < 2:
            raise _custom("must be over 1 on at least one axis", f"{otherwise} for 1")
        return value

    return AfterValidator(check)


def ones(otherwise: str) -> AfterValidator:
    """Constraint of a size: 1 on both axes."""

    def check(value: tuple[int, int]) -> tuple[int, int]:
        if value != (1, 1):
            raise _custom(f"must be 1, found {value[0]}x{value[1]}", f"{otherwise} for another size")
        return value

    return AfterValidator(check)
