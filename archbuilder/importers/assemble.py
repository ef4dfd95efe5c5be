"""A tree of items -> blocks, given the file's defaults: forks become skips and branches, joins get names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from archbuilder.importers.blocks import Style, activation_value, layer_values
from archbuilder.importers.flow import IMAGE, Flow, Step
from archbuilder.importers.naming import Names
from archbuilder.importers.segment import Window, segment, windows
from archbuilder.importers.sharing import Again, Shared, Sharing
from archbuilder.importers.structure import Fork, Inexpressible, Item, Join, Leaf
from archbuilder.importers.units import kind, unit
from archbuilder.importers.yaml_text import Block, everywhere
from archbuilder.ir import ops

FITTING = (ops.AvgPool2d, ops.ChannelPad, ops.MaxPool2d, ops.Pad2d)  # ops without parameters that adapt a shortcut

Run = tuple[list[Step], list[Window]]


class Assembler:
    """Writes a tree as blocks; `runs` are its sequences of single ops, for which a style can be chosen."""

    def __init__(self, flow: Flow, items: list[Item], classifier: int | None) -> None:
        self.flow = flow
        self.items = items
        self.classifier = classifier
        self.sharing = Sharing(items)
        self.names = Names(flow.live().values())
        self._cuts = {value for join in _joins(items) for value in _references(join)}
        self._runs: dict[int, Run] = {}  # by the number of the first step
        for run in self._all_runs(items):
            self._runs[run[0].id] = (run, windows(run, flow, self._cuts, classifier))

    @property
    def runs(self) -> list[Run]:
        return list(self._runs.values())

    def blocks(self, style: Style) -> list[Block]:
        """The network's blocks.  Raises Inexpressible."""
        shared: dict[Shared, Block] = {}
        blocks = self._list(self.items, style, shared)
        self._resolve(blocks)
        return blocks

    def _list(self, items: list[Item], style: Style, shared: dict[Shared, Block]) -> list[Block]:
        blocks: list[Block] = []
        for part in self._parts(items):
            if isinstance(part, list):
                blocks += segment(*self._runs[part[0].id], style)[1]
            elif isinstance(part, Fork):
                blocks.append(self._fork(part, style, shared))
            elif isinstance(part, Join):
                blocks.append(_join(part))
            elif isinstance(part, Shared):
                shared[part] = self._shared(part, style, shared)
                blocks.append(shared[part])
            else:
                steps = [step for block in self._list(part.items, style, shared) for step in block.steps]
                blocks.append(Block("use", {"block": shared[part.first].fields["name"]}, steps))
        return blocks

    def _parts(self, items: list[Item]) -> Iterator[list[Step] | Fork | Join | Shared | Again]:
        """The items of a list, with single ops gathered into runs."""
        run: list[Step] = []
        for part in self.sharing.parts(items):
            if isinstance(part, Leaf):
                run.append(part.step)
                continue
            if run:
                yield run
                run = []
            yield part
        if run:
            yield run

    def _all_runs(self, items: list[Item]) -> Iterator[list[Step]]:
        for part in self._parts(items):
            if isinstance(part, list):
                yield part
            elif isinstance(part, Fork):
                for path in part.paths:
                    yield from self._all_runs(path)
            elif isinstance(part, (Shared, Again)):
                yield from self._all_runs(part.items)

    def _shared(self, part: Shared, style: Style, shared: dict[Shared, Block]) -> Block:
        blocks = self._list(part.items, style, shared)
        steps = [step for block in blocks for step in block.steps]
        block = blocks[0] if len(blocks) == 1 else Block("stage", {"blocks": blocks}, steps)
        if "name" not in block.fields:
            block.named(self.names.take(self.names.attribute_of(steps) or block.word))
        return block

    def _fork(self, fork: Fork, style: Style, shared: dict[Shared, Block]) -> Block:
        if isinstance(fork.merge.op, ops.Gate):
            return _excite(fork, self.flow)
        paths = [self._list(path, style, shared) for path in fork.paths]
        merge = {"merge": fork.merge.op.describe()}
        if len(paths) == 2 and paths[fork.main] and not fork.split:
            body, other = paths[fork.main], paths[1 - fork.main]
            ordered = not isinstance(fork.merge.op, ops.Concat) or fork.main == 0
            if ordered and (not other or self._projects(fork.paths[1 - fork.main])):
                fields = (
                    {"blocks": body} | self._shortcut(fork, other, style) | (merge if merge != {"merge": "add"} else {})
                )
                return Block("skip", fields, [*_steps(body), *_steps(other), fork.merge])
        steps = [s for number, path in enumerate(paths) for s in [*fork.split[number : number + 1], *_steps(path)]]
        fields = merge if merge != {"merge": "concat"} else {}
        fields |= {"split": _split(fork.split)} if fork.split else {}
        return Block("branches", {**fields, "paths": paths}, [*steps, fork.merge])

    def _projects(self, path: Sequence[Item]) -> bool:
        """Whether a path only adapts its value: a 1x1 conv with its norm, or pools and padding."""
        steps = [item.step for item in path if isinstance(item, Leaf)]
        if len(steps) == len(path) and all(isinstance(step.op, FITTING) for step in steps):
            return True
        convs = [step.op for step in steps if isinstance(step.op, ops.Conv2d)]
        return len(steps) == len(path) and len(convs) == 1 and convs[0].kernel == (1, 1) and convs[0].groups == 1

    def _shortcut(self, fork: Fork, blocks: list[Block], style: Style) -> dict[str, Any]:
        """The field of the shortcut; empty for an identity, and for the projection that `auto` would make."""
        if not blocks:
            return {}
        steps = list(_steps(blocks))
        body = fork.merge.inputs[fork.main]
        x, y = self.flow.shape(steps[0].inputs[0]), self.flow.shape(body)
        strides = tuple(
            next((s for s in range(1, a + 1) if (a - 1) // s + 1 == b), 0) for a, b in ((x.h, y.h), (x.w, y.w))
        )
        bare = ops.Conv2d(y.c, (1, 1), (strides[0], strides[1]), bias=style.norm == "none")
        made = unit(steps, self.flow)
        if isinstance(fork.merge.op, ops.Concat) or x == y or made is None or made.conv != bare:
            return {"shortcut": blocks}
        normed = made.order == ("conv", "norm") and style.norm in layer_values(made, "norm")
        return {} if normed or (made.bare and style.norm == "none") else {"shortcut": blocks}

    def _resolve(self, blocks: list[Block]) -> None:
        """Name the blocks that joins refer to."""
        for join in [block for block in everywhere(blocks) if block.word == "join"]:
            names = [self._name(blocks, value, join.steps[0]) for value in join.fields["from"]]
            join.fields["from"] = names if len(names) > 1 else names[0]

    def _name(self, blocks: list[Block], value: int, merge: Step) -> str:
        block = next((block for block in everywhere(blocks) if block.output == value), None)
        if value == IMAGE or block is None:
            raise Inexpressible(
                merge, "merges a value with the image itself, or with one that is not the output of a block"
            )
        if "name" not in block.fields:
            block.named(self.names.take(self.names.attribute_of(block.steps) or block.word))
        name: str = block.fields["name"]
        return name


def _steps(blocks: Sequence[Block]) -> Iterator[Step]:
    for block in blocks:
        yield from block.steps


def _joins(items: Sequence[Item]) -> Iterator[Join]:
    for item in items:
        if isinstance(item, Join):
            yield item
        elif isinstance(item, Fork):
            for path in item.paths:
                yield from _joins(path)


def _references(join: Join) -> list[int]:
    """The values that a join must name; all of them for a concatenation that does not end in the current value."""
    if isinstance(join.merge.op, ops.Concat) and join.operands[-1] != join.current:
        return list(join.operands)
    return [value for value in join.operands if value != join.current]


def _join(join: Join) -> Block:
    if len(set(join.operands)) < len(join.operands):
        raise Inexpressible(join.merge, "merges a value with itself")
    merge = join.merge.op.describe()
    fields = {"from": _references(join)} | ({"merge": merge} if merge != "add" else {})
    return Block("join", fields, [join.merge])


def _split(steps: Sequence[Step]) -> Any:
    """The field for splitting channels: true for equal parts, else the sizes."""
    op = steps[0].op
    assert isinstance(op, ops.ChannelSlice)
    return list(op.sizes) if op.sizes else True


def _excite(fork: Fork, flow: Flow) -> Block:
    """A squeeze-and-excite block; recording has verified that its ops are those of the block."""
    leaves = [item.step for item in fork.paths[fork.main] if isinstance(item, Leaf)]
    if len(leaves) != 5 or [kind(step) for step in leaves[1:]] != ["conv", "act"] * 2 or fork.paths[1 - fork.main]:
        raise Inexpressible(fork.merge, "uses a gate whose layers are also used elsewhere")
    channels, reduced, gate = fork.merge.shape.c, leaves[1].shape.c, leaves[4].op.describe()
    middle, conv = leaves[2].op, leaves[1].op
    assert isinstance(middle, ops.Activation) and isinstance(conv, ops.Conv2d)
    fields: dict[str, Any] = {} if middle.kind == "relu" else {"activation": activation_value(middle)}
    fields |= {} if conv.bias else {"bias": False}
    fields |= {} if gate == "sigmoid" else {"gate": gate}
    ratio = channels // reduced
    if reduced != max(1, channels // 4):
        fields = ({"ratio": ratio} if max(1, channels // ratio) == reduced else {"reduced": reduced}) | fields
    return Block("squeeze_excite", fields, [*leaves, fork.merge])
