"""Python source in the format of ruff: on one line if it fits, else one argument per line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

WIDTH = 88  # ruff's default; such code does not change under a wider limit
INDENT = "    "


class Argument(NamedTuple):
    """An argument of a call; `comment` is printed after it if the call has several lines."""

    keyword: str
    value: Expression
    comment: str = ""


@dataclass(frozen=True)
class Call:
    """function(arguments)suffix; without a function it is a tuple."""

    function: str
    arguments: tuple[Argument, ...]
    suffix: str = ""


@dataclass(frozen=True)
class Operation:
    """Names joined by an operator."""

    operator: str
    names: tuple[str, ...]


Expression = str | Call | Operation


def call(function: str, *values: Expression) -> Call:
    """A call with positional arguments."""
    return Call(function, tuple(Argument("", value) for value in values))


def flat(expression: Expression) -> str:
    """The expression on one line, without comments."""
    if isinstance(expression, str):
        return expression
    if isinstance(expression, Operation):
        return f" {expression.operator} ".join(expression.names)
    shown = ", ".join(_keyword(argument) + flat(argument.value) for argument in expression.arguments)
    if not expression.function and len(expression.arguments) == 1:
        shown += ","
    return f"{expression.function}({shown}){expression.suffix}"


def lines(prefix: str, expression: Expression, indent: str, tail: str = "", comment: str = "") -> Iterator[str]:
    """prefix expression tail  # comment, from this indentation on."""
    whole = indent + prefix + flat(expression) + tail
    if len(whole) <= WIDTH and not _commented(expression):
        yield from _remarked(whole, comment, indent)
    elif (
        prefix.endswith(" = ")
        and isinstance(expression, Call)
        and len(f"{indent}{prefix}{expression.function}(") > WIDTH
    ):
        yield f"{indent}{prefix}("
        yield from lines("", expression, indent + INDENT)
        yield from _remarked(f"{indent}){tail}", comment, indent)
    elif isinstance(expression, Call) and expression.arguments:
        yield f"{indent}{prefix}{expression.function}("
        for argument in expression.arguments:
            yield from lines(_keyword(argument), argument.value, indent + INDENT, ",", argument.comment)
        yield from _remarked(f"{indent}){expression.suffix}{tail}", comment, indent)
    elif isinstance(expression, Operation):
        yield f"{indent}{prefix}("
        yield indent + INDENT + expression.names[0]
        yield from (f"{indent}{INDENT}{expression.operator} {name}" for name in expression.names[1:])
        yield from _remarked(f"{indent}){tail}", comment, indent)
    else:
        yield from _remarked(whole, comment, indent)


def _remarked(code: str, comment: str, indent: str) -> Iterator[str]:
    """A line with its comment after it, or above it if the line would be too long."""
    if comment and len(code) + len(comment) + 4 > WIDTH:
        yield f"{indent}# {comment}"
        comment = ""
    yield f"{code}  # {comment}" if comment else code


def _keyword(argument: Argument) -> str:
    return f"{argument.keyword}=" if argument.keyword else ""


def _commented(expression: Expression) -> bool:
    if not isinstance(expression, Call):
        return False
    return any(argument.comment or _commented(argument.value) for argument in expression.arguments)
