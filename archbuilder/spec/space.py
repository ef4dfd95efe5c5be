"""`space:`: values that may be chosen for fields of a file, by their paths; the file's own values are the start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import exp, log, prod
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StrictFloat, StrictInt, model_validator

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare, did_you_mean, shorten
from archbuilder.document.nodes import Document, Node
from archbuilder.document.overrides import Steps, find, put, words_of
from archbuilder.remedy import written
from archbuilder.schema.env import Env
from archbuilder.schema.fields import failure
from archbuilder.schema.model import FORM, INVALID, VALUE, Model, validate

if TYPE_CHECKING:
    from archbuilder.spec.architecture import Architecture

MAX_CHOICES, MAX_OPTIONS = 100, 1_000
LARGEST = 1e9  # of a number in a range
SEARCHED = ("vars", "defaults", "define", "input", "network", "data", "train")  # sections that can be searched

PATH = declare(
    "AB560",
    "a path of a space that leads nowhere",
    why=(
        "A choice applies to one field of the file, which its path names. If the path leads nowhere, or to a section "
        "that a search must not change (such as the limits or the name), every candidate would be the same network."
    ),
    bad="space: {network.3.conv: [8, 16]}",
    good="space: {network.0.conv: [8, 16]}",
)
EMPTY = declare(
    "AB561",
    "a space without a choice",
    why="If the file itself is the only candidate, there is nothing to search.",
    bad="space: {network.0.conv: []}",
    good="space: {network.0.conv: [8, 16]}",
)
TWICE = declare(
    "AB562",
    "two choices for one place",
    why=(
        "A block can be reached by its position and by its name, so two paths may mean the same field. If two choices "
        "are for one field, or one is for a block and the other for a field of it, one of them has no effect."
    ),
    bad="space: {network.0: [{conv: 8}, {strided: 8}], network.0.conv: [8, 16]}",
    good="space: {network.0: [{conv: 8}, {conv: 16}, {strided: 8}]}",
)
IDLE = declare(
    "AB563",
    "a choice that changes nothing",
    why="An option that is listed twice, or a variable that is never used, makes a space look larger than it is.",
    bad="""\
vars: {width: 8}
space: {vars.width: [8, 16]}""",
    good="""\
vars: {width: 8}
network: [{conv: width}, gap]
space: {vars.width: [8, 16]}""",
)

Number = StrictInt | StrictFloat


class Range(Model):
    """Numbers from `from` to `to`, both included; whole numbers if all numbers in it are whole."""

    first: Annotated[Number, Field(alias="from", ge=-LARGEST, le=LARGEST, description="the smallest")]
    last: Annotated[Number, Field(alias="to", ge=-LARGEST, le=LARGEST, description="the largest")]
    step: Annotated[
        Number | None, Field(gt=0, description="distance between numbers; by default 1 if all are whole")
    ] = None
    log: Annotated[bool, Field(description="draw from 1 to 10 as often as from 10 to 100, as for a learning rate")] = (
        False
    )

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if not self.first < self.last:
            raise failure(f"there is no number from {self.first:g} to {self.last:g}", "write the smaller one first")
        if self.log and (self.first <= 0 or self.step is not None):
            raise failure("log needs a range from a number over 0, without a step", "remove log or step")
        return self

    @property
    def whole(self) -> bool:
        return all(isinstance(number, int) for number in (self.first, self.last, self.step or 1))

    @property
    def count(self) -> int | None:
        """The number of values, None if there are infinitely many."""
        step = self.step or (1 if self.whole else None)
        return None if step is None else int((self.last - self.first) / step + 1e-9) + 1

    def nearest(self, number: float) -> int | float:
        """The number of the range that is nearest to `number`; without a step it is rounded to four digits."""
        if step := self.step or (1 if self.whole else None):
            number = self.first + step * round((number - self.first) / step)
        return int(number) if self.whole else float(f"{min(max(number, self.first), self.last):.4g}")

    def at(self, share: float) -> int | float:
        """The number at a share of the range, 0 <= share < 1; uniform shares give all numbers equal probability."""
        if self.log:
            low, high = log(self.first), log(self.last + (1 if self.whole else 0))
            number = exp(low + share * (high - low))
            return min(int(number), int(self.last)) if self.whole else self.nearest(number)
        if (count := self.count) is not None:
            return self.nearest(self.first + int(share * count) * (self.step or 1))
        return self.nearest(self.first + share * (self.last - self.first))

    def __str__(self) -> str:
        more = ", log" if self.log else f", step {self.step:g}" if self.step else ""
        return f"{self.first:g} to {self.last:g}{more}"


Pick = int | float  # the number of an option in its list, or a number of a range


@dataclass(frozen=True)
class Choice:
    """The values for one place of a file: nodes of a list, or numbers of a range."""

    path: str  # as it is written
    span: Span
    options: tuple[Node, ...] = ()
    range: Range | None = None
    steps: Steps = ()

    @property
    def count(self) -> int | None:
        """The number of options, None if there are infinitely many."""
        return self.range.count if self.range else len(self.options)

    def node(self, pick: Pick) -> Node:
        """The node at the place for a pick."""
        if self.range is None:
            return self.options[int(pick)]
        return Node(pick, self.span)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The options of a list in words."""
        return tuple(written(node.plain()) for node in self.options)

    def label(self, pick: Pick) -> str:
        """A pick as YAML on one line."""
        return written(pick) if self.range else self.labels[int(pick)]

    def ends(self) -> Iterator[tuple[Node, Span]]:
        """The nodes to validate, each with its place: every option, or both ends of a range."""
        if self.range is None:
            yield from ((node, node.span) for node in self.options)
            return
        for end, number in (("from", self.range.first), ("to", self.range.last)):
            place = self.range._node.get(end) if self.range._node else None
            span = place.span if place else self.span
            yield Node(number, span), span


@dataclass(frozen=True)
class Space:
    """The choices of a file, in the order of the file."""

    choices: tuple[Choice, ...] = ()

    @property
    def size(self) -> int | None:
        """The number of networks, None if there are infinitely many."""
        counts = [choice.count for choice in self.choices]
        return None if None in counts else prod(count for count in counts if count is not None)

    @property
    def words(self) -> str:
        """Its size in words."""
        size, choices = self.size, f"{len(self.choices)} choice{'s' * (len(self.choices) != 1)}"
        if size is not None:
            return f"{choices}, {size:,} networks"
        endless = [choice.path for choice in self.choices if choice.count is None]
        return f"{choices}, infinitely many networks: {', '.join(endless)} has no step"

    def candidate(self, root: Node, picks: Sequence[Pick], grown: Grown | None = None) -> Node:
        """The tree of one network: the file without its space, with one pick for each choice.

        grown: parts of earlier candidates of the same root, which this one may share."""
        tree = self._places.grow(root, picks, self.choices, {} if grown is None else grown)
        return Node({key: value for key, value in tree.value.items() if key != "space"}, root.span, tree.keys)

    @cached_property
    def _places(self) -> _Place:
        places = _Place()
        for number, choice in enumerate(self.choices):
            place = places
            for step in choice.steps:
                place = place.below.setdefault(step, _Place())
                place.choices.append(number)
        places.choices = [*range(len(self.choices))]
        return places


Grown = dict[tuple[int, tuple[Pick, ...]], Node]


@dataclass(eq=False)
class _Place:
    """A place at or below which values are chosen: the indices of these choices, and the places one step further
    down."""

    choices: list[int] = field(default_factory=list)
    below: dict[str | int, _Place] = field(default_factory=dict)

    def grow(self, node: Node | None, picks: Sequence[Pick], choices: Sequence[Choice], grown: Grown) -> Node:
        """The node for these picks, in place of the node of the file."""
        chosen = tuple([picks[number] for number in self.choices])
        if (found := grown.get((id(self), chosen))) is not None:
            return found
        first = choices[self.choices[0]]
        if not self.below:
            new = first.node(chosen[0])
        else:
            empty = node is None or node.value is None
            new = (
                Node({}, first.span) if empty or node is None else replace(node, value=copy(node.value), keys=node.keys)
            )
            if new.is_mapping:
                new.keys = {**dict.fromkeys(map(str, self.below), first.span), **new.keys}
            for step in sorted(self.below, reverse=True) if new.is_list else self.below:
                old = None if isinstance(step, str) and step not in new.value else new.value[step]
                put(new, (step,), self.below[step].grow(old, picks, choices, grown))
        grown[id(self), chosen] = new
        return new


_OPTIONS = {"type": "array", "minItems": 1, "maxItems": MAX_OPTIONS}
FORM_OF_SPACE = {
    "type": ["object", "null"],
    "propertyNames": {"pattern": rf"^({'|'.join(SEARCHED)})([.][^.]+)*$"},
    "additionalProperties": {"anyOf": [_OPTIONS, Range]},
}


def read_space(node: Node, env: Env) -> Any:
    """The choices as written; `bind` finds their places."""
    if node.value is None or node.value == {}:
        env.report(
            EMPTY, node.span, "there is nothing to choose", "write for example vars.width: [16, 24], or remove it"
        )
        return INVALID
    if not node.is_mapping:
        env.report(FORM, node.span, "expected a mapping from path to choice", "write space: {vars.width: [16, 24]}")
        return INVALID
    if len(node.value) > MAX_CHOICES:
        env.report(VALUE, node.span, f"{len(node.value):,} choices, at most {MAX_CHOICES} are read", "fix some of them")
        return INVALID
    return Space(tuple(choice for path, child in node.value.items() if (choice := _choice(path, child, node, env))))


def _choice(path: str, node: Node, space: Node, env: Env) -> Choice | None:
    span = space.place(path)
    if node.is_mapping:
        found = validate(Range, node, env)
        return Choice(path, span, range=found) if isinstance(found, Range) else None
    if not node.is_list:
        shown = "nothing" if node.value is None else written(node.value)
        hint = f"write {path}: [{shown}, ...], or {path}: {{from: 8, to: 32, step: 8}}"
        env.report(FORM, span if node.value is None else node.span, "expected a list of options, or a range", hint)
        return None
    if not node.value:
        env.report(EMPTY, node.span, f"{path} has no options", "write some, or remove the choice")
        return None
    if len(node.value) > MAX_OPTIONS:
        env.report(VALUE, node.span, f"{len(node.value):,} options, at most {MAX_OPTIONS:,} are read", "write a range")
        return None
    choice = Choice(path, span, tuple(node.value))
    for number, label in enumerate(choice.labels):
        if label in choice.labels[:number]:
            env.report(IDLE, choice.options[number].span, f"{shorten(label, 60)} is listed twice", "keep one of them")
            return None
    return choice


def bind(space: Space, root: Node, diagnostics: list[Diagnostic]) -> Space:
    """The space with the place of each choice; choices without a place, or with that of another, are reported and left
    out."""
    bound: dict[Steps, Choice] = {}
    used = words_of(root)
    for choice in space.choices:
        try:
            steps = _steps(choice, root, used)
        except ArchbuilderError as error:
            diagnostics += (replace(d, code=PATH) if d.code.id == "AB901" else d for d in error.diagnostics)
            continue
        if other := next((o for s, o in bound.items() if s[: len(steps)] == steps or steps[: len(s)] == s), None):
            message = (
                f"{choice.path} and {other.path} are "
                f"{'the same place' if other.steps == steps else 'one inside the other'}"
            )
            diagnostics.append(TWICE.at(choice.span, message, "keep one of the two"))
        else:
            bound[steps] = replace(choice, steps=steps)
    return Space(tuple(bound.values()))


def _steps(choice: Choice, root: Node, used: set[str]) -> Steps:
    section, _, variable = choice.path.partition(".")
    if section not in SEARCHED:
        hint = did_you_mean(section, SEARCHED)
        raise ArchbuilderError(PATH.at(choice.span, f"{shorten(section, 60)} cannot be searched", hint))
    if section == "vars" and variable not in used:
        hint = did_you_mean(variable, used & {*_variables(root)}) or f"use {variable} in a field, or remove the choice"
        raise ArchbuilderError(IDLE.at(choice.span, f"nothing uses the variable {variable}", hint))
    return find(root, choice.path, choice.span)


def _variables(root: Node) -> Mapping[str, Node]:
    own = root.get("vars")
    return own.value if own and own.is_mapping else {}


def impossible(document: Document, spec: Architecture) -> Iterator[Diagnostic]:
    """Options that are invalid whatever else is chosen: each is validated alone, and reported at its own place."""
    from archbuilder.spec.architecture import read  # imported late: it imports this module

    if spec.space is None:
        return
    for choice in spec.space.choices:
        for node, span in choice.ends():
            tree = Space((replace(choice, options=(node,), range=None),)).candidate(document.root, [0])
            found: list[Diagnostic] = []
            read(replace(document, root=tree), found)
            here = (d for d in found if d.severity == "error")
            yield from (d for d in here if d.span == choice.span or _inside(d.span, span))


def _inside(inner: Span, outer: Span) -> bool:
    start, end = (inner.line, inner.column), (inner.end_line, inner.end_column)
    return inner.file == outer.file and outer[1:3] <= start and end <= outer[3:5]
