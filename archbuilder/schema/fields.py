"""Types of fields that the language shares: expressions, sizes, padding, names.

Each is read by one function that says in the language's own words what it expects.  pydantic runs
that function and nothing else, which keeps building a model cheap.
`[height, width]` is the order everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic_core import PydanticCustomError, core_schema

from archbuilder.schema.expressions import ExpressionError, evaluate

MAX_INTEGER = 1_000_000  # no small network has a wider layer or a larger map

Variables = Mapping[str, int]
Read = Callable[[Any, Variables], Any]


class Check:
    """Marks a field whose value is read, and wholly checked, by one function of value and variables."""

    def __init__(self, read: Read) -> None:
        self.read = read

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        def validate(value: Any, info: Any) -> Any:
            return self.read(value, info.context.variables if info.context else {})

        return core_schema.with_info_plain_validator_function(validate)


def failure(message: str, hint: str = "") -> PydanticCustomError:
    """The error of a reading function: what is wrong, and a remedy."""
    # braces are pydantic's template syntax: the text travels as a value, never as the template
    return PydanticCustomError("archbuilder", "{text}", {"text": message, "hint": hint})


def expected(what: str, value: Any, hint: str = "") -> PydanticCustomError:
    """The error of a value of another kind: what was expected, what was found, and a remedy."""
    return failure(f"expected {what}, found {_shown(value)}", hint)


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) <= 10**20 else "an enormous integer"
    return text if len(text) <= 60 else text[:57] + "..."


def integer(minimum: int) -> Read:
    """Reads a whole number, or arithmetic over variables, of at least `minimum`."""

    def read(value: Any, variables: Variables) -> int:
        if isinstance(value, str):
            try:
                value = evaluate(value, variables)
            except ExpressionError as error:
                raise failure(str(error), error.hint) from None
        if isinstance(value, bool) or not isinstance(value, int):
            raise expected("an integer", value, "a whole number or arithmetic over vars")
        if not minimum <= value <= MAX_INTEGER:
            raise failure(f"{_shown(value)} is out of range: from {minimum} to {MAX_INTEGER:,}")
        return value

    return read


def size(minimum: int, accept: Callable[[tuple[int, int]], bool] | None = None, hint: str = "") -> Read:
    """Reads one integer or [height, width] into (height, width); `accept` may turn a size down with a hint."""
    number = integer(minimum)

    def read(value: Any, variables: Variables) -> tuple[int, int]:
        items = list(value) if isinstance(value, (list, tuple)) else [value, value]
        if len(items) != 2:
            raise failure(f"expected one integer or [height, width], found {len(items)} values")
        result = (number(items[0], variables), number(items[1], variables))
        if accept is not None and not accept(result):
            raise failure(f"{result[0]}x{result[1]} is not possible here", hint)
        return result

    return read


def number(minimum: float, maximum: float = float("inf"), exclusive: bool = False) -> Read:
    """Reads a finite number between bounds; `exclusive` leaves the bounds themselves out."""

    def read(value: Any, variables: Variables) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise expected("a number", value)
        inside = minimum < value < maximum if exclusive else minimum <= value <= maximum
        if not inside or value in (float("inf"), float("-inf")):
            bounds = f"over {minimum:g} and under {maximum:g}" if exclusive else f"from {minimum:g} to {maximum:g}"
            raise failure(f"{_shown(value)} is out of range: {bounds}")
        return float(value)

    return read


_edge = integer(0)
_edges = size(0)


def _padding(value: Any, variables: Variables) -> Any:
    """`same`, `valid`, one integer, [height, width] or [top, bottom, left, right]."""
    if value in ("same", "valid"):
        return value
    if isinstance(value, (list, tuple)) and len(value) == 4:
        return tuple(_edge(v, variables) for v in value)
    try:
        height, width = _edges(value, variables)
    except PydanticCustomError:
        hint = "same, valid, one integer, [height, width] or [top, bottom, left, right]"
        raise expected("a padding", value, hint) from None
    return (height, height, width, width)


def _name(value: Any, variables: Variables) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", value):
        raise failure(f"{_shown(value)} is not a name", "a letter, then letters, digits and underscores")
    return value


def _names(value: Any, variables: Variables) -> tuple[str, ...]:
    """One name or a list of names."""
    return tuple(_name(item, variables) for item in (value if isinstance(value, (list, tuple)) else [value]))


Positive = Annotated[int, Check(integer(1))]
NonNegative = Annotated[int, Check(integer(0))]
Size = Annotated[tuple[int, int], Check(size(1))]
SymmetricPadding = Annotated[tuple[int, int], Check(size(0))]
Sides = tuple[int, int, int, int]  # top, bottom, left, right
Padding = Annotated[Literal["same", "valid"] | Sides, Check(_padding)]
Probability = Annotated[float, Check(number(0, 1))]
Name = Annotated[str, Check(_name)]
Names = Annotated[tuple[str, ...], Check(_names)]
