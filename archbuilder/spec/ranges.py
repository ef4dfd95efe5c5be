"""Types of fields for random draws: a number is a symmetric range, a list has both ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from archbuilder.remedy import Write
from archbuilder.schema.fields import (
    MAX_WINDOW,
    Check,
    Reading,
    Variables,
    bounded,
    expected,
    failure,
    reads,
    size,
)

N = TypeVar("N", int, float)

_two_counts = size(1)


def ordered(value: tuple[N, N]) -> tuple[N, N]:
    """The range unchanged. Raises if its ends are in the wrong order."""
    if value[0] > value[1]:
        raise failure(f"the ends of the range {list(value)} are in the wrong order", Write(f"[{value[1]}, {value[0]}]"))
    return value


@reads(**_two_counts.form | {"title": "count, or [least, most]"})
def _count(value: Any, variables: Variables) -> tuple[int, int]:
    """8 -> (8, 8); [4, 8] -> (4, 8)."""
    if isinstance(value, list) and len(value) != 2:
        raise expected("a whole number or [low, high]", value)
    return ordered(_two_counts(value, variables))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _between(least: float, most: float, spread: Callable[[float], tuple[float, float]], alone: float) -> Reading:
    """Reads a number, spread into a range, or [low, high]; both ends lie within least..most.

    A single number must be within ±`alone`, so that both ends of its range are within the bounds."""
    ends = {"type": "number", "minimum": least, "maximum": most}

    @reads(
        anyOf=[
            {"type": "number", "minimum": -alone, "maximum": alone},
            {"type": "array", "items": ends, "minItems": 2, "maxItems": 2},
        ]
    )
    def read(value: Any, variables: Variables) -> tuple[float, float]:
        ends = spread(value) if _is_number(value) else value
        if not isinstance(ends, (list, tuple)) or len(ends) != 2 or not all(map(_is_number, ends)):
            raise expected("a number or [low, high]", value)
        if not all(least <= end <= most for end in ends):  # also false for NaN
            bounds = f"from {least:g} to {most:g}"
            raise failure(f"{value} is out of range: the ends lie {bounds}", f"write [low, high] {bounds}")
        return ordered((float(ends[0]), float(ends[1])))

    return read


def _symmetric(value: float) -> tuple[float, float]:
    return -abs(value), abs(value)


def _factor(value: float) -> tuple[float, float]:
    return max(0.0, 1.0 - abs(value)), 1.0 + abs(value)


_LEVEL = {"type": "number", "minimum": 0, "maximum": 255, "not": {"exclusiveMinimum": 0, "exclusiveMaximum": 1}}


@reads(anyOf=[{"const": "mean"}, _LEVEL, {"type": "array", "items": _LEVEL}])
def _fill(value: Any, variables: Variables) -> Any:
    """`mean`, one grey level, or one level per channel; levels are 0..255."""
    if value == "mean":
        return value
    for level in value if isinstance(value, (list, tuple)) else [value]:
        if not _is_number(level) or not 0 <= level <= 255:
            raise expected("mean or a level from 0 to 255", value)
        if 0 < level < 1:  # written for images of 0..1; here it would be black
            raise failure(f"{level} is below one grey level: the unit is 0..255", "write mean, or the value times 255")
    return tuple(map(float, value)) if isinstance(value, (list, tuple)) else float(value)


_Range = tuple[float, float]
Count = Annotated[tuple[int, int], Check(_count)]
OneCount = Annotated[int, Check(bounded(1, MAX_WINDOW))]
ShiftRange = Annotated[_Range, Check(_between(-1.0, 1.0, _symmetric, 1.0))]  # 0.1 -> (-0.1, 0.1)
ScaleRange = Annotated[_Range, Check(_between(-0.99, 10.0, _symmetric, 0.99))]
DegreeRange = Annotated[_Range, Check(_between(-360.0, 360.0, _symmetric, 360.0))]
FactorRange = Annotated[_Range, Check(_between(0.0, 100.0, _factor, 99.0))]  # 0.2 -> (0.8, 1.2)
HueRange = Annotated[_Range, Check(_between(-0.5, 0.5, _symmetric, 0.5))]
Fill = Annotated[Literal["mean"] | float | tuple[float, ...], Check(_fill)]
Border = Literal["constant", "replicate", "reflect", "reflect_101", "wrap"]
