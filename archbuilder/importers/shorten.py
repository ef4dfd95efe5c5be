"""Stages from the user's modules, and repeats from blocks with equal text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from archbuilder.importers.naming import Names, is_name, says_something
from archbuilder.importers.yaml_text import Block, listed

LINE = 12  # cost of a line besides its characters, when considering a repeat


def stages(blocks: list[Block], names: Names, top: bool = True) -> list[Block]:
    """The blocks of one attribute of the module as a stage with its name; a single block just gets the name."""
    groups = [(key, list(group)) for key, group in groupby(blocks, lambda block: names.attribute_of(block.steps))]
    times = Counter(key for key, _ in groups)
    found: list[Block] = []
    for attribute, group in groups:
        for block in group:
            if not _whole(block, attribute, names):
                _inside(block, names)
        steps = [step for block in group for step in block.steps]
        free = times[attribute] == 1 and is_name(attribute) and attribute not in names.taken
        container = any(names.inner(step) for step in steps if names.attribute(step) == attribute)
        if not (free and container and (top or len(times) > 1)):
            found += group
        elif len(group) > 1:
            names.taken.add(attribute)
            found.append(Block("stage", {"name": attribute, "blocks": group}, steps))
        else:
            found.append(_named(group[0], attribute, names))
    return found


def _inside(block: Block, names: Names) -> None:
    """The same for the lists inside a block that spans several attributes."""
    for key in ("blocks", "shortcut"):
        if key in block.fields:
            block.fields[key] = stages(block.fields[key], names, top=False)
    if "paths" in block.fields:
        block.fields["paths"] = [stages(path, names, top=False) for path in block.fields["paths"]]


def _named(block: Block, attribute: str, names: Names) -> Block:
    """The block with the name of its attribute, unless the name adds nothing, or the block is more than the
    attribute."""
    if _whole(block, attribute, names) and "name" not in block.fields and says_something(attribute, block.word):
        names.taken.add(attribute)
        block.named(attribute)
    return block


def _whole(block: Block, attribute: str, names: Names) -> bool:
    """Whether everything in a block belongs to the attribute, except merges, which are often outside of it."""
    held = any(True for _ in block.lists())
    return not held or all(names.attribute(step) == attribute for step in block.steps if len(step.inputs) == 1)


def repeats(blocks: list[Block]) -> list[Block]:
    """Consecutive sequences with equal text as one `repeat`, if that is shorter."""
    for block in blocks:
        for key in ("blocks", "shortcut"):
            if key in block.fields:
                block.fields[key] = repeats(block.fields[key])
        if "paths" in block.fields:
            block.fields["paths"] = [repeats(path) for path in block.fields["paths"]]
    while best := _best(blocks):
        start, period, times = best
        blocks = [
            *blocks[:start],
            _repeat(blocks[start : start + period * times], period),
            *blocks[start + period * times :],
        ]
    return blocks


def _best(blocks: Sequence[Block]) -> tuple[int, int, int] | None:
    """(start, length, times) of the repetition that saves most, None if none saves anything."""
    best, most = None, 0
    costs = [_cost([block]) for block in blocks]
    for period in range(1, len(blocks) // 2 + 1):
        for start in range(len(blocks) - 2 * period + 1):
            times = 1
            while blocks[start : start + period] == blocks[start + period * times : start + period * (times + 1)]:
                times += 1
            stop = start + period * times
            if times > 1 and (saved := sum(costs[start:stop]) - _cost([_repeat(blocks[start:stop], period)])) >= max(
                most, 1
            ):
                best, most = (start, period, times), saved
    return best


def _repeat(blocks: Sequence[Block], period: int) -> Block:
    fields = {"times": len(blocks) // period, "blocks": list(blocks[:period])}
    return Block("repeat", fields, [step for block in blocks for step in block.steps])


def _cost(blocks: Sequence[Block]) -> int:
    return sum(len(line.strip()) + LINE for block in blocks for line in listed(block))
