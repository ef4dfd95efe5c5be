"""Fewer or more channels: in one block, through a variable, or everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from math import gcd

from archbuilder.remedies.edits import Patch
from archbuilder.remedies.moves import MEMORY, WEIGHTS, WORK, Context, Move, written
from archbuilder.remedies.moves._conv import set_fields
from archbuilder.remedies.sites import Site, Variable

# strengths, weakest first, in eighths of the old number
FEWER, MORE = (7, 6, 4, 2), (10, 12, 16)

ALL = WEIGHTS | WORK | MEMORY
_PRODUCT = re.compile(r"\s*([0-9]+)\s*\*\s*([A-Za-z_]\w*)\s*|\s*([A-Za-z_]\w*)\s*(?:\*\s*([0-9]+)\s*)?")


def moves(context: Context) -> Iterator[Move]:
    narrow = []
    for site in context.sites:
        if site.written.field("out") is not None:
            narrow.append(site)
            yield from _ladder(site)
    for variable in context.variables:
        for eighths in FEWER + MORE:
            if (value := _part(variable.value, eighths)) != variable.value:
                yield _variable(variable, value)
    for eighths in FEWER + MORE:
        yield from _everywhere(narrow, eighths)


def step(value: int) -> int:
    """The step in which a number of channels is changed, so that round numbers stay round."""
    return next(grid for grid in (8, 4, 2, 1) if value % grid == 0 and (value >= 8 * grid or grid == 1))


def _part(value: int, eighths: int) -> int:
    """`eighths` / 8 of a number, rounded to its step."""
    grid = step(value)
    return max(value * eighths // 8 // grid * grid, grid)


def _ladder(site: Site) -> Iterator[Move]:
    text = site.written.text_of("out")
    for eighths in FEWER + MORE:
        move = _number(site, int(text), _part(int(text), eighths)) if text.isdigit() else _formula(site, text, eighths)
        if move:
            yield move


def _number(site: Site, old: int, value: int) -> Move | None:
    patches = written(set_fields, site, {"out": str(value)})
    if value == old or not patches:
        return None
    title = f"{'fewer' if value < old else 'more'} channels out of {site.label}: {value}, not {old}"
    return _move(
        title, patches, {site.place}, value, old, f"out {site.place}", at=lambda value: _number(site, old, value)
    )


def _formula(site: Site, text: str, eighths: int) -> Move | None:
    """`2 * width` -> `3 * width // 2`: scales an expression that is a product; other expressions are not changed."""
    found = _PRODUCT.fullmatch(text)
    if not found or eighths == 7:
        return None
    number, name = int(found[1] or found[4] or 1), found[2] or found[3]
    common = gcd(number * eighths, 8)
    times, over = number * eighths // common, 8 // common
    new = (f"{times} * {name}" if times > 1 else name) + (f" // {over}" if over > 1 else "")
    patches = written(set_fields, site, {"out": new})
    title = f"{'fewer' if eighths < 8 else 'more'} channels out of {site.label}: {new}"
    return _move(title, patches, {site.place}, eighths, 8, f"out {site.place}") if patches else None


def _variable(variable: Variable, value: int) -> Move:
    patch = Patch(variable.start, variable.end, str(value))
    title = f"{'smaller' if value < variable.value else 'larger'} {variable.name}: {value}, not {variable.value}"
    return _move(
        title,
        (patch,),
        {variable.start},
        value,
        variable.value,
        f"vars {variable.name}",
        at=lambda value: _variable(variable, value),
    )


def _everywhere(sites: Sequence[Site], eighths: int) -> Iterator[Move]:
    """The last resort: change every block with a number of channels; the cost is one edit per block."""
    numbers = [(site, int(text)) for site in sites if (text := site.written.text_of("out")).isdigit()]
    parts = [(site, _number(site, old, _part(old, eighths))) for site, old in numbers]
    made = [move for _, move in parts if move]
    if len(made) > 2:
        patches = tuple(patch for move in made for patch in move.patches)
        places = {place for move in made for place in move.places}
        title = f"{eighths}/8 of the channels in {len(made)} blocks"
        yield _move(title, patches, places, eighths, 8, "everywhere", count=len(made))


def _move(
    title: str,
    patches: tuple[Patch, ...],
    places: set[int],
    value: int,
    old: int,
    ladder: str,
    at: Callable[[int], Move | None] | None = None,
    count: int = 1,
) -> Move:
    down = value < old
    return Move(
        "channels",
        title,
        patches,
        frozenset(places),
        raises=frozenset() if down else ALL,
        lowers=ALL if down else frozenset(),
        count=count,
        ladder=f"{ladder} {down}",
        step=abs(value - old),
        value=value,
        old=old,
        at=at,
    )
