"""stages: the network consists of a number of stages and an output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.diagnostics import Span
from archbuilder.ir.graph import Node
from archbuilder.rules.packs.kinds import register
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.rule import STRUCTURE, Evidence, Miss, Outcome, Rule, are_required, listed
from archbuilder.rules.packs.stages import GROUP, Stage, in_order, is_window
from archbuilder.schema.fields import Names


@register
class Stages(Rule):
    """The network must have as many stages as there are names, in this order, then an output without a conv larger than
    1x1.

    A stage is a top-level group of blocks with a conv larger than 1x1: a `stage`, or a skip, branches, repeat or
    definition with a name. Only the position counts: the first group is the first stage, whatever its name. If a group
    has the first name, blocks before it are a stem and may be anything.
    """

    POSITIONAL: ClassVar[str] = "names"
    EXAMPLE: ClassVar[str] = "stages: [C1, C2, C3, C4]"
    REJECTS: ClassVar[dict[str, str]] = {"stages": "AB102", "stages: [1st]": "AB103", "stages: []": "AB103"}

    names: Annotated[Names, Field(min_length=1, description="the stages in order")]

    def judge(self, net: Network) -> Outcome:
        found = in_order(net.stages, self.names)
        misses = [*self._count(net, found), *self._order(found), *_between(net, found)]
        if not misses:
            misses += _output(net, found[-1])
        by = tuple(Evidence(stage.name, stage.span.line) for stage in found)
        return Outcome(by, "" if misses else self._says(net, found), tuple(misses))

    def _says(self, net: Network, found: Sequence[Stage]) -> str:
        others = any(stage.name != name for name, stage in zip(self.names, found, strict=True))
        then = f"then {listed(dict.fromkeys(node.block for node in _after(net, found[-1])))}"
        return f"as {', '.join(self.names)}, {then}" if others else then

    def _count(self, net: Network, found: Sequence[Stage]) -> Iterator[Miss]:
        count = len(self.names)
        wanted = f"{count} stage{'s' * (count != 1)} {are_required(count)} ({', '.join(self.names)})"
        if not found:
            yield Miss(STRUCTURE, f"{wanted}, but there is none", GROUP, net.place)
        elif len(found) < len(self.names):
            has = f"there {'is' if len(found) == 1 else 'are'} {len(found)}: {listed(stage.name for stage in found)}"
            yield Miss(STRUCTURE, f"{wanted}, {has}", GROUP, net.place)
        elif len(found) > len(self.names):
            extra = found[len(self.names)]
            message = f"{wanted}, but {extra.name} is stage {len(self.names) + 1}"
            hint = "merge it into the previous stage; a stem comes before the first stage, an output has only 1x1 convs"
            yield Miss(STRUCTURE, message, hint, extra.span)

    def _order(self, found: Sequence[Stage]) -> Iterator[Miss]:
        """A stage with one of the names must also have its position."""
        for name, stage in zip(self.names, found, strict=False):
            if stage.name != name and stage.name in self.names:
                message = f"{stage.name} is in the position of {name}"
                yield Miss(STRUCTURE, message, f"the order is {', '.join(self.names)}", _name(stage))


def _name(stage: Stage) -> Span:
    return stage.block.span("name")


def _numbers(net: Network, found: Sequence[Stage]) -> list[int]:
    """The positions of stages among the top-level blocks."""
    return [number for number, block in enumerate(net.spec.network) if any(block is stage.block for stage in found)]


def _between(net: Network, found: Sequence[Stage]) -> Iterator[Miss]:
    """Convs larger than 1x1 that are in no stage, after the first stage."""
    places = _numbers(net, found)
    for node in net.graph.nodes.values():
        owner = net.owners[node.name]
        if places and owner > places[0] and owner not in places and is_window(node):
            message = f"{node.name}, a conv larger than 1x1, is in no stage"
            yield Miss(STRUCTURE, message, "move it into a stage, or before the first one", node.span)


def _after(net: Network, last: Stage) -> list[Node]:
    (place,) = _numbers(net, [last])
    return [node for node in net.graph.nodes.values() if net.owners[node.name] > place]


def _output(net: Network, last: Stage) -> Iterator[Miss]:
    if not _after(net, last):
        hint = f"put gap and classifier after {last.name}, at the top level"
        yield Miss(STRUCTURE, f"nothing comes after {last.name}: there is no output", hint, last.span)
