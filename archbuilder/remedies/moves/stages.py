"""Edits for rules about stages: group blocks into stages, add or merge stages, rename them, add convs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from archbuilder.remedies.edits import Patch, Patches
from archbuilder.remedies.moves import ALL, Context, Move
from archbuilder.remedies.writing import Unwritable, Written, dash_of, insert_after, insert_before, remove
from archbuilder.rules.packs.kinds.convs import Convs
from archbuilder.rules.packs.kinds.stages import Stages
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.stages import Stage, in_order, is_window

INSIDE = 6  # indentation of the blocks of a stage relative to its dash, in columns


@dataclass(frozen=True)
class Plan:
    """The required stage names, the smallest number of convs in each, and how many stages must end in a certain
    conv."""

    names: tuple[str, ...]
    at_least: int = 0
    ending: int = 0

    @classmethod
    def of(cls, context: Context) -> Plan | None:
        """The requirements of the packs, None if there are none."""
        stages = [rule.names for rule in context.rules if isinstance(rule, Stages)]
        convs = [rule for rule in context.rules if isinstance(rule, Convs)]
        if not stages and not convs:
            return None
        names = max([*stages, *(rule.stages for rule in convs)], key=len)
        ending = max((len(rule.stages) for rule in convs if rule.last), default=0)
        return cls(names, max((rule.at_least for rule in convs), default=0), ending)

    def missing(self, number: int, units: int, ends: bool, channels: int) -> list[str]:
        """Cheap blocks that complete a stage; the last one is dilated if the stage must end in a certain conv."""
        closed = ends or number >= self.ending
        lacking = max(self.at_least if number < max(self.ending, 1) else 1, 1) - units
        fillers = [f"depthwise_separable: {channels}"] * max(lacking - (not closed), 0)
        return fillers if closed else [*fillers, f"depthwise_separable: {{out: {channels}, dilation: 2}}"]


class Row:
    """The top-level blocks in the file, with the layers of each."""

    def __init__(self, context: Context, net: Network) -> None:
        holder = net.spec._node.get("network") if net.spec._node else None
        if holder is None or not holder.is_list or holder.span.file != context.source.file:
            raise Unwritable("the network is written elsewhere")
        self.net = net
        self.items = [Written(context.source, holder, number) for number in range(len(holder.value))]

    def place(self, number: int) -> int:
        return self.items[number].name[0]

    def channels(self, last: int) -> int:
        """The number of output channels of a block."""
        nodes = [node for node in self.net.graph.nodes.values() if self.net.owners[node.name] <= last]
        return nodes[-1].shape.c if nodes else self.net.spec.input[0]

    def windows(self) -> list[int]:
        """The blocks with a conv over a window."""
        nodes = self.net.graph.nodes.values()
        return sorted({self.net.owners[node.name] for node in nodes if is_window(node)} - {-1})

    def number(self, stage: Stage) -> int:
        return next(number for number, block in enumerate(self.net.spec.network) if block is stage.block)


def moves(context: Context) -> Iterator[Move]:
    """Edits made from the requirements of the rules; none if the text has no place for them."""
    plan = Plan.of(context)
    if plan is None or context.network is None:
        return
    try:
        row = Row(context, context.network)
        found = in_order(row.net.stages, plan.names)
        yield from _structure(plan, row, found)
    except Unwritable:
        return


def _structure(plan: Plan, row: Row, found: Sequence[Stage]) -> Iterator[Move]:
    if not found:
        yield from _grouped(plan, row)
        return
    if len(found) < len(plan.names):
        yield from _more(plan, row, found)
    for stage in found[len(plan.names) :]:
        yield from _absorbed(row, row.number(stage), f"{stage.name} as a part of the stage before it")
    yield from _strays(row, found)
    yield from _renamed(plan, row, found)
    for number, stage in enumerate(found[: len(plan.names)]):
        yield from _completed(plan, row, number, stage)
    yield from _ended(row, found)


def _grouped(plan: Plan, row: Row) -> Iterator[Move]:
    """Group the blocks up to the last conv larger than 1x1 into stages with the required names, and add missing
    stages."""
    windows = row.windows()
    if not windows:
        return
    count = min(len(plan.names), len(windows))
    starts = [windows[len(windows) * number // count] for number in range(count)]
    ends = [*(start - 1 for start in starts[1:]), windows[-1]]
    patches: list[Patch] = []
    for number, (first, last) in enumerate(zip(starts, ends, strict=True)):
        nodes = [node for node in row.net.graph.nodes.values() if first <= row.net.owners[node.name] <= last]
        units = row.net.units(nodes)
        more = plan.missing(number, len(units), Convs.ends(units), row.channels(last))
        new = [_stage(plan, n, row.channels(last)) for n in range(count, len(plan.names))] if last == ends[-1] else []
        patches += _wrapped(row.items[first : last + 1], plan.names[number], more, new)
    places = {row.place(number) for number in range(starts[0], ends[-1] + 1)}
    title = f"group the blocks into the stages {', '.join(plan.names)}"
    yield Move("stages", title, tuple(patches), frozenset(places), ALL, ALL, form=True, count=len(plan.names))


def _stage(plan: Plan, number: int, channels: int) -> str:
    """A new stage, on one line."""
    blocks = ", ".join(f"{{{text}}}" for text in plan.missing(number, 0, False, channels))
    return f"stage: {{name: {plan.names[number]}, blocks: [{blocks}]}}"


def _wrapped(items: Sequence[Written], name: str, more: Sequence[str], after: Sequence[str]) -> Patches:
    """Wrap items into a stage, with `more` blocks after them, and other stages `after` it."""
    first, last = items[0], items[-1]
    source = first.source
    end = source.range(last.item.span)[1]
    if first.in_flow:
        start = source.offset(first.item.span.line, first.item.span.column)
        head, tail = f"{{stage: {{name: {name}, blocks: [", "".join(f", {{{text}}}" for text in more) + "]}}"
        others = "".join(f", {{{text}}}" for text in after)
        return Patch(start, start, head), Patch(end, end, tail + others)
    dash = dash_of(first)
    line = source.line_start(dash)
    if source.text[line:dash].strip():
        raise Unwritable("a block that shares its line")
    own, gap = source.text[line:dash], source.newline
    head = f"- stage:{gap}{own}    name: {name}{gap}{own}    blocks:{gap}{own}{' ' * INSIDE}"
    end = source.line_end(end)
    tail = "".join(f"{gap}{own}{' ' * INSIDE}- {text}" for text in more)
    others = "".join(f"{gap}{own}- {text}" for text in after)
    return Patch(dash, dash, head), *indented(first, dash, end), Patch(end, end, tail + others)


def indented(block: Written, start: int, end: int, by: int = INSIDE) -> Patches:
    """Indent the lines after that of `start`, up to `end`."""
    source = block.source
    lines = [line for line in source.starts if start < line < end and source.text[line : source.line_end(line)].strip()]
    return tuple(Patch(line, line, " " * by) for line in lines)


def _more(plan: Plan, row: Row, found: Sequence[Stage]) -> Iterator[Move]:
    """The stages that are missing, after the last one."""
    last = row.number(found[-1])
    numbers = range(len(found), len(plan.names))
    texts = [_stage(plan, number, row.channels(last)) for number in numbers]
    names = ", ".join(plan.names[number] for number in numbers)
    patches = insert_after(row.items[last], *texts)
    yield _move(f"the stage {names} after {found[-1].name}", patches, {row.place(last)}, len(texts))


def _absorbed(row: Row, number: int, title: str) -> Iterator[Move]:
    """Move a block to the end of the stage before it."""
    if number == 0:
        return
    item, before = row.items[number], row.items[number - 1]
    inner = _children(before)
    source = item.source
    start, end = source.offset(item.item.span.line, item.item.span.column), source.range(item.item.span)[1]
    if item.in_flow or inner.in_flow:
        if "\n" in source.text[start:end] and not item.in_flow:
            raise Unwritable("lines in brackets")
        text = source.text[start:end]
        at = source.range(inner.item.span)[1]
        text = text if text.startswith("{") or ":" not in text else f"{{{text}}}"
        gone = Patch(source.range(before.item.span)[1], end, "") if item.in_flow else _line_of(item)
        yield _move(title, (Patch(at, at, f", {text}"), gone), {row.place(number), row.place(number - 1)})
        return
    dash = dash_of(item)
    line, own = source.line_start(dash), dash - source.line_start(dash)
    by = dash_of(inner) - source.line_start(dash_of(inner)) - own
    patches = (Patch(line, line, " " * by), *indented(item, dash, source.line_end(end), by))
    yield _move(title, patches, {row.place(number), row.place(number - 1)})


def _line_of(item: Written) -> Patch:
    source = item.source
    return Patch(source.line_start(dash_of(item)), source.next_line(source.range(item.item.span)[1]), "")


def _children(block: Written) -> Written:
    """The last block inside a block. Raises Unwritable if there is none in the text."""
    blocks = block.field("blocks")
    if blocks is None or not blocks.is_list or not blocks.value or blocks.span.file != block.source.file:
        raise Unwritable("no list of blocks of its own")
    return Written(block.source, blocks, len(blocks.value) - 1)


def _strays(row: Row, found: Sequence[Stage]) -> Iterator[Move]:
    """Move convs larger than 1x1 that are in no stage to the start of the next stage, or to the end of the previous
    one."""
    places = [row.number(stage) for stage in found]
    for number in row.windows():
        if number > places[0] and number not in places:
            if number + 1 in places:
                yield from _leading(row, number)
            if number - 1 in places:
                yield from _absorbed(row, number, f"{row.items[number].word} as a part of the stage before it")


def _leading(row: Row, number: int) -> Iterator[Move]:
    """Move a block to the start of the stage after it."""
    item, first = row.items[number], replace(_children(row.items[number + 1]), index=0)
    source = item.source
    text = source.at(item.item.span)
    if "\n" in text:
        raise Unwritable("a block of several lines")
    if not item.in_flow and first.in_flow and ":" in text and not text.startswith("{"):
        text = f"{{{text}}}"
    start = source.offset(first.item.span.line, first.item.span.column)
    at, put = (start, f"{text}, ") if first.in_flow else insert_before(first, text)[0][1:]
    gone = remove(item)
    title = f"{item.word} as a part of the stage after it"
    yield _move(title, (*gone, Patch(at, at, put)), {row.place(number), row.place(number + 1)})


def _renamed(plan: Plan, row: Row, found: Sequence[Stage]) -> Iterator[Move]:
    """Rename every stage to the name required at its position."""
    patches, places = [], set()
    for name, stage in zip(plan.names, found, strict=False):
        item = row.items[row.number(stage)]
        node = item.field("name")
        if stage.name != name and node is not None:
            patches.append(Patch(*item.source.range(node.span), name))
            places.add(row.place(row.number(stage)))
    if patches:
        yield _move(f"name the stages {', '.join(plan.names)}", tuple(patches), places, len(patches))


def _completed(plan: Plan, row: Row, number: int, stage: Stage) -> Iterator[Move]:
    """Add convs until there are enough, the last of the required kind."""
    units = row.net.units(stage.nodes)
    place = row.number(stage)
    if more := plan.missing(number, len(units), Convs.ends(units), row.channels(place)):
        try:
            patches = insert_after(_children(row.items[place]), *more)
        except Unwritable:
            return
        words = "a conv" if len(more) == 1 else f"{len(more)} convs"
        yield _move(f"{words} more in {stage.name}", patches, {patches[0].start}, len(more))


def _ended(row: Row, found: Sequence[Stage]) -> Iterator[Move]:
    """Move the blocks after the last conv of the last stage out of that stage: they are the output."""
    number = row.number(found[-1])
    if number + 1 < len(row.items):
        return
    holder = _children(row.items[number])
    children = [Written(holder.source, holder.holder, index) for index in range(holder.index + 1)]
    source = holder.source
    inside = [node for node in found[-1].nodes if is_window(node)]
    if not inside:
        return
    last = inside[-1].span
    index = max((n for n, child in enumerate(children) if child.item.span[1:3] <= last[1:3]), default=-1)
    if not 0 <= index < len(children) - 1:
        return
    texts = [source.at(child.item.span) for child in children[index + 1 :]]
    start, end = (source.range(child.item.span)[1] for child in (children[index], children[-1]))
    if any("\n" in text for text in texts):
        raise Unwritable("blocks of several lines")
    gone = Patch(start, end, "") if holder.in_flow else Patch(source.line_end(start), source.line_end(end), "")
    bare = [text[1:-1] if text.startswith("{") else text for text in texts]
    (put,) = insert_after(row.items[number], *bare)
    merged = (Patch(gone.start, max(gone.end, put.end), put.text),) if gone.end >= put.start else (gone, put)
    yield _move(f"the output after {found[-1].name}, not in it", merged, {row.place(number)})


def _move(title: str, patches: Patches, places: set[int], count: int = 1) -> Move:
    return Move("stages", title, patches, frozenset(places), ALL, ALL, form=True, count=count)
