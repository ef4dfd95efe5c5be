"""Arithmetic over `vars`: whole numbers, names, `+ - * // %` and brackets, nothing else.

Bounded in length and in every intermediate value, so that no expression costs more than
microseconds; nothing is ever evaluated as code.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from archbuilder.diagnostics import did_you_mean
from archbuilder.remedy import Hint, Replace

MAX_LENGTH = 200
MAX_VALUE = 10**12

_HINT = "write a whole number, or arithmetic over vars with + - * // % and brackets"

# checked before Python's parser sees a text: it warns about what it does not like.  A number or a name
# ends where no letter or digit follows, so that there is only one way to read a text, and no time to lose
_TOKENS = re.compile(r"(?:\s|(?:[0-9]+(?:_[0-9]+)*|[A-Za-z_][A-Za-z0-9_]*)(?![0-9A-Za-z_.])|[-+*/%()])+")

# the same as a JSON Schema sees it: operands with operators between them; which names there are, it cannot know
_OPERAND = r"[-+(\s]*(?:[0-9]+(?:_[0-9]+)*|[A-Za-z_][A-Za-z0-9_]*)[)\s]*"
PATTERN = rf"^{_OPERAND}(?:(?://|[-+*%]){_OPERAND})*$"

_BINARY: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[int], int]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


class ExpressionError(ValueError):
    """An expression without a value; `hint` is the remedy."""

    def __init__(self, message: str, hint: Hint = "") -> None:
        super().__init__(message)
        self.hint = hint


def evaluate(text: str, names: Mapping[str, int]) -> int:
    """The value of `text`, a whole number. Raises ExpressionError."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the expression has {len(text)} characters, but at most {MAX_LENGTH} are allowed")
    tree, used = _tree(text)
    if all(name in names for name in used):
        return _result(text, tuple((name, names[name]) for name in used))
    return _value(tree, names, text)  # raises with the unknown name


# a definition's expressions are read at each of its uses: up to 20,000 times
@lru_cache(maxsize=512)
def _tree(text: str) -> tuple[ast.expr, frozenset[str]]:
    """The syntax tree of an expression, and the names in it. Raises ExpressionError."""
    try:
        if not _TOKENS.fullmatch(text):
            raise SyntaxError
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, MemoryError, RecursionError):
        raise ExpressionError(f"{text!r} is not an integer", _HINT) from None
    return tree.body, frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


@lru_cache(maxsize=4096)
def _result(text: str, values: tuple[tuple[str, int], ...]) -> int:
    return _value(_tree(text)[0], dict(values), text)


def _value(node: ast.expr, names: Mapping[str, int], text: str) -> int:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            result = value
        case ast.Name(id=name):
            if name not in names:
                known = did_you_mean(name, names, is_value=True) if names else "the file has no vars: section"
                raise ExpressionError(f"{text!r} is not an integer: there is no variable {name}", known)
            result = names[name]
        case ast.BinOp(left, op, right) if type(op) in _BINARY:
            result = _apply(_BINARY[type(op)], _value(left, names, text), _value(right, names, text), text)
        case ast.UnaryOp(op, operand) if type(op) in _UNARY:
            result = _UNARY[type(op)](_value(operand, names, text))
        case _:
            divided = re.sub("(?<!/)/(?!/)", "//", text)
            hint = Replace(text, divided, say="write // to divide whole numbers") if divided != text else _HINT
            raise ExpressionError(f"{text!r} is not an integer", hint)
    if abs(result) > MAX_VALUE:
        raise ExpressionError(f"{text!r} leaves the range of ±{MAX_VALUE:,}")
    return result


def _apply(op: Callable[[int, int], int], left: int, right: int, text: str) -> int:
    try:
        return op(left, right)
    except ZeroDivisionError:
        raise ExpressionError(f"{text!r} divides by zero") from None
