"""Types of fields that the language shares: expressions, sizes, padding, names.

Each is read by one function, whose errors use the terms of the language. pydantic runs only that function, which keeps
building a model cheap. `[height, width]` is the order everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic_core import PydanticCustomError, core_schema

from archbuilder.diagnostics import Code, show
from archbuilder.remedy import Hint, Replace, Write, number_of, percent, share_of, written
from archbuilder.schema.expressions import MAX_LENGTH, PATTERN, ExpressionError, evaluate
from archbuilder.synonyms import synonym

MAX_INTEGER = 1_000_000  # no small network has a wider layer
MAX_PIXELS = 10_000  # a side of an image
MAX_NAMES = 100  # in one list
SMALLEST, LARGEST = 2.0**-126, (2 - 2.0**-23) * 2.0**127  # of float32: numbers closer to 0 become 0 in training
OFF = (False, "off", "no", "none", "null")  # what people write to leave a layer out
MAX_WINDOW = 1_000  # bound on kernel, stride, dilation and padding: lints iterate over the taps of a window

Variables = Mapping[str, int]
Read = Callable[[Any, Variables], Any]


class Reading:
    """A reading function, and `form`, the JSON Schema of its input; a form with a title is shared by its uses."""

    def __init__(self, read: Read, form: dict[str, Any]) -> None:
        self.read = read
        self.form = form

    def __call__(self, value: Any, variables: Variables) -> Any:
        return self.read(value, variables)


def reads(**form: Any) -> Callable[[Read], Reading]:
    """Declare the JSON Schema of a function's input, as far as a schema can express it; editors use it for
    completion."""
    return lambda read: Reading(read, form)


class Check:
    """Marks a field whose value is read and checked completely by one function of value and variables."""

    def __init__(self, read: Read) -> None:
        self.read = read

    @property
    def form(self) -> dict[str, Any]:
        """The JSON Schema of the input; empty if none is declared."""
        return self.read.form if isinstance(self.read, Reading) else {}

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        def validate(value: Any, info: Any) -> Any:
            return self.read(value, info.context.variables if info.context else {})

        return core_schema.with_info_plain_validator_function(validate)


def failure(message: str, hint: Hint = "", code: Code | None = None) -> PydanticCustomError:
    """The error of a reading function: what is wrong, and a remedy; AB103 unless another code is given."""
    # braces are pydantic's template syntax, so the text is passed as a value, not as the template
    return PydanticCustomError("archbuilder", "{text}", {"text": message, "hint": hint, "code": code})


def expected(what: str, value: Any, hint: Hint = "") -> PydanticCustomError:
    """The error for a value of another kind: what was expected, what was found, and a remedy."""
    return failure(f"expected {what}, found {show(value)}", hint)


def _whole(minimum: int, maximum: int) -> dict[str, Any]:
    bounds = {"minimum": minimum, "maximum": maximum}
    title = f"whole number from {minimum}"
    return {"title": title, "type": ["integer", "string"], **bounds, "pattern": PATTERN, "maxLength": MAX_LENGTH}


def integer(minimum: int, maximum: int = MAX_INTEGER) -> Reading:
    """Reads a whole number, or arithmetic over variables, from `minimum` to `maximum`."""

    @reads(**_whole(minimum, maximum))
    def read(value: Any, variables: Variables) -> int:
        if isinstance(value, str):
            try:
                value = evaluate(value, variables)
            except ExpressionError as error:
                raise failure(str(error), error.hint) from None
        if isinstance(value, bool) or not isinstance(value, int):
            whole = isinstance(value, float) and value.is_integer()
            number = Replace(str(value), f"{value:.0f}", say="write {}") if whole else None
            raise expected("an integer", value, number or "write a whole number or arithmetic over vars")
        if not minimum <= value <= maximum:
            bounds = f"from {minimum} to {maximum:,}"
            raise failure(f"{show(value)} is out of range: {bounds}", f"write a whole number {bounds}")
        return value

    return read


def bounded(minimum: int, maximum: int) -> Reading:
    """`integer` with a bound for one field only, which the schema states at that field."""
    number = integer(minimum, maximum)
    return Reading(number.read, number.form | {"title": ""})


def size(minimum: int, accept: Callable[[tuple[int, int]], bool] | None = None, hint: str = "", **form: Any) -> Reading:
    """Reads one integer or [height, width] into (height, width); `accept` may reject a size, with `hint`.

    `form` is the JSON Schema for `accept`."""
    number = integer(minimum, MAX_WINDOW)

    @reads(**_listed(minimum, 2, "" if form else f"size from {minimum}") | form)
    def read(value: Any, variables: Variables) -> tuple[int, int]:
        items = list(value) if isinstance(value, (list, tuple)) else [value, value]
        if isinstance(value, str) and (pair := re.fullmatch(r"\(?(\d{1,4})(?:x|, *)(\d{1,4})\)?", value)):
            raise expected("one integer or [height, width]", value, Write(written([int(n) for n in pair.groups()])))
        if len(items) != 2:
            raise failure(f"expected one integer or [height, width], found {len(items)} values")
        result = (number(items[0], variables), number(items[1], variables))
        if accept is not None and not accept(result):
            raise failure(f"{result[0]}x{result[1]} is not possible here", hint)
        return result

    return read


def _listed(minimum: int, count: int, title: str = "") -> dict[str, Any]:
    """One whole number, or a list of them."""
    one = _whole(minimum, MAX_WINDOW)
    kinds = {"title": title, "type": [*one["type"], "array"]}
    return one | kinds | {"items": one, "minItems": 2, "maxItems": count}


def in_float32(value: float) -> float:
    """The number unchanged. Raises if it would become 0 or infinity in float32, in which networks compute."""
    if value and not SMALLEST <= abs(value) <= LARGEST:
        hint = f"write a number of magnitude {SMALLEST:.1e} to {LARGEST:.1e}"
        raise failure(f"{show(value)} is outside the range of float32, in which networks compute", hint)
    return value


def number(minimum: float, maximum: float = float("inf"), exclusive: bool = False) -> Reading:
    """Reads a finite number between bounds; `exclusive` excludes the bounds themselves."""
    least, most = ("exclusiveMinimum", "exclusiveMaximum") if exclusive else ("minimum", "maximum")

    @reads(type="number", **{least: minimum}, **({most: maximum} if maximum < float("inf") else {}))
    def read(value: Any, variables: Variables) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            share = share_of(value) or number_of(value)
            off = Write("0", say="write {}, which leaves it out") if minimum == 0 and value in OFF else ""
            raise expected("a number", value, Write(share) if share else off)
        inside = minimum < value < maximum if exclusive else minimum <= value <= maximum
        if not inside or value in (float("inf"), float("-inf")):
            bounds = f"over {minimum:g} and under {maximum:g}" if exclusive else f"from {minimum:g} to {maximum:g}"
            raise failure(
                f"{show(value)} is out of range: {bounds}", f"write a number {bounds}{percent(value, maximum)}"
            )
        return in_float32(float(value))

    return read


_edge = integer(0, MAX_WINDOW)
_edges = size(0)
Sides = tuple[int, int, int, int]  # top, bottom, left, right
# three values are neither [height, width] nor all four sides
_SIDES = _listed(0, 4) | {"not": {"type": "array", "minItems": 3, "maxItems": 3}}


@reads(
    title="padding",
    anyOf=[
        {"enum": ["same", "valid"]},
        _SIDES,
    ],
)
def _padding(value: Any, variables: Variables) -> Any:
    """`same`, `valid`, one integer, [height, width] or [top, bottom, left, right]."""
    return value if value in ("same", "valid") else _read_sides(value, variables, "same, valid, ")


@reads(**_SIDES)
def _sides(value: Any, variables: Variables) -> Any:
    """One integer, [height, width] or [top, bottom, left, right]."""
    return _read_sides(value, variables)


def _read_sides(value: Any, variables: Variables, words: str = "") -> Sides:
    if isinstance(value, (list, tuple)) and len(value) == 4:
        top, bottom, left, right = (_edge(v, variables) for v in value)
        return (top, bottom, left, right)
    try:
        height, width = _edges(value, variables)
    except PydanticCustomError:
        if isinstance(value, str) and (word := synonym(value, re.findall(r"\w+", words))):
            raise expected("a padding", value, Replace(value, word)) from None
        hint = f"{words}one integer, [height, width] or [top, bottom, left, right]"
        raise expected("a padding", value, hint) from None
    return (height, height, width, width)


MAX_NAME = 60  # characters
NAME = rf"[A-Za-z][A-Za-z0-9_]{{0,{MAX_NAME - 1}}}"
NAME_FORM = {"title": "name", "type": "string", "pattern": f"^{NAME}$"}


@reads(**NAME_FORM)
def read_name(value: Any, variables: Variables) -> str:
    if not isinstance(value, str) or not re.fullmatch(NAME, value):
        raise failure(f"{show(value)} is not a name", "write a letter, then up to 59 letters, digits and underscores")
    return value


@reads(anyOf=[NAME_FORM, {"type": "array", "items": NAME_FORM, "maxItems": MAX_NAMES}])
def _names(value: Any, variables: Variables) -> tuple[str, ...]:
    """One name or a list of names."""
    if isinstance(value, (list, tuple)) and len(value) > MAX_NAMES:
        raise failure(f"{len(value)} names, at most {MAX_NAMES} are read", "join them in several steps")
    return tuple(read_name(item, variables) for item in (value if isinstance(value, (list, tuple)) else [value]))


Positive = Annotated[int, Check(integer(1))]
NonNegative = Annotated[int, Check(integer(0))]
Size = Annotated[tuple[int, int], Check(size(1))]
SymmetricPadding = Annotated[tuple[int, int], Check(size(0))]
SidePadding = Annotated[Sides, Check(_sides)]
Padding = Annotated[Literal["same", "valid"] | Sides, Check(_padding)]
Probability = Annotated[float, Check(number(0, 1))]
Name = Annotated[str, Check(read_name)]
Names = Annotated[tuple[str, ...], Check(_names)]
